"""Cards' PINs, over the hub's one writer: `hub.domain.cards.ports.Pins`.

Rules:
- A guess is on the disk before anybody hears whether it was right; guesses at one moment are counted one
  after the other. After three wrong ones in a row not even the right one opens it, until a desk sets another.
- Whether right, wrong, locked, or of a card without one: it costs the same work, and one commit.
- That it was set, taken away or locked stands in the record of the card, with who did it; never what it is.

A restored database has the PINs and counts of its copy: one that was changed since is the old one again, and
who missed three may miss them anew. Without the key folder's secret no PIN is right; a desk sets new ones.
"""

import hmac
from collections.abc import Callable
from secrets import token_bytes
from typing import Final

from hub.db.card_pin_repository import CardPinRepository
from hub.db.card_repository import CardRepository
from hub.db.engine import Connection
from hub.db.writer import Writer
from hub.domain.cards.ports import PinSaid
from hub.keys.card_pins import SALT_BYTES, PinDigests
from shared.model.card_pin import TRIES_MAX, PinWord
from shared.model.said import Said

LOCKED_BY: Final = "hub"
_NO_SALT: Final = bytes(SALT_BYTES)


class HubPinBook:
    """Keeps PINs; any thread may call.

    Args:
        writer: the database.
        digests: makes what is kept.
        clock: the hub's time, Unix epoch in milliseconds.
    """

    def __init__(self, writer: Writer, digests: PinDigests, clock: Callable[[], int]) -> None:
        self._writer = writer
        self._digests = digests
        self._clock = clock

    def tried(self, subject: str, pin: str) -> PinSaid:
        """Compare a PIN, and count it; an empty one asks whether there is one. An unknown card has none."""
        with self._writer.read() as connection:
            kept = CardPinRepository(connection).find(subject)
        if not pin:
            return _standing(None if kept is None else kept.missed)
        salt, named = (_NO_SALT, subject) if kept is None else (kept.salt, kept.named)
        digest, now_ms = self._digests.digest(named, pin, salt), self._clock()
        return self._writer.run(lambda connection: _counted(connection, subject, salt, digest, now_ms))

    def set(self, subject: str, pin: str, who: str) -> None:
        """Give a card a PIN."""
        salt, now_ms = token_bytes(SALT_BYTES), self._clock()
        digest = self._digests.digest(subject, pin, salt)

        def job(connection: Connection) -> None:
            CardPinRepository(connection).put(subject, salt, digest, now_ms)
            CardRepository(connection).note(subject, Said(who=who, why="PIN set", now_ms=now_ms))

        self._writer.run(job)

    def reset(self, subject: str, who: str) -> None:
        """Take a card's PIN away; where there is none, nothing is noted."""
        now_ms = self._clock()

        def job(connection: Connection) -> None:
            if CardPinRepository(connection).drop(subject):
                CardRepository(connection).note(subject, Said(who=who, why="PIN reset", now_ms=now_ms))

        self._writer.run(job)


def _standing(missed: int | None) -> PinSaid:
    if missed is None:
        return PinSaid(word=PinWord.NONE)
    left = max(0, TRIES_MAX - missed)
    return PinSaid(word=PinWord.ASKED if left else PinWord.LOCKED, left=left)


def _counted(connection: Connection, subject: str, salt: bytes, digest: bytes, now_ms: int) -> PinSaid:
    """Count a guess, on the writer's thread: what was kept may have changed since it was read."""
    pins = CardPinRepository(connection)
    kept = pins.find(subject)
    missed = TRIES_MAX if kept is None else kept.missed
    is_right = kept is not None and kept.salt == salt and hmac.compare_digest(kept.digest, digest)
    is_open = missed < TRIES_MAX
    after = 0 if is_right and is_open else min(missed + 1, TRIES_MAX)
    pins.count(subject, after)
    if kept is None:
        return PinSaid(word=PinWord.NONE)
    if is_open and after == TRIES_MAX:
        CardRepository(connection).note(subject, Said(who=LOCKED_BY, why="PIN locked", now_ms=now_ms))
    left = TRIES_MAX - after
    if not left:
        return PinSaid(word=PinWord.LOCKED, left=0)
    return PinSaid(word=PinWord.RIGHT if is_right else PinWord.WRONG, left=left)
