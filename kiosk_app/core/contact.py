"""How to reach somebody, where they wish it: none, a telephone, an address of e-mail."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from kiosk_app.core.draft import Around, Draft
from kiosk_app.core.pages import Choice, Fact, Keyboard, Note, Tone
from kiosk_app.core.steps import Step, Tiles, Typing
from kiosk_app.core.words import Words, say, written
from shared.model.service_request import EMAIL_LENGTH_MAX, PHONE_LENGTH_MAX

HOW: Final = "contact.how"
PHONE: Final = "contact.phone"
EMAIL: Final = "contact.email"
NOBODY: Final = "nobody"
_PHONE: Final = re.compile(r"(\+\d{1,3})?[ ]?(\d[ ]?){9,12}")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")
KEPT: Final = say("Solo para responderle. Se borra un mes después de cerrar el aviso.")
KEPT_MESSAGE: Final = say("Solo para responderle. Se borra a los seis meses.")
"""As the hub forgets it: `contacts_kept_days`, `mailbox_kept_days`."""


def contact_steps(task: str, draft: Draft, kept: Words) -> Sequence[Step]:
    """Return the steps that ask for it, as far as they follow from the answers so far.

    Args:
        task: whose steps.
        draft: the answers so far.
        kept: for how long it is kept.
    """
    how = Tiles(
        id=f"{task}.contact",
        title=say("¿Quiere que le avisemos?"),
        answer=HOW,
        choices=_ways,
        notes=(Note(words=kept, tone=Tone.QUIET),),
    )
    match draft.text(HOW):
        case "phone":
            return [how, phone_step(task, kept)]
        case "email":
            return [how, _email_step(task, kept)]
        case _:
            return [how]


def phone_step(task: str, kept: Words) -> Step:
    """Return the step that asks for a telephone number; arguments as of `contact_steps`."""
    return Typing(
        id=f"{task}.phone",
        title=say("¿A qué teléfono?"),
        answer=PHONE,
        label=say("Teléfono"),
        keyboard=Keyboard.PHONE,
        length_max=PHONE_LENGTH_MAX,
        private=True,
        check=check_phone,
        notes=(Note(words=kept, tone=Tone.QUIET),),
        example=say("Nueve cifras, por ejemplo 600 123 456"),
    )


def contact_of(draft: Draft) -> Mapping[str, str] | None:
    """Return the `contact` of a report; None where nobody wants to be told."""
    match draft.text(HOW):
        case "phone":
            return {"phone": draft.text(PHONE).strip()}
        case "email":
            return {"email": draft.text(EMAIL).strip()}
        case _:
            return None


def told_fact(task: str, draft: Draft) -> Fact:
    """Return the line of a review that says how somebody is told."""
    contact = contact_of(draft)
    return Fact(
        label=say("Le avisamos"),
        words=written(next(iter(contact.values()))) if contact else say("No"),
        change=f"{task}.contact",
        private=contact is not None,
    )


def check_phone(text: str) -> Words | None:
    """Say what is wrong with a telephone number."""
    if _PHONE.fullmatch(text):
        return None
    return say("Faltan o sobran cifras: un teléfono tiene nueve. Revíselo.")


def check_email(text: str) -> Words | None:
    """Say what is wrong with an address of e-mail."""
    return (
        None
        if _EMAIL.fullmatch(text)
        else say("Le falta algo: un correo es como nombre@ejemplo.es. Revíselo.")
    )


def _email_step(task: str, kept: Words) -> Step:
    return Typing(
        id=f"{task}.email",
        title=say("¿A qué correo electrónico?"),
        answer=EMAIL,
        label=say("Correo electrónico"),
        keyboard=Keyboard.TEXT,
        length_max=EMAIL_LENGTH_MAX,
        private=True,
        check=check_email,
        notes=(Note(words=kept, tone=Tone.QUIET),),
        example=say("Por ejemplo: nombre@ejemplo.es"),
    )


def _ways(_draft: Draft, _around: Around) -> Sequence[Choice]:
    return [
        Choice(id=NOBODY, words=say("No hace falta"), icon="user-off", hint=say("El aviso vale igual")),
        Choice(id="phone", words=say("Por teléfono"), icon="phone"),
        Choice(id="email", words=say("Por correo electrónico"), icon="mail"),
    ]
