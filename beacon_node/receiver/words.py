"""What the phone says of itself, in the town's languages: reasons, and what stands around a notice."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from beacon_node.receiver.core.matching import Reason
from shared.model.wording import Language, Wording


def _words(es: str, ca: str, en: str) -> Wording:
    return Wording(es=es, ca=ca, en=en, extra={})


REASONS: Final[Mapping[Reason, Wording]] = MappingProxyType(
    {
        Reason.NO_CONSENT: _words(
            "No se mostró nada: usted no ha pedido avisos.",
            "No es va mostrar res: vostè no ha demanat avisos.",
            "Nothing was shown: you have not asked for notices.",
        ),
        Reason.NOT_EDDYSTONE: _words(
            "Era otro aparato, no una baliza.",
            "Era un altre aparell, no una balisa.",
            "It was another device, not a beacon.",
        ),
        Reason.EXPIRED_BUNDLE: _words(
            "Los datos del distrito han caducado. Descárguelos otra vez con wifi.",
            "Les dades del districte han caducat. Descarregueu-les una altra vegada amb wifi.",
            "The district's data have expired. Fetch them again over Wi-Fi.",
        ),
        Reason.FOREIGN: _words(
            "No es una baliza de este distrito, o no le corresponde decir esto ahora.",
            "No és una balisa d'aquest districte, o no li correspon dir això ara.",
            "It is no beacon of this district, or this is not what it says now.",
        ),
        Reason.UNPROVEN: _words(
            "La baliza no demostró quién es, y usted pidió solo las que lo demuestran.",
            "La balisa no va demostrar qui és, i vostè va demanar només les que ho demostren.",
            "The beacon did not prove what it is, and you wanted only those that do.",
        ),
        Reason.WEAK: _words(
            "La baliza está demasiado lejos.",
            "La balisa és massa lluny.",
            "The beacon is too far away.",
        ),
        Reason.NO_INTEREST: _words(
            "Aquí no hay nada de lo que le interesa.",
            "Aquí no hi ha res del que li interessa.",
            "There is nothing here that you care about.",
        ),
        Reason.NOT_NOW: _words(
            "No es su día o su hora.",
            "No és el seu dia o la seva hora.",
            "It is not its day or hour.",
        ),
        Reason.ALREADY_SHOWN: _words(
            "Ya se le mostró.",
            "Ja se li va mostrar.",
            "It was shown to you before.",
        ),
        Reason.QUIET_HOURS: _words(
            "Son sus horas de silencio.",
            "Són les seves hores de silenci.",
            "These are your quiet hours.",
        ),
        Reason.CAPPED: _words(
            "Ya ha recibido bastantes por ahora.",
            "Ja n'ha rebut prou per ara.",
            "You have had enough of them for now.",
        ),
        Reason.SHOW: _words("Se mostró.", "Es va mostrar.", "It was shown."),
    }
)
CONSENT: Final = _words(
    "Su teléfono le avisará de lo que le interesa cerca de usted. Nadie sabrá por dónde pasa: se decide "
    "aquí, en su teléfono. Puede borrarlo todo con «ventanilla receiver forget».",
    "El seu telèfon l'avisarà del que li interessa a prop seu. Ningú no sabrà per on passa: es decideix "
    "aquí, al seu telèfon. Pot esborrar-ho tot amb «ventanilla receiver forget».",
    "Your phone will tell you what you care about near you. Nobody will know where you pass: it is decided "
    "here, on your phone. You can delete everything with “ventanilla receiver forget”.",
)
NO_CONSENT: Final = _words(
    "Su teléfono no le mostrará avisos.",
    "El seu telèfon no li mostrarà avisos.",
    "Your phone will show you no notices.",
)
FORGOTTEN: Final = _words(
    "Se ha borrado todo de este teléfono.",
    "S'ha esborrat tot d'aquest telèfon.",
    "Everything was deleted from this phone.",
)
NOTHING_DECIDED: Final = _words(
    "En las últimas 24 horas no se ha decidido nada.",
    "En les últimes 24 hores no s'ha decidit res.",
    "Nothing was decided in the last 24 hours.",
)
MORE: Final = _words("Más", "Més", "More")
UNPROVEN: Final = _words(
    "La baliza no ha demostrado quién es.",
    "La balisa no ha demostrat qui és.",
    "The beacon did not prove what it is.",
)
URGENT: Final = _words("Urgente", "Urgent", "Urgent")


def reason_said(reason: str, language: Language) -> str:
    """Return a reason in a sentence; as it is written where this version does not know it."""
    try:
        return REASONS[Reason(reason)].in_language(language)
    except ValueError:
        return reason
