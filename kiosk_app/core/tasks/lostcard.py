"""A lost card is blocked at once, by the number that is printed on it and its PIN.

The hub's answer (`hub.relay.lost_cards`); what is missing or malformed in it is not shown:

    {"said":"done","state":"blocked","card":{"reference":"7KXM-2PRT-94VW"}}

Rules:
- Number and PIN are somebody's own, and so is the session. Which of the two is wrong is never said.
- Whoever has no number or no PIN, and everybody while there is no network, asks to be called (`callback`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from kiosk_app.core.draft import Ability, Around, Draft
from kiosk_app.core.effects import LOST
from kiosk_app.core.pages import Code, Item, Keyboard, Note, Page, Screen, Tone
from kiosk_app.core.steps import Step, Typing
from kiosk_app.core.tasks.mycard import check_pin
from kiosk_app.core.tasks.task import AnyTask, Tile
from kiosk_app.core.words import Words, say
from shared.model.card_number import CARD_NUMBER_LENGTH, is_card_number
from shared.model.card_pin import PIN_LENGTH
from shared.model.errors import InputError
from shared.model.ids import check_reference

NUMBER: Final = "lostcard.number"
PIN: Final = "lostcard.pin"
_WHERE: Final = Note(
    words=say("Está en la hoja que le dieron con ella. Sin número o PIN, elija «Que me llamen».")
)
_AWAY: Final = say("Se ha cortado la conexión y no sabemos si está bloqueada. Inténtelo otra vez.")
_FAILURES: Final[Mapping[str, Words]] = {
    "no_match": say("No hemos bloqueado nada: número y PIN no coinciden. Revíselos o pida que le llamen."),
    "too_many": say("Aquí se han probado demasiados números. Espere un rato o pida que le llamen."),
}
"""By the hub's word (`hub.domain.cards.verdict.Said`)."""


class LostCard:
    """Block a card that was lost or stolen."""

    tile = Tile(
        id="lostcard",
        words=say("Bloquear mi tarjeta perdida"),
        icon="credit-card-off",
        needs=(Ability.NETWORK,),
    )
    is_personal = True
    waiting = Page(
        name="lostcard.wait",
        screen=Screen.WAIT,
        title=say("Estamos bloqueando su tarjeta"),
        icon="credit-card-off",
    )

    def steps(self, draft: Draft, around: Around) -> Sequence[Step]:
        """Ask for the number, then for the PIN."""
        return [
            Typing(
                id="lostcard.number",
                title=say("¿Qué número tiene su tarjeta?"),
                answer=NUMBER,
                label=say("Número de la tarjeta"),
                keyboard=Keyboard.DIGITS,
                length_max=CARD_NUMBER_LENGTH,
                private=True,
                check=_check_number,
                notes=(_WHERE,),
                example=say("Doce cifras"),
            ),
            Typing(
                id="lostcard.pin",
                title=say("¿Cuál es el PIN de su tarjeta?"),
                answer=PIN,
                label=say("PIN"),
                keyboard=Keyboard.DIGITS,
                length_max=PIN_LENGTH,
                private=True,
                secret=True,
                check=check_pin,
                notes=(Note(words=say("Al seguir se bloquea. Solo la desbloquea la oficina de atención.")),),
                example=say("Cuatro cifras"),
            ),
        ]

    def question(self, draft: Draft) -> tuple[str, str]:
        """Return that a card is to be blocked, its number and its PIN."""
        return LOST, f"{draft.text(NUMBER).strip()} {draft.text(PIN).strip()}"

    def answer(self, answer: Mapping[str, Any], around: Around) -> Page:
        """Say that it is blocked, and give the receipt's code."""
        notes: list[Item] = [
            Note(words=say("Ya no sirve para viajar ni para pagar."), tone=Tone.GOOD),
            Note(words=say("Su saldo no se pierde: en la oficina de atención le dan otra tarjeta.")),
        ]
        reference = _reference(answer.get("card"))
        if not reference:
            return Page(
                name="lostcard.answer",
                screen=Screen.REVIEW,
                title=say("Su tarjeta está bloqueada"),
                items=tuple(notes),
            )
        return Page(
            name="lostcard.answer",
            screen=Screen.RECEIPT,
            title=say("Su tarjeta está bloqueada. Este es su justificante"),
            items=(Code(reference=reference, qr=""), *notes),
        )

    def onward(self, draft: Draft, answer: Mapping[str, Any], action: str) -> tuple[AnyTask, Draft] | None:
        """Nothing follows."""
        return None

    def failure(self, reason: str) -> Words:
        """Say what a failure means."""
        return _FAILURES.get(reason, _AWAY)


def _check_number(text: str) -> Words | None:
    return (
        None if is_card_number(text) else say("Ese número no es de una tarjeta. Son doce cifras; revíselas.")
    )


def _reference(said: object) -> str:
    given: object = cast("Mapping[str, object]", said).get("reference") if isinstance(said, Mapping) else None
    try:
        return check_reference(given) if isinstance(given, str) else ""
    except InputError:
        return ""
