"""The register of cards, in a transaction and in pages; a card's money is not here, but in the ledger.

Rows are few and rare here, so each method reads and writes at once.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, insert, or_, select, update

from hub.db.card_tables import card, card_change
from hub.db.paging import Page
from hub.db.statements import Lookup
from hub.domain.cards.errors import CardTakenError, CardUnknownError
from hub.domain.cards.register import (
    Card,
    CardChange,
    CardState,
    check_step,
)
from shared.model.said import Said


class CardRepository:
    """The register.

    Args:
        connection: in a transaction; the writer's, where something is changed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def register(self, new: Card, why: str = "") -> None:
        """Enter a card, before it is written.

        Raises:
            CardTakenError: its id and issue are there, or its number belongs to a card in use.
            InputError: who, or why, is too long.
        """
        said = Said(who=new.who, why=why, now_ms=new.issued_ms)
        clash = or_(
            card.c.subject == new.subject,
            (card.c.card_id == new.card_id) & (card.c.issue == new.issue),
            (card.c.uid == new.uid) & card.c.state.in_(_IN_USE),
        )
        if self._connection.execute(select(card.c.subject).where(clash)).first() is not None:
            raise CardTakenError(CardTakenError.__doc__)
        values = {name: getattr(new, name) for name in Card.__dataclass_fields__}
        self._connection.execute(insert(card).values(values | {"state": new.state.value}))
        self._note(new.subject, new.state, new.key_version, said)

    def find(self, subject: str) -> Card | None:
        """Return a card by its pseudonym."""
        return self._one(_ALL.where(card.c.subject == subject))

    def find_issue(self, card_id: bytes, issue: int) -> Card | None:
        """Return a card by its id and issue."""
        return self._one(_ALL.where(card.c.card_id == card_id, card.c.issue == issue))

    def find_number(self, uid: bytes) -> Card | None:
        """Return the card in use, issued or blocked, that has a number in the air."""
        return self._one(_ALL.where(card.c.uid == uid, card.c.state.in_(_IN_USE)))

    def next_issue(self, card_id: bytes) -> int:
        """Return the first number above every issue of a card."""
        newest = self._connection.execute(select(func.max(card.c.issue)).where(card.c.card_id == card_id))
        return (newest.scalar() or 0) + 1

    def find_many(self, subjects: Sequence[str]) -> dict[str, Card]:
        """Return the cards of some pseudonyms, a few hundred at most; those that are unknown are left out."""
        rows = self._connection.execute(_ALL.where(card.c.subject.in_(subjects))).mappings()
        return {str(row["subject"]): _card(row) for row in rows}

    def known(self, subjects: Sequence[str]) -> set[str]:
        """Return which pseudonyms the register has, however many are asked for."""
        found = _KNOWN.rows(self._connection, subjects) if subjects else ()
        return {str(row[0]) for row in found}

    def set_state(self, subject: str, state: CardState, said: Said) -> bool:
        """Bring a card into a state.

        Returns:
            Whether it was in another one.

        Raises:
            CardUnknownError: there is no such card.
            CardStateError: it was replaced or refunded.
        """
        before = self._known(subject)
        check_step(before.state, state)
        if before.state is state:
            return False
        self._connection.execute(
            update(card).where(card.c.subject == subject).values(state=state.value, state_ms=said.now_ms)
        )
        self._note(subject, state, before.key_version, said)
        return True

    def set_key_version(self, subject: str, version: int, said: Said) -> None:
        """Note that a card holds the town's keys of another version now.

        Raises:
            CardUnknownError: there is no such card.
        """
        before = self._known(subject)
        self._connection.execute(update(card).where(card.c.subject == subject).values(key_version=version))
        self._note(subject, before.state, version, said)

    def note(self, subject: str, said: Said) -> None:
        """Note something that leaves a card's state as it is.

        Raises:
            CardUnknownError: there is no such card.
        """
        before = self._known(subject)
        self._note(subject, before.state, before.key_version, said)

    def changes(self, subject: str) -> list[CardChange]:
        """Return what was done with a card, in order."""
        rows = self._connection.execute(
            select(card_change).where(card_change.c.subject == subject).order_by(card_change.c.id)
        )
        return [
            CardChange(
                state=CardState(row.state),
                key_version=row.key_version,
                why=row.why,
                who=row.who,
                at_ms=row.at_ms,
            )
            for row in rows
        ]

    def _known(self, subject: str) -> Card:
        found = self.find(subject)
        if found is None:
            raise CardUnknownError(CardUnknownError.__doc__)
        return found

    def _one(self, query: Select[*tuple[Any, ...]]) -> Card | None:
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _card(row)

    def _note(self, subject: str, state: CardState, key_version: int, said: Said) -> None:
        self._connection.execute(
            insert(card_change).values(
                subject=subject,
                state=state.value,
                key_version=key_version,
                why=said.why,
                who=said.who,
                at_ms=said.now_ms,
            )
        )


def denied_subjects(connection: Connection) -> list[str]:
    """Return the pseudonym of every card that rides nowhere."""
    query = select(card.c.subject).where(card.c.state != CardState.ISSUED.value).order_by(card.c.subject)
    return list(connection.execute(query).scalars())


def list_cards(connection: Connection, after: str, limit: int, state: CardState | None = None) -> Page[Card]:
    """Return cards in the order of their pseudonyms.

    Args:
        connection: any.
        after: `next` of the page before, or empty.
        limit: how many at most.
        state: in this state alone.
    """
    query = _ALL.where(card.c.subject > after).order_by(card.c.subject)
    if state is not None:
        query = query.where(card.c.state == state.value)
    rows = connection.execute(query.limit(limit + 1)).mappings().all()
    items = [_card(row) for row in rows[:limit]]
    return Page(items=items, next=items[-1].subject if len(rows) > limit else None)


def _card(row: RowMapping) -> Card:
    plain: dict[str, Any] = dict(row)
    for name in ("card_id", "uid"):
        plain[name] = bytes(plain[name])
    plain["state"] = CardState(plain["state"])
    return Card(**plain)


_ALL = select(*(card.c[name] for name in Card.__dataclass_fields__))
_KNOWN = Lookup(select(card.c.subject), (card.c.subject,))
_IN_USE = (CardState.ISSUED.value, CardState.BLOCKED.value)
