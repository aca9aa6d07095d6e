"""What the notices service needs: a register of responses."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ResponseKind(StrEnum):
    """What was done with a notice."""

    SHOWN = "shown"
    SUBSCRIBED = "subscribed"
    CONSENTED = "consented"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One response as the hub keeps it."""

    device: str
    event_id: str
    kind: ResponseKind
    notice: str
    version: int
    channel: str | None
    subject: str | None
    occurred_ms: int
    received_ms: int


class Responses(Protocol):
    """The register. What was added in this transaction is seen at once."""

    def has(self, device: str, event_id: str) -> bool:
        """Whether the event's response is in the register."""
        ...

    def add(self, response: Response) -> None:
        """Adds a response."""
        ...
