"""The books in the database: journal, postings, balances and the counters of cards.

Implements `hub.domain.payments.ports.Ledger`. What was asked for is remembered for the transaction; what is
booked is seen at once and written by `flush`: four inserts and one UPDATE of balances, however many entries.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from hub.db.statements import Lookup, Row, compiled, insert_sql, write_many
from hub.db.tables import account, card_counter, journal, posting
from hub.domain.payments.accounts import is_purse, kind_of, purse
from hub.domain.payments.booking import Booked, Booking, Kind, Transfer
from shared.model.instants import business_day
from shared.model.money import EURO

AccountName = tuple[str, str]
"""Code and currency."""


@dataclass(slots=True)
class _Account:
    id: int
    floor_minor: int | None
    balance_minor: int
    moved_minor: int = 0


class LedgerRepository:
    """The ledger of one transaction."""

    def __init__(
        self,
        connection: Connection,
        *,
        purse_floor_minor: int,
        next_id: Callable[[str], int],
    ) -> None:
        self._connection = connection
        self._days: dict[int, str] = {}
        self._purse_floor_minor = purse_floor_minor
        self._next_id = next_id
        self._fingerprints: dict[str, bytes | None] = {}
        self._entries: dict[str, tuple[int, Booked]] = {}
        self._reversed: set[str] = set()
        self._counters: dict[tuple[str, int], bool] = {}
        self._accounts: dict[AccountName, _Account] = {}
        self._known_codes: set[str] = set()
        self._new_accounts: list[Row] = []
        self._journals: list[Row] = []
        self._postings: list[Row] = []
        self._used_counters: list[Row] = []

    def prefetch(
        self, keys: Sequence[str], codes: Sequence[str], counters: Sequence[tuple[str, int]]
    ) -> None:
        """Reads entries by key, accounts by code and counters of cards in one go."""
        if keys:
            self._fetch_fingerprints([key for key in keys if key not in self._fingerprints])
        if codes:
            self._fetch_accounts([code for code in codes if code not in self._known_codes])
        if counters:
            self._fetch_counters([pair for pair in counters if pair not in self._counters])

    def fingerprint(self, key: str) -> bytes | None:
        """The fingerprint of the entry under a key, if there is one."""
        if key not in self._fingerprints:
            self._fetch_fingerprints([key])
        return self._fingerprints[key]

    def booked(self, key: str) -> Booked | None:
        """The entry under a key, if there is one."""
        if key not in self._entries:
            self._fetch_entry(key)
        found = self._entries.get(key)
        return None if found is None else found[1]._replace(is_reversed=key in self._reversed)

    def is_counter_used(self, subject: str, counter: int) -> bool:
        """Whether an entry has moved this counter of the card."""
        pair = (subject, counter)
        if pair not in self._counters:
            self._fetch_counters([pair])
        return self._counters[pair]

    def available_minor(self, code: str, currency: str) -> int:
        """How much may still leave an account before it is at its floor; a new purse starts at zero."""
        found = self._account(code, currency)
        return found.balance_minor - (found.floor_minor or 0)

    def book(self, booking: Booking) -> None:
        """Writes an entry, moves the balances, and takes the card's counter if it is free."""
        number = self._next_id("journal")
        reverses = None if booking.reverses is None else self._entries[booking.reverses][0]
        self._journals.append(
            (
                number,
                booking.device,
                booking.event_id,
                booking.key,
                booking.fingerprint,
                booking.kind.value,
                reverses,
                booking.occurred_ms,
                booking.booked_ms,
                self._day(booking.booked_ms),
                booking.subject,
                booking.counter,
            )
        )
        for n, (debit, credit, amount_minor) in enumerate(booking.transfers, start=1):
            source, target = self._account(debit, booking.currency), self._account(credit, booking.currency)
            self._postings.append((number, n, source.id, target.id, amount_minor))
            source.balance_minor -= amount_minor
            source.moved_minor -= amount_minor
            target.balance_minor += amount_minor
            target.moved_minor += amount_minor
        if booking.subject is not None and booking.counter is not None:
            pair = (booking.subject, booking.counter)
            if not self.is_counter_used(*pair):
                self._counters[pair] = True
                self._used_counters.append((*pair, number))
        self._fingerprints[booking.key] = booking.fingerprint
        self._entries[booking.key] = (
            number,
            Booked(booking.key, booking.kind, booking.currency, booking.subject, booking.transfers),
        )
        if booking.reverses is not None:
            self._reversed.add(booking.reverses)

    def flush(self) -> None:
        """Writes what was booked."""
        connection = self._connection
        write_many(connection, insert_sql(connection, account), self._new_accounts)
        write_many(connection, insert_sql(connection, journal), self._journals)
        write_many(connection, insert_sql(connection, posting), self._postings)
        write_many(connection, insert_sql(connection, card_counter), self._used_counters)
        moved = sorted(
            ((found.moved_minor, found.id) for found in self._accounts.values() if found.moved_minor),
            key=lambda row: row[1],
        )
        if moved:
            write_many(connection, compiled(connection, _MOVE), moved)
            for found in self._accounts.values():
                found.moved_minor = 0

    def _day(self, booked_ms: int) -> str:
        """The business day; all bookings of a transaction have the same instant."""
        day = self._days.get(booked_ms)
        if day is None:
            day = self._days[booked_ms] = business_day(booked_ms)
        return day

    def _account(self, code: str, currency: str) -> _Account:
        found = self._accounts.get((code, currency))
        if found is None and code not in self._known_codes:
            self._fetch_accounts([code])
            found = self._accounts.get((code, currency))
        if found is None:
            kind = kind_of(code)
            floor_minor = self._purse_floor_minor if is_purse(code) else None
            found = _Account(self._next_id("account"), floor_minor, 0)
            self._accounts[code, currency] = found
            self._new_accounts.append((found.id, code, kind.value, currency, floor_minor, 0))
        return found

    def _fetch_fingerprints(self, keys: Sequence[str]) -> None:
        self._fingerprints.update(dict.fromkeys(keys))
        if keys:
            found = _FINGERPRINTS.rows(self._connection, keys)
            self._fingerprints.update((key, mark) for key, mark in found)

    def _fetch_accounts(self, codes: Sequence[str]) -> None:
        """Reads accounts. PostgreSQL locks the purses, in one order: their balances decide something."""
        self._known_codes.update(codes)
        purses = [code for code in codes if is_purse(code)]
        others = [code for code in codes if not is_purse(code)]
        for wanted, lookup in ((purses, _PURSES), (others, _ACCOUNTS)):
            if wanted:
                for code, currency, number, floor_minor, balance_minor in lookup.rows(
                    self._connection, wanted
                ):
                    self._accounts[code, currency] = _Account(number, floor_minor, balance_minor)

    def _fetch_counters(self, pairs: Sequence[tuple[str, int]]) -> None:
        self._counters.update(dict.fromkeys(pairs, False))
        if pairs:
            found = _COUNTERS.rows(self._connection, pairs)
            self._counters.update(((subject, counter), True) for subject, counter in found)

    def _fetch_entry(self, key: str) -> None:
        """Reads one entry with its postings and whether it is reversed: rare, so by itself."""
        undone = journal.alias("undone")
        row = self._connection.execute(
            select(journal.c.id, journal.c.kind, journal.c.subject, undone.c.id.is_not(None))
            .outerjoin(undone, undone.c.reverses == journal.c.id)
            .where(journal.c.effect_key == key)
        ).one_or_none()
        if row is None:
            return
        number, kind, subject, is_reversed = row
        debit, credit = account.alias("debit"), account.alias("credit")
        moved = self._connection.execute(
            select(debit.c.code, credit.c.code, posting.c.amount_minor, debit.c.currency)
            .join(debit, debit.c.id == posting.c.debit_account)
            .join(credit, credit.c.id == posting.c.credit_account)
            .where(posting.c.journal_id == number)
            .order_by(posting.c.n)
        ).all()
        transfers = tuple(Transfer(*row[:3]) for row in moved)
        currency = moved[0][3] if moved else ""
        self._entries[key] = (number, Booked(key, Kind(kind), currency, subject, transfers))
        if is_reversed:
            self._reversed.add(key)


def purse_minor(connection: Connection, subject: str, currency: str = EURO) -> int:
    """Return what the books have in a card's purse; below zero: what its holder owes."""
    query = select(account.c.balance_minor).where(
        account.c.code == purse(subject), account.c.currency == currency
    )
    return connection.execute(query).scalar() or 0


_MOVE = (
    update(account)
    .where(account.c.id == bindparam("account_id"))
    .values(balance_minor=account.c.balance_minor + bindparam("moved_minor"))
)


_FINGERPRINTS = Lookup(select(journal.c.effect_key, journal.c.body_hash), (journal.c.effect_key,))
_ACCOUNTS = Lookup(
    select(
        account.c.code,
        account.c.currency,
        account.c.id,
        account.c.floor_minor,
        account.c.balance_minor,
    ),
    (account.c.code,),
)
_PURSES = Lookup(_ACCOUNTS.query.order_by(account.c.id).with_for_update(), (account.c.code,))
_COUNTERS = Lookup(
    select(card_counter.c.subject, card_counter.c.counter), (card_counter.c.subject, card_counter.c.counter)
)
