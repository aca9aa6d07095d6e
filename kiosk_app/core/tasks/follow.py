"""Follow mine: how a report stands, by the code on its receipt; never who reported it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kiosk_app.core.draft import Ability, Around, Draft
from kiosk_app.core.pages import Fact, Keyboard, Note, Page, Screen, Tone
from kiosk_app.core.steps import Step, Typing
from kiosk_app.core.tasks.task import Tile
from kiosk_app.core.words import Words, say, written
from shared.model.errors import InputError
from shared.model.ids import REFERENCE_LENGTH, check_reference

CODE: Final = "follow.code"
NOT_FOUND: Final = "not_found"
_SEPARATORS: Final = 4
_STATES: Final = {
    "open": (say("Está en marcha"), Tone.PLAIN),
    "closed": (say("Está resuelto"), Tone.GOOD),
}


class Follow:
    """Ask how a report stands."""

    tile = Tile(id="follow", words=say("Seguir mi aviso"), icon="search", needs=(Ability.NETWORK,))

    def steps(self, draft: Draft, around: Around) -> Sequence[Step]:
        """Ask for the code."""
        return [
            Typing(
                id="follow.code",
                title=say("¿Qué código tiene su recibo?"),
                answer=CODE,
                label=say("Código"),
                keyboard=Keyboard.CODE,
                length_max=REFERENCE_LENGTH + _SEPARATORS,
                private=True,
                check=_check,
                example=say("Doce letras y cifras, como 7KXM-2PRT-94VW"),
            )
        ]

    def question(self, draft: Draft) -> tuple[str, str]:
        """Return the code in its one form."""
        return "case", check_reference(draft.text(CODE))

    def answer(self, answer: Mapping[str, Any]) -> Page:
        """Show how it stands."""
        words, tone = _STATES.get(str(answer.get("status")), (say("Lo hemos recibido"), Tone.PLAIN))
        items: list[Note | Fact] = [Note(words=words, tone=tone)]
        for name, label in (("service_name", say("Qué")), ("address", say("Dónde"))):
            if isinstance(text := answer.get(name), str) and text:
                items.append(Fact(label=label, words=written(text), private=True))
        if isinstance(notes := answer.get("status_notes"), str) and notes:
            items.append(Note(words=written(notes), private=True))
        return Page(
            name="follow.answer", screen=Screen.REVIEW, title=say("Así está su aviso"), items=tuple(items)
        )

    def failure(self, reason: str) -> Words:
        """Say what a failure means."""
        if reason == NOT_FOUND:
            return say("No conocemos este código todavía. Compárelo con el recibo o vuelva mañana.")
        return say("Ahora no llegamos al ayuntamiento. Inténtelo más tarde: su aviso no se pierde.")


def _check(text: str) -> Words | None:
    try:
        check_reference(text)
    except InputError:
        return say("Algo no coincide. Compare el código con el recibo, letra a letra.")
    return None
