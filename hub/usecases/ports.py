"""The transaction as the use cases see it: the registers of every noun, and the work towards the core."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from hub.domain.devices.ports import Board
from hub.domain.mailbox.ports import Cases, Entries
from hub.domain.notices.ports import Responses
from hub.domain.payments.ports import ExceptionBook, Ledger
from hub.domain.service_requests.ports import Register
from shared.model.event import Event


class Source(Protocol):
    """Whose effect it is."""

    @property
    def device(self) -> str:
        """The event's device."""
        ...

    @property
    def id(self) -> str:
        """The event's id."""
        ...


class Outgoing(Protocol):
    """Work towards the core; it is done in order within an aggregate."""

    def add(
        self,
        event: Event,
        key: str,
        connector: str,
        aggregate: str,
        body: Mapping[str, object],
        now_ms: int,
        *,
        wait_ms: int = 0,
    ) -> None:
        """Adds one effect.

        Args:
            event: what it is an effect of.
            key: its effect key.
            connector: who delivers it.
            aggregate: what it is about; an effect waits for the earlier ones of its aggregate.
            body: all that the connector needs.
            now_ms: when it was decided.
            wait_ms: how long after that it is due.
        """
        ...


class Attachments(Protocol):
    """Bodies that are sent apart from their events."""

    def is_waited_for(self, device: str, event_id: str) -> bool:
        """Whether a body of an event is missing, and may still come."""
        ...


class PrefetchedLedger(Ledger, Protocol):
    """A ledger that can be asked for many entries at once."""

    def prefetch(
        self, keys: Sequence[str], codes: Sequence[str], counters: Sequence[tuple[str, int]]
    ) -> None:
        """Reads entries by key, accounts by code and counters of cards in one go."""
        ...


class PrefetchedRegister(Register, Protocol):
    """A register that can be asked for many references at once."""

    def prefetch(self, references: Sequence[str]) -> None:
        """Reads the reports under these references in one go."""
        ...

    def prefetch_public(self, codes: Sequence[str]) -> None:
        """Reads the reports under these public codes in one go."""
        ...


class PrefetchedResponses(Responses, Protocol):
    """A register of responses that can be asked for many events at once."""

    def prefetch(self, events: Sequence[tuple[str, str]]) -> None:
        """Reads the responses of these events (device, event id) in one go."""
        ...


class PrefetchedEntries(Entries, Protocol):
    """A mailbox that can be asked for many events at once."""

    def prefetch(self, events: Sequence[tuple[str, str]], references: Sequence[str]) -> None:
        """Reads the entries of these events (device, event id) and references in one go each."""
        ...


class Exceptions(ExceptionBook, Cases, Protocol):
    """What a clerk must look at, for every noun."""


class UnitOfWork(Protocol):
    """One transaction. What is written becomes true for others when the caller commits."""

    @property
    def ledger(self) -> PrefetchedLedger:
        """The books."""
        ...

    @property
    def service_requests(self) -> PrefetchedRegister:
        """The register of reports."""
        ...

    @property
    def notice_responses(self) -> PrefetchedResponses:
        """The register of responses."""
        ...

    @property
    def mailbox(self) -> PrefetchedEntries:
        """What citizens say besides reports."""
        ...

    @property
    def device_board(self) -> Board:
        """What devices say of themselves."""
        ...

    @property
    def exceptions(self) -> Exceptions:
        """What a clerk must look at."""
        ...

    @property
    def attachments(self) -> Attachments:
        """Bodies that are sent apart."""
        ...

    @property
    def outgoing(self) -> Outgoing:
        """Work towards the core."""
        ...
