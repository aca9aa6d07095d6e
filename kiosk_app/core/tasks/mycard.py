"""My card: what is left on it, what it is good for, and its last trips, read by the hub through this kiosk.

The hub's answer (`hub.domain.cards.mine`); what is missing or malformed in it is not shown:

    {"said":"done","state":"issued","card":{"balance_minor":550,"currency":"EUR","valid_until":"2031-11-01",
     "is_expired":false,"passes":[{"product":20,"zones":[1,2],"first":"…","last":"…"}],
     "rides":{"left":7,"product":30},"pin":"asked","pin_left":3,"trips":[{"deed":"ride","at_ms":…,…}]}}

Rules:
- The card is read and nothing more: nothing is charged.
- Everything on the answer is somebody's own, and so is the session from the moment a card is waited for.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, cast

from kiosk_app.core.draft import Ability, Around, Draft
from kiosk_app.core.effects import CARD
from kiosk_app.core.pages import Choice, Fact, Item, Keyboard, Note, Page, Screen, Tone
from kiosk_app.core.steps import NEXT, Step, Typing
from kiosk_app.core.tasks.task import AnyTask, Tile
from kiosk_app.core.words import Instant, Words, say, say_counted
from shared.model.card_pin import PIN_LENGTH, PinWord, is_pin
from shared.model.money import EURO, Money

PIN: Final = "mycard.pin"
ASKED: Final = "mycard.pin_asked"
TRIPS: Final = "trips"
TRIPS_SHOWN: Final = 5
_MINOR_MAX: Final = 1_000_000
_AWAY: Final = say("Se ha cortado la conexión y no se ha leído nada. Inténtelo más tarde.")
_MOVED: Final = say("La tarjeta se ha movido. Acérquela otra vez y déjela quieta.")
_STRANGER: Final = say("No es una tarjeta ciudadana. Las de banco y los móviles no sirven aquí.")
_UNKNOWN: Final = say("No reconocemos esta tarjeta. Llévela a la oficina de atención.")
_UNREADABLE: Final = say("No se puede leer. Sáquela de la cartera y acerque una sola tarjeta.")
_FAILURES: Final[Mapping[str, Words]] = {
    "no_card": say("No ha llegado ninguna tarjeta. Cuando la tenga a mano, empiece otra vez."),
    "removed": _MOVED,
    "unknown": _MOVED,
    "foreign_card": _STRANGER,
    "not_genuine": _UNKNOWN,
    "unknown_card": _UNKNOWN,
    "unreadable": _UNREADABLE,
    "wrong_version": say("Esta tarjeta es más nueva que este equipo. Pruebe en la oficina de atención."),
    "reader": say("El lector de tarjetas no funciona ahora. Pruebe en otro equipo."),
}
"""By the hub's word (`hub.domain.cards.verdict.Said`) and by the machine's own."""
_STATES: Final[Mapping[str, Words]] = {
    "blocked": say("Está bloqueada y no sirve para viajar. En la oficina de atención la desbloquean."),
    "replaced": say("Esta tarjeta ya no vale: la sustituye otra."),
    "refunded": say("Esta tarjeta está dada de baja: ya se devolvió su saldo."),
}


class MyCard:
    """Look at one's card."""

    tile = Tile(
        id="mycard",
        words=say("Ver mi tarjeta"),
        icon="credit-card",
        needs=(Ability.NETWORK, Ability.CARDS),
    )
    is_personal = True
    waiting = Page(
        name="mycard.hold",
        screen=Screen.WAIT,
        title=say("Acerque su tarjeta al lector"),
        items=(Note(words=say("Déjela quieta hasta que salga en la pantalla.")),),
        icon="credit-card",
    )

    def steps(self, draft: Draft, around: Around) -> Sequence[Step]:
        """Say what comes; ask for the PIN where somebody wants to see what is behind it."""
        return [_Begin(), _pin_step()] if draft.answers.get(ASKED) else [_Begin()]

    def question(self, draft: Draft) -> tuple[str, str]:
        """Return that a card is to be read, and with which PIN."""
        return CARD, draft.text(PIN)

    def answer(self, answer: Mapping[str, Any], around: Around) -> Page:
        """Show what stands on the card."""
        card = _card_of(answer)
        pin = str(card.get("pin"))
        items: list[Item] = [
            *_standing(str(answer.get("state")), card),
            *_worth(card),
            *_pin_notes(pin, card.get("pin_left")),
            *_trips(card.get("trips")),
        ]
        ask = Choice(id=TRIPS, words=_ask_words(pin), icon="lock")
        return Page(
            name="mycard.answer",
            screen=Screen.REVIEW,
            title=say("Su tarjeta. Ya puede retirarla"),
            items=tuple(items),
            others=(ask,) if _is_asked(pin) else (),
        )

    def onward(self, draft: Draft, answer: Mapping[str, Any], action: str) -> tuple[AnyTask, Draft] | None:
        """Ask for the PIN."""
        if action != TRIPS or not _is_asked(str(_card_of(answer).get("pin"))):
            return None
        return self, Draft().with_answer(ASKED, value=True)

    def failure(self, reason: str) -> Words:
        """Say what a failure means."""
        return _FAILURES.get(reason, _AWAY)


class _Begin:
    """What happens next, before a card is waited for."""

    id = "mycard.begin"

    def page(self, draft: Draft, around: Around) -> Page:
        """Say it."""
        return Page(
            name="mycard.begin",
            screen=Screen.TILES,
            title=say("¿Quiere ver su tarjeta?"),
            items=(
                Note(words=say("Saldrán su saldo, sus abonos y sus últimos viajes. No se cobra nada.")),
                Note(words=say("Ponga la tarjeta en el lector cuando se lo pidamos."), tone=Tone.QUIET),
            ),
            main=Choice(id=NEXT, words=say("Leer la tarjeta"), icon="credit-card"),
        )

    def press(self, draft: Draft, action: str, around: Around) -> tuple[Draft, bool] | None:
        """Go on."""
        return (draft, True) if action == NEXT else None

    def problem(self, draft: Draft, around: Around) -> Words | None:
        """Nothing is asked for."""
        return None


def _pin_step() -> Step:
    return Typing(
        id="mycard.pin",
        title=say("¿Cuál es el PIN de su tarjeta?"),
        answer=PIN,
        label=say("PIN"),
        keyboard=Keyboard.DIGITS,
        length_max=PIN_LENGTH,
        private=True,
        secret=True,
        check=check_pin,
        notes=(Note(words=say("Tape el teclado con la mano."), tone=Tone.QUIET),),
        example=say("Cuatro cifras"),
    )


def check_pin(text: str) -> Words | None:
    """Say what is wrong with a PIN as it was typed; None where nothing is."""
    return None if is_pin(text) else say("El PIN tiene cuatro cifras. Revíselo.")


def _card_of(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    said: object = answer.get("card")
    return cast("Mapping[str, Any]", said) if isinstance(said, Mapping) else {}


def _is_asked(pin: str) -> bool:
    return pin in {PinWord.ASKED, PinWord.WRONG}


def _ask_words(pin: str) -> Words:
    return say("Escribir el PIN otra vez") if pin == PinWord.WRONG else say("Ver los últimos viajes")


def _pin_notes(pin: str, left: object) -> Sequence[Item]:
    if pin == PinWord.LOCKED:
        words = say("El PIN está bloqueado por tres fallos. En la oficina de atención le ponen otro.")
        return [Note(words=words, tone=Tone.BAD)]
    if pin != PinWord.WRONG:
        return []
    words = say_counted(
        left if type(left) is int else 0,
        "El PIN no es ese. Le queda {count} intento.",
        "El PIN no es ese. Le quedan {count} intentos.",
    )
    return [Note(words=words, tone=Tone.CARE)]


def _standing(state: str, card: Mapping[str, Any]) -> Sequence[Item]:
    """What keeps the card from being used."""
    until = _day(card.get("valid_until"))
    if state in _STATES:
        return [Note(words=_STATES[state], tone=Tone.BAD, private=True)]
    if card.get("is_expired") is True and until is not None:
        words = say("Está caducada desde el {day}. En la oficina de atención le dan otra.", day=until)
        return [Note(words=words, tone=Tone.BAD, private=True)]
    return []


def _worth(card: Mapping[str, Any]) -> Sequence[Item]:
    """What is left on it, and what it is good for."""
    items: list[Item] = []
    if (balance := _money(card.get("balance_minor"))) is not None:
        items.append(Fact(label=say("Saldo"), words=say("{amount}", amount=balance), private=True))
    for held in _rows(card.get("passes")):
        first, last = _day(held.get("first")), _day(held.get("last"))
        if first is not None and last is not None:
            words = say("{zones}, del {first} al {last}", zones=_zones(held), first=first, last=last)
            items.append(Fact(label=say("Abono"), words=words, private=True))
    rides = card.get("rides")
    left = cast("Mapping[str, Any]", rides).get("left") if isinstance(rides, Mapping) else None
    if type(left) is int:
        words = say_counted(left, "Queda {count} viaje", "Quedan {count} viajes")
        items.append(Fact(label=say("Billete"), words=words, private=True))
    if (until := _day(card.get("valid_until"))) is not None:
        items.append(Fact(label=say("Vale hasta"), words=say("{day}", day=until), private=True))
    return items


def _zones(held: Mapping[str, Any]) -> Words:
    zones = held.get("zones")
    known = [str(zone) for zone in cast("list[object]", zones)] if isinstance(zones, list) else []
    return say("Zonas {zones}", zones=", ".join(known)) if known else say("Todas las zonas")


def _trips(said: object) -> Sequence[Item]:
    items: list[Item] = []
    for row in _rows(said)[:TRIPS_SHOWN]:
        at_ms, line, stop = row.get("at_ms"), row.get("line"), row.get("stop")
        moved = row.get("amount_minor")
        paid = _money(abs(moved)) if type(moved) is int else None
        if type(at_ms) is int and type(line) is int and type(stop) is int and paid is not None:
            words = say("Línea {line}, parada {stop}: {amount}", line=line, stop=stop, amount=paid)
            items.append(Fact(label=say("{when}", when=Instant(at_ms)), words=words, private=True))
    if isinstance(said, list) and not items:
        items.append(Note(words=say("No hay viajes recientes."), private=True))
    return items


def _rows(said: object) -> Sequence[Mapping[str, Any]]:
    rows = cast("list[object]", said) if isinstance(said, list) else []
    return [cast("Mapping[str, Any]", row) for row in rows if isinstance(row, Mapping)]


def _money(minor: object) -> Money | None:
    if type(minor) is not int or not -_MINOR_MAX <= minor <= _MINOR_MAX:
        return None
    return Money(minor, EURO)


def _day(written: object) -> date | None:
    try:
        return date.fromisoformat(written) if isinstance(written, str) else None
    except ValueError:
        return None
