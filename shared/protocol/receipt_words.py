"""What is said of a receipt, to whoever shows one: the same on the hub's page and at the command line."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.model.wording import Language, Wording
from shared.protocol.receipts import Judgement, Verdict


def _words(es: str, ca: str, en: str) -> Wording:
    return Wording(es=es, ca=ca, en=en, extra={})


VERDICTS: Final[Mapping[Verdict, Wording]] = MappingProxyType(
    {
        Verdict.GENUINE: _words(
            "Este recibo es auténtico.",
            "Aquest rebut és autèntic.",
            "This receipt is genuine.",
        ),
        Verdict.EXPIRED: _words(
            "Este recibo se firmó con una clave caducada. Pregunte en el ayuntamiento.",
            "Aquest rebut es va signar amb una clau caducada. Pregunteu a l'ajuntament.",
            "This receipt was signed with a key that had expired. Ask the town hall.",
        ),
        Verdict.FOREIGN: _words(
            "Este recibo no es de este municipio, o la lista de claves es antigua.",
            "Aquest rebut no és d'aquest municipi, o la llista de claus és antiga.",
            "This receipt is not from this town, or the list of keys is too old.",
        ),
        Verdict.FORGED: _words(
            "Este recibo es falso: quien lo firmó no es un equipo de este municipio.",
            "Aquest rebut és fals: qui el va signar no és un equip d'aquest municipi.",
            "This receipt is forged: whoever signed it is no device of this town.",
        ),
        Verdict.ALTERED: _words(
            "Este recibo está alterado o mal copiado. Escanéelo otra vez.",
            "Aquest rebut està alterat o mal copiat. Escanegeu-lo una altra vegada.",
            "This receipt was altered or copied wrongly. Scan it again.",
        ),
        Verdict.CUT: _words(
            "A este recibo le falta un trozo. Escanéelo otra vez, entero.",
            "A aquest rebut li falta un tros. Escanegeu-lo una altra vegada, sencer.",
            "A part of this receipt is missing. Scan it again, all of it.",
        ),
        Verdict.NEWER: _words(
            "Este recibo es de una versión más nueva. Actualice este programa.",
            "Aquest rebut és d'una versió més nova. Actualitzeu aquest programa.",
            "This receipt is of a newer version. Update this program.",
        ),
        Verdict.NONE: _words(
            "Esto no es un recibo. Escanee el código QR del papel o de la pantalla.",
            "Això no és un rebut. Escanegeu el codi QR del paper o de la pantalla.",
            "This is not a receipt. Scan the QR code on the paper or the screen.",
        ),
    }
)
_WHAT: Final[Mapping[str, Wording]] = MappingProxyType(
    {
        "incident.reported": _words("un aviso", "un avís", "a report"),
        "payment.captured": _words("un pago", "un pagament", "a payment"),
    }
)
_ANYTHING: Final = _words("una gestión", "un tràmit", "a request")
_SAID: Final = _words(
    "El equipo {device} guardó {what}, código {reference}, el {time} (UTC): número {seq}, serie {epoch}.",
    "L'equip {device} va desar {what}, codi {reference}, el {time} (UTC): número {seq}, sèrie {epoch}.",
    "The device {device} stored {what}, code {reference}, on {time} (UTC): number {seq}, series {epoch}.",
)


def verdict_said(judgement: Judgement, language: Language) -> str:
    """Return what a receipt is worth, in a sentence."""
    return VERDICTS[judgement.verdict].in_language(language)


def receipt_said(judgement: Judgement, language: Language) -> str | None:
    """Return what a genuine receipt says; None where there is nothing to be believed."""
    receipt = judgement.receipt
    if receipt is None or judgement.verdict is not Verdict.GENUINE:
        return None
    what = _WHAT.get(receipt.type, _ANYTHING).in_language(language)
    return _SAID.in_language(language).format(
        device=receipt.device,
        what=what,
        reference=receipt.reference,
        time=receipt.time[:16].replace("T", " "),
        seq=receipt.seq,
        epoch=receipt.epoch,
    )
