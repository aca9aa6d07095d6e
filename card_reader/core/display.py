"""What a validator shows, lights and sounds: two short lines in the passenger's language, never colour alone.

    shown = show(verdict)
    shown.lines(Language.CA)      # ("Bon viatge", "1,30 € Saldo 8,70 €")

Rules:
- A line has at most `LINE_LENGTH_MAX` characters, amounts included: it is read in passing.
- The three languages of a line stand side by side here: a validator says some twenty things, and whoever
  changes one sees the others. A town's own words come by the bundle `translations`, under the Spanish line.
- Light, sound and words say the same. Each kind of no has its own words; the sound tells apart what to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from card_reader.core.decision import No
from card_reader.core.fare import SINGLE
from card_reader.core.tap import Verdict, Yes
from shared.model.money import EURO, Money
from shared.model.wording import Language, Wording

LINE_LENGTH_MAX: Final = 24


class Light(StrEnum):
    """The lamp."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


class Sound(StrEnum):
    """What is to be done, by ear."""

    GO = "go"
    """One short high tone."""
    KNOWN = "known"
    """Two short high tones: it was valid already."""
    AGAIN = "again"
    """Two tones that rise: hold it there again."""
    BACK = "back"
    """Two tones that fall: the driver took it back, nobody rides."""
    OTHER = "other"
    """One middle tone: hold another card there."""
    STOP = "stop"
    """One long low tone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing that a validator says.

    Attributes:
        light: the lamp.
        sound: the tone.
        head: the first line.
        more: the second line.
    """

    light: Light
    sound: Sound
    head: Wording
    more: Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A sign with its figures.

    Attributes:
        sign: what is said.
        parts: its figures, by name.
    """

    sign: Sign
    parts: Mapping[str, str]

    def lines(self, language: Language) -> tuple[str, str]:
        """The two lines in a language."""
        head, more = self.sign.head.in_language(language), self.sign.more.in_language(language)
        return head.format_map(self.parts), more.format_map(self.parts)


def show(verdict: Verdict) -> Shown:
    """Return what is shown of a tap."""
    record = verdict.record
    parts = {
        "amount": str(Money(verdict.paid_minor, EURO)),
        "back": str(Money(record.amount_minor, EURO)) if record else "",
        "balance": str(Money(record.balance_minor, EURO)) if record else "",
        "people": str(record.passengers) if record else "",
        "rides": str(record.rides) if record else "",
    }
    return Shown(sign=_sign(verdict), parts=parts)


def _sign(verdict: Verdict) -> Sign:
    record = verdict.record
    if verdict.said is not Yes.RIDE or record is None:
        return SIGNS[verdict.said]
    if not verdict.paid_minor and record.product == SINGLE:
        return CAPPED
    if not verdict.paid_minor:
        return BY_RIDES if record.rides_product and record.product == record.rides_product else BY_PASS
    return LOW if record.balance_minor < 0 else SIGNS[Yes.RIDE]


def _sign_of(light: Light, sound: Sound, head: tuple[str, str, str], more: tuple[str, str, str]) -> Sign:
    return Sign(light=light, sound=sound, head=_wording(head), more=_wording(more))


def _wording(texts: tuple[str, str, str]) -> Wording:
    es, ca, en = texts
    return Wording(es=es, ca=ca, en=en, extra={})


_GO: Final = ("Buen viaje", "Bon viatge", "Have a good trip")
_PAID: Final = ("{amount} Saldo {balance}", "{amount} Saldo {balance}", "{amount} Left {balance}")
_AGAIN: Final = ("Acérquela de nuevo", "Acoste-la de nou", "Hold it here again")
_DESK: Final = ("Pregunte en oficina", "Pregunte en oficina", "Ask at an office")
_OTHER: Final = ("Use su Tarjeta", "Use la seua Targeta", "Use your City Card")

LOW: Final = _sign_of(Light.AMBER, Sound.GO, ("Recargue pronto", "Recarregue prompte", "Top up soon"), _PAID)
CAPPED: Final = _sign_of(
    Light.GREEN, Sound.GO, _GO, ("Hoy ya no paga más", "Hui ja no paga més", "No more to pay today")
)
BY_PASS: Final = _sign_of(
    Light.GREEN, Sound.GO, _GO, ("Abono válido", "Abonament vàlid", "Your pass is valid")
)
BY_RIDES: Final = _sign_of(
    Light.GREEN,
    Sound.GO,
    _GO,
    ("Viajes: quedan {rides}", "Viatges: en queden {rides}", "Rides left: {rides}"),
)
CLOSED: Final = _sign_of(
    Light.RED,
    Sound.STOP,
    ("Fuera de servicio", "Fora de servei", "Out of service"),
    ("Pague al conductor", "Pague al conductor", "Pay the driver"),
)
"""Nothing is taken now, whatever the card."""
SIGNS: Final[Mapping[Yes | No, Sign]] = {
    Yes.RIDE: _sign_of(Light.GREEN, Sound.GO, _GO, _PAID),
    Yes.TRANSFER: _sign_of(
        Light.GREEN,
        Sound.GO,
        ("Transbordo", "Transbord", "Transfer"),
        ("Sin coste", "Sense cost", "No charge"),
    ),
    Yes.ALREADY: _sign_of(
        Light.GREEN,
        Sound.KNOWN,
        ("Ya está validada", "Ja està validada", "Already valid"),
        ("Viajan: {people}", "Viatgen: {people}", "Passengers: {people}"),
    ),
    Yes.UNDONE: _sign_of(
        Light.AMBER,
        Sound.BACK,
        ("Viaje anulado", "Viatge anul·lat", "Trip cancelled"),
        ("Devuelto: {back}", "Retornat: {back}", "Given back: {back}"),
    ),
    No.FOREIGN_CARD: _sign_of(
        Light.RED,
        Sound.OTHER,
        ("Tarjeta no válida aquí", "Targeta no vàlida ací", "Card not valid here"),
        _OTHER,
    ),
    No.BANK_CARD: _sign_of(
        Light.RED, Sound.OTHER, ("Es tarjeta de banco", "És targeta de banc", "This is a bank card"), _OTHER
    ),
    No.PHONE: _sign_of(Light.RED, Sound.OTHER, ("Es un móvil", "És un mòbil", "This is a phone"), _OTHER),
    No.EMPTY_FIELD: _sign_of(
        Light.AMBER,
        Sound.AGAIN,
        ("Acerque su tarjeta", "Acoste la targeta", "Hold your card here"),
        ("No se ha leído nada", "No s’ha llegit res", "Nothing was read"),
    ),
    No.TWO_CARDS: _sign_of(
        Light.AMBER,
        Sound.AGAIN,
        ("¿Lleva dos tarjetas?", "Porta dos targetes?", "Two cards there?"),
        ("Acerque solo una", "Acoste’n només una", "Hold only one here"),
    ),
    No.NOT_GENUINE: _sign_of(
        Light.RED,
        Sound.STOP,
        ("Tarjeta no reconocida", "Targeta no reconeguda", "Card not recognised"),
        _DESK,
    ),
    No.UNREADABLE: _sign_of(
        Light.RED, Sound.STOP, ("No se puede leer", "No es pot llegir", "Cannot be read"), _DESK
    ),
    No.WRONG_VERSION: _sign_of(
        Light.RED,
        Sound.STOP,
        ("Avise al conductor", "Avise el conductor", "Tell the driver"),
        ("Validador antiguo", "Validador antic", "Reader out of date"),
    ),
    No.EXPIRED: _sign_of(
        Light.RED, Sound.STOP, ("Tarjeta caducada", "Targeta caducada", "Card expired"), _DESK
    ),
    No.BLOCKED: _sign_of(
        Light.RED, Sound.STOP, ("Tarjeta bloqueada", "Targeta bloquejada", "Card blocked"), _DESK
    ),
    No.NO_BALANCE: _sign_of(
        Light.RED,
        Sound.STOP,
        ("Falta saldo", "Falta saldo", "Not enough left"),
        ("Saldo {balance}", "Saldo {balance}", "Left {balance}"),
    ),
    No.TOO_MANY: _sign_of(
        Light.RED,
        Sound.STOP,
        ("Demasiados viajeros", "Massa viatgers", "Too many passengers"),
        ("Use otra tarjeta", "Use una altra targeta", "Use another card"),
    ),
    No.UNCHECKED: _sign_of(
        Light.RED,
        Sound.STOP,
        ("No se puede comprobar", "No es pot comprovar", "Cannot be checked"),
        ("Pague al conductor", "Pague al conductor", "Pay the driver"),
    ),
    No.NO_UNDOING: _sign_of(
        Light.AMBER,
        Sound.STOP,
        ("No se puede anular", "No es pot anul·lar", "Cannot be cancelled"),
        _DESK,
    ),
    No.REMOVED: _sign_of(
        Light.AMBER,
        Sound.AGAIN,
        _AGAIN,
        ("No la retire aún", "No la retire encara", "Do not take it away"),
    ),
}
"""What is said of each outcome; a ride by other means than the purse has the signs above."""
