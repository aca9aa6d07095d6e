"""What citizens write to the town hall, and that they wish to be called.

The kinds are those of a citizens' mailbox: a suggestion, a complaint, a question, thanks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from shared.model import fields
from shared.model.service_request import (
    CHANNEL_LENGTH_MAX,
    PHONE_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    Contact,
    contact_or_none,
)

TEXT_LENGTH_MAX: Final = 4_000
TOPIC_LENGTH_MAX: Final = 64


class SuggestionKind(StrEnum):
    """What is written."""

    SUGGESTION = "suggestion"
    COMPLAINT = "complaint"
    QUERY = "query"
    THANKS = "thanks"


class Window(StrEnum):
    """When somebody wishes to be called, on the next working day."""

    MORNING = "morning"  #: 9 to 12
    MIDDAY = "midday"  #: 12 to 15
    AFTERNOON = "afternoon"  #: 16 to 19
    ANY = "any"  #: 9 to 19


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionMade:
    """Somebody writes to the town hall (`suggestion.made`).

    Attributes:
        reference: what the citizen takes home.
        kind: what it is.
        text: in their words.
        channel: where it was written.
        contact: how to answer, where they wish it.
        extra: what this version does not know.
    """

    reference: str
    kind: SuggestionKind
    text: str
    channel: str
    contact: Contact | None
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type or too long.
        """
        return cls(
            reference=fields.text(data, "reference", REFERENCE_LENGTH_MAX),
            kind=fields.choice(data, "kind", SuggestionKind),
            text=fields.text(data, "text", TEXT_LENGTH_MAX),
            channel=fields.text(data, "channel", CHANNEL_LENGTH_MAX),
            contact=contact_or_none(data),
            extra=fields.unknown(data, _SUGGESTION_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return {
            "reference": self.reference,
            "kind": self.kind.value,
            "text": self.text,
            "channel": self.channel,
            **fields.present(contact=self.contact and self.contact.to_data()),
            **self.extra,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAsked:
    """Somebody wishes to be called (`callback.asked`).

    Attributes:
        reference: what the citizen takes home.
        phone: at which number.
        window: when, on the next working day.
        topic: about what, a word of the town's; None where they do not say.
        channel: where it was asked.
        extra: what this version does not know.
    """

    reference: str
    phone: str
    window: Window
    topic: str | None
    channel: str
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type or too long.
        """
        return cls(
            reference=fields.text(data, "reference", REFERENCE_LENGTH_MAX),
            phone=fields.text(data, "phone", PHONE_LENGTH_MAX),
            window=fields.choice(data, "window", Window),
            topic=fields.text_or_none(data, "topic", TOPIC_LENGTH_MAX),
            channel=fields.text(data, "channel", CHANNEL_LENGTH_MAX),
            extra=fields.unknown(data, _CALLBACK_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return {
            "reference": self.reference,
            "phone": self.phone,
            "window": self.window.value,
            **fields.present(topic=self.topic),
            "channel": self.channel,
            **self.extra,
        }


_SUGGESTION_FIELDS: Final = frozenset({"reference", "kind", "text", "channel", "contact"})
_CALLBACK_FIELDS: Final = frozenset({"reference", "phone", "window", "topic", "channel"})
