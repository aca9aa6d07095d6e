"""The code on a receipt, typed: one question, checked letter by letter before anything is asked or sent."""

from typing import Final

from kiosk_app.core.pages import Keyboard
from kiosk_app.core.steps import Typing
from kiosk_app.core.words import Words, say
from shared.model.errors import InputError
from shared.model.ids import REFERENCE_LENGTH, check_reference

_SEPARATORS: Final = 4


def code_step(step_id: str, answer: str) -> Typing:
    """Return the step that asks for a code.

    Args:
        step_id: task and question.
        answer: the name under which it is kept.
    """
    return Typing(
        id=step_id,
        title=say("¿Qué código tiene su recibo?"),
        answer=answer,
        label=say("Código"),
        keyboard=Keyboard.CODE,
        length_max=REFERENCE_LENGTH + _SEPARATORS,
        private=True,
        check=_check,
        example=say("Doce letras y cifras, como 7KXM-2PRT-94VW"),
    )


def _check(text: str) -> Words | None:
    try:
        check_reference(text)
    except InputError:
        return say("Algo no coincide. Compare el código con el recibo, letra a letra.")
    return None
