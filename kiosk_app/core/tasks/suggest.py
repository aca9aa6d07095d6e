"""The mailbox: a suggestion, a complaint, a question or thanks, with an answer for who wishes one.

The event is `shared.model.mailbox.SuggestionMade`. It works without a network.
"""

from collections.abc import Sequence
from typing import Final

from kiosk_app.core.contact import KEPT_MESSAGE, contact_of, contact_steps, told_fact
from kiosk_app.core.draft import Ability, Around, Draft
from kiosk_app.core.effects import Submission
from kiosk_app.core.pages import Choice, Fact, Keyboard
from kiosk_app.core.steps import Step, Tiles, Typing
from kiosk_app.core.tasks.task import CHANNEL, Tile
from kiosk_app.core.words import Words, say, written
from shared.model.event import EventType

KIND: Final = "suggest.kind"
TEXT: Final = "suggest.words"
TEXT_LENGTH_MAX: Final = 1_000
_KINDS: Final = (
    Choice(id="suggestion", words=say("Una idea"), icon="bulb"),
    Choice(id="complaint", words=say("Una queja"), icon="message-exclamation"),
    Choice(id="query", words=say("Una pregunta"), icon="help"),
    Choice(id="thanks", words=say("Dar las gracias"), icon="heart"),
)


class Suggest:
    """Write to the town hall."""

    tile = Tile(id="suggest", words=say("Escribir al ayuntamiento"), icon="mailbox", needs=(Ability.REPORTS,))

    send = say("Enviar mensaje")
    next = say("Llega al ayuntamiento aunque ahora no haya red. Con este código puede seguirlo.")

    def steps(self, draft: Draft, around: Around) -> Sequence[Step]:
        """Ask what it is, the words, and whether an answer is wished."""
        return [
            Tiles(id="suggest.kind", title=say("¿Qué nos quiere decir?"), answer=KIND, choices=_kinds),
            Typing(
                id="suggest.words",
                title=say("Escríbalo con sus palabras"),
                answer=TEXT,
                label=say("Su mensaje"),
                keyboard=Keyboard.TEXT,
                length_max=TEXT_LENGTH_MAX,
                private=True,
                example=say("Por ejemplo: faltan bancos en el paseo"),
            ),
            *contact_steps("suggest", draft, KEPT_MESSAGE),
        ]

    def review(self, draft: Draft, around: Around) -> Sequence[Fact]:
        """Show what is sent."""
        return [
            Fact(label=say("Qué"), words=_kind_words(draft), change="suggest.kind"),
            Fact(
                label=say("Su mensaje"),
                words=written(draft.text(TEXT).strip()),
                change="suggest.words",
                private=True,
            ),
            told_fact("suggest", draft),
        ]

    def submission(self, draft: Draft, around: Around) -> Submission:
        """Return the message."""
        contact = contact_of(draft)
        data: dict[str, object] = {
            "kind": draft.text(KIND),
            "text": draft.text(TEXT).strip(),
            "channel": CHANNEL,
            **({} if contact is None else {"contact": dict(contact)}),
        }
        return Submission(type=EventType.SUGGESTION_MADE, data=data)


def _kinds(_draft: Draft, _around: Around) -> Sequence[Choice]:
    return _KINDS


def _kind_words(draft: Draft) -> Words:
    return next((each.words for each in _KINDS if each.id == draft.text(KIND)), say("Nada más"))
