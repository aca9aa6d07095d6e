"""What the service of service requests needs: a register that remembers."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from shared.model.service_request import Contact


class Status(StrEnum):
    """GeoReport's two states."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRequest:
    """A report as the hub keeps it."""

    reference: str
    device: str
    event_id: str
    service_code: str
    description: str
    lat: float | None
    long: float | None
    address: str | None
    channel: str
    contact: Contact | None
    status: Status
    requested_ms: int
    received_ms: int


class Register(Protocol):
    """The register. What was added in this transaction is seen at once."""

    def source_of(self, reference: str) -> tuple[str, str] | None:
        """Device and event id of the report under a reference, if there is one."""
        ...

    def reference_of(self, public_code: str) -> str | None:
        """The reference of the report under a public code, the id of its event; None where there is none."""
        ...

    def add(self, request: ServiceRequest) -> None:
        """Adds a report under a reference that is free."""
        ...
