"""What the payments service needs: a ledger that remembers, and a place for what a clerk must look at."""

from collections.abc import Mapping
from typing import Protocol

from hub.domain.payments.booking import Booked, Booking


class Ledger(Protocol):
    """The books. What was booked in this transaction is seen at once."""

    def fingerprint(self, key: str) -> bytes | None:
        """The fingerprint of the entry under a key, if there is one."""
        ...

    def booked(self, key: str) -> Booked | None:
        """The entry under a key, if there is one."""
        ...

    def is_counter_used(self, subject: str, counter: int) -> bool:
        """Whether an entry has moved this counter of the card."""
        ...

    def available_minor(self, code: str, currency: str) -> int:
        """How much may still leave an account before it is at its floor; a new purse starts at zero."""
        ...

    def book(self, booking: Booking) -> None:
        """Writes an entry, moves the balances, and takes the card's counter if it is free."""
        ...


class ExceptionBook(Protocol):
    """What a clerk must look at."""

    def open(self, kind: str, device: str | None, detail: Mapping[str, object], now_ms: int) -> None:
        """Notes a case; the detail carries pseudonyms and numbers alone, no words of a citizen."""
        ...
