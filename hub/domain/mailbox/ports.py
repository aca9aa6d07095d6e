"""What the mailbox needs: a register that remembers, and a place for what a clerk must look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class EntryKind(StrEnum):
    """What was put into the mailbox."""

    SUPPORT = "support"
    RATING = "rating"
    SUGGESTION = "suggestion"
    CALLBACK = "callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a citizen said, as the hub keeps it; it is never changed.

    Attributes:
        device: where it was said.
        event_id: its event.
        kind: what it is.
        reference: what the citizen took home; None where nothing follows.
        about: the report it speaks of: of a support its public code, of a rating its reference; else None.
        report: the reference of that report, where the hub has it.
        score: of a rating.
        said: everything, as it was said.
        occurred_ms: when.
        received_ms: when the hub took it.
    """

    device: str
    event_id: str
    kind: EntryKind
    reference: str | None
    about: str | None
    report: str | None
    score: int | None
    said: Mapping[str, Any] = field(repr=False)
    occurred_ms: int
    received_ms: int


class Entries(Protocol):
    """The register. What was added in this transaction is seen at once."""

    def has(self, device: str, event_id: str) -> bool:
        """Whether the event's entry is in the register."""
        ...

    def is_taken(self, reference: str) -> bool:
        """Whether an entry has this reference."""
        ...

    def add(self, entry: Entry) -> None:
        """Adds an entry."""
        ...


class Cases(Protocol):
    """What a clerk must look at."""

    def open(self, kind: str, device: str | None, detail: Mapping[str, object], now_ms: int) -> None:
        """Notes a case; the detail carries pseudonyms and numbers alone, no words of a citizen."""
        ...

    def is_open(self, kind: str, device: str) -> bool:
        """Whether a case of this kind about a device is noted and not resolved."""
        ...
