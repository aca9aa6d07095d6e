"""What is kept of cards' PINs, in a transaction; `hub.relay.pin_book` says what it means."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from hub.db.card_tables import card_pin


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPin:
    """What is kept of one.

    Attributes:
        salt: drawn when it was set.
        digest: of it.
        missed: how often it was missed since it was last right.
        named: the pseudonym that the digest has in it: the card's, or that of a card before it.
    """

    salt: bytes
    digest: bytes
    missed: int
    named: str


class CardPinRepository:
    """PINs.

    Args:
        connection: in a transaction; the writer's, where something is changed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, subject: str) -> KeptPin | None:
        """Return what is kept of a card's PIN; None where it has none."""
        query = select(card_pin.c.salt, card_pin.c.digest, card_pin.c.missed, card_pin.c.named)
        row = self._connection.execute(query.where(card_pin.c.subject == subject)).first()
        if row is None:
            return None
        named = row.named or subject
        return KeptPin(salt=bytes(row.salt), digest=bytes(row.digest), missed=row.missed, named=named)

    def put(self, subject: str, salt: bytes, digest: bytes, now_ms: int) -> None:
        """Keep a new one, in place of what was there."""
        self.drop(subject)
        values = {"subject": subject, "salt": salt, "digest": digest, "missed": 0, "set_ms": now_ms}
        self._connection.execute(insert(card_pin).values(values))

    def drop(self, subject: str) -> bool:
        """Forget one; returns whether there was one."""
        gone = self._connection.execute(delete(card_pin).where(card_pin.c.subject == subject))
        return gone.rowcount > 0

    def hand_on(self, before: str, after: str) -> bool:
        """Give a card the PIN of the one that it replaces, none missed; returns whether it had one."""
        kept = self.find(before)
        if kept is None or self.find(after) is not None:
            return False
        came = update(card_pin).where(card_pin.c.subject == before)
        self._connection.execute(came.values(subject=after, named=kept.named, missed=0))
        return True

    def count(self, subject: str, missed: int) -> None:
        """Keep how often it was missed."""
        self._connection.execute(update(card_pin).where(card_pin.c.subject == subject).values(missed=missed))
