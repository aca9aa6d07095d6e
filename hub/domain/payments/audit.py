"""What an auditor reads of the books: whether they balance, and what moved.

The figures are made by `hub.db.ledger_audit`; what makes books clean is said here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hub.domain.payments.accounts import AccountKind
from hub.domain.payments.booking import Kind


class Moved(NamedTuple):
    """How much was booked of one kind of entry in one currency."""

    entries: int
    amount_minor: int


class Drift(NamedTuple):
    """An account whose balance is not the sum of its postings."""

    code: str
    currency: str
    balance_minor: int
    postings_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The books, or one business day of them.

    Attributes:
        business_day: the day, or None for all days.
        entries: journal entries looked at.
        postings: their postings.
        unbalanced: ids of entries whose legs do not add up to nothing.
        mixed: ids of entries that move money between accounts of two currencies.
        drifts: accounts whose balance is not the sum of all their postings; of all days, always.
        moved: by kind of entry and currency.
        balances: by kind of account and currency, now.
        first_id: of the entries, or None where there are none.
        last_id: likewise.
        journal_hash: SHA-256 over the entries and their postings in order, hexadecimal.
    """

    business_day: str | None
    entries: int
    postings: int
    unbalanced: Sequence[int]
    mixed: Sequence[int]
    drifts: Sequence[Drift]
    moved: Mapping[tuple[Kind, str], Moved]
    balances: Mapping[tuple[AccountKind, str], int]
    first_id: int | None
    last_id: int | None
    journal_hash: str

    @property
    def is_clean(self) -> bool:
        """Whether every entry balances, no account drifts, and the balances of a currency add up to 0."""
        totals: dict[str, int] = {}
        for (_, currency), balance_minor in self.balances.items():
            totals[currency] = totals.get(currency, 0) + balance_minor
        return not (self.unbalanced or self.mixed or self.drifts or any(totals.values()))
