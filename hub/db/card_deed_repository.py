"""What was meant with cards at desks, and how it ended, in a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select, update

from card_reader.citizen_card.holder import Holder, Pass
from card_reader.citizen_card.journal import Record
from hub.db.card_deed_tables import card_deed
from hub.db.card_tables import card
from hub.db.statements import among
from hub.db.tables import outgoing
from hub.domain.cards.orders import Order
from hub.domain.cards.ports import Begun, Intended
from hub.domain.cards.register import CardState


class DeedState(StrEnum):
    """How far a deed is."""

    OPEN = "open"
    """It was about to be committed, and nobody knows yet."""
    HAPPENED = "happened"
    NEVER = "never"
    CLERK = "clerk"
    """The card no longer tells, or did not come back."""


class CardDeedRepository:
    """The deeds.

    Args:
        connection: in a transaction; the writer's, where something is changed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def intend(self, meant: Intended, now_ms: int) -> None:
        """Enter a deed that is about to be committed; one of its id that never happened is entered anew."""
        row = {
            "device": meant.device,
            "subject": meant.subject,
            "uid": meant.card_uid,
            "counter": meant.record.counter,
            "asked": meant.order.to_data(),
            "record": meant.record.to_bytes(),
            "holder": None if meant.holder is None else meant.holder.to_bytes(),
            "state": DeedState.OPEN.value,
            "mac": None,
            "at_ms": now_ms,
            "settled_ms": None,
        }
        again = (
            update(card_deed)
            .where(card_deed.c.id == meant.order.id, card_deed.c.state == DeedState.NEVER.value)
            .values(row)
        )
        if not self._connection.execute(again).rowcount:
            self._connection.execute(card_deed.insert().values(id=meant.order.id, **row))

    def settle(self, order_id: str, state: DeedState, mac: bytes | None, now_ms: int) -> bool:
        """Note how a deed ended; returns whether nobody had noted it before."""
        change = (
            update(card_deed)
            .where(card_deed.c.id == order_id, card_deed.c.state == DeedState.OPEN.value)
            .values(state=state.value, mac=mac, settled_ms=now_ms)
        )
        return bool(self._connection.execute(change).rowcount)

    def open_of(self, card_uid: bytes) -> Intended | None:
        """Return what is open of a card."""
        found = self._connection.execute(
            select(card_deed).where(card_deed.c.uid == card_uid, card_deed.c.state == DeedState.OPEN.value)
        ).one_or_none()
        return None if found is None else _intended(found)

    def begun_before(self, order_id: str) -> Begun | None:
        """Return what became of an order that was begun, and did not turn out to be undone."""
        row = self._connection.execute(
            select(card_deed.c.uid, card_deed.c.record, card_deed.c.state).where(
                card_deed.c.id == order_id, card_deed.c.state != DeedState.NEVER.value
            )
        ).one_or_none()
        if row is None:
            return None
        is_known = row.state == DeedState.HAPPENED.value
        return Begun(
            card_uid=bytes(row.uid), record=Record.from_bytes(bytes(row.record)) if is_known else None
        )

    def may_replace(self, lost: str) -> str | None:
        """Return the card in use of which nobody knows whether it replaced a lost one."""
        unknown = (DeedState.OPEN.value, DeedState.CLERK.value)
        rows = self._connection.execute(
            select(card_deed.c.subject, card_deed.c.asked)
            .join(card, card.c.subject == card_deed.c.subject)
            .where(card_deed.c.state.in_(unknown), card.c.state == CardState.ISSUED.value)
        )
        return next((row.subject for row in rows if row.asked.get("replaces") == lost), None)

    def passes_of(self, subject: str) -> Sequence[Pass]:
        """Return the passes that a card holds, by the last deed that wrote them."""
        file = self._connection.execute(
            select(card_deed.c.holder)
            .where(
                card_deed.c.subject == subject,
                card_deed.c.state == DeedState.HAPPENED.value,
                card_deed.c.holder.is_not(None),
            )
            .order_by(card_deed.c.counter.desc())
            .limit(1)
        ).scalar()
        return () if file is None else Holder.from_bytes(bytes(file)).passes

    def overdue(self, before_ms: int) -> Sequence[Intended]:
        """Return what has been open since before an instant."""
        found = self._connection.execute(
            select(card_deed).where(card_deed.c.state == DeedState.OPEN.value, card_deed.c.at_ms < before_ms)
        )
        return [_intended(row) for row in found]


_SIGNED = ("uid", "record", "holder", "mac")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDeed:
    """A deed that happened, and the card's signature under it.

    Attributes:
        card_uid: the card's number in the air, 7 bytes.
        seal_version: of the key with which it signs.
        record: what stands on the card.
        holder: its holder file, where the deed wrote it; else empty.
        mac: the signature, 8 bytes; None where nobody could ask the card for it.
    """

    card_uid: bytes
    seal_version: int
    record: Record
    holder: bytes
    mac: bytes | None


def deeds_behind(connection: Connection, effect_keys: Sequence[str]) -> dict[str, SignedDeed]:
    """The deeds at desks from which effects followed, by effect key; an effect of another kind is left out.

    Args:
        connection: any.
        effect_keys: of outgoing work.
    """
    if not effect_keys:
        return {}
    of_effect = (card_deed.c.device == outgoing.c.device) & (card_deed.c.id == outgoing.c.event_id)
    rows = connection.execute(
        select(outgoing.c.effect_key, card.c.seal_version, *(card_deed.c[name] for name in _SIGNED))
        .join(card_deed, of_effect)
        .join(card, card.c.subject == card_deed.c.subject)
        .where(
            among(connection, outgoing.c.effect_key, effect_keys),
            card_deed.c.state == DeedState.HAPPENED.value,
        )
    )
    return {
        row.effect_key: SignedDeed(
            card_uid=bytes(row.uid),
            seal_version=row.seal_version,
            record=Record.from_bytes(bytes(row.record)),
            holder=bytes(row.holder or b""),
            mac=None if row.mac is None else bytes(row.mac),
        )
        for row in rows
    }


def _intended(row: Row[Any]) -> Intended:
    return Intended(
        order=Order.from_data(row.asked),
        device=row.device,
        subject=row.subject,
        card_uid=bytes(row.uid),
        record=Record.from_bytes(bytes(row.record)),
        holder=None if row.holder is None else Holder.from_bytes(bytes(row.holder)),
    )
