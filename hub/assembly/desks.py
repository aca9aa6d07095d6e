"""What serves cards at desks: the relay, and the book of what is done there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hub.db.unit_of_work import Rules
from hub.db.writer import Writer
from hub.jobs.timetable import Job
from hub.keys.card_names import card_names
from hub.keys.room import KeyRoom
from hub.relay.deed_book import HubDeedBook
from hub.relay.relay import Relay

EXPIRE_EVERY_S: Final = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Desks:
    """The parts.

    Attributes:
        relay: holds talks.
        jobs: what is to be done from time to time.
    """

    relay: Relay
    jobs: Sequence[Job]


def make_desks(
    room: KeyRoom,
    writer: Writer,
    rules: Rules,
    clock: Callable[[], int],
    *,
    wake: Callable[[], None],
    publish_denied: Callable[[str], object],
) -> Desks:
    """Make what serves cards at desks.

    Args:
        room: keys.
        writer: the database.
        rules: the operator's.
        clock: the hub's time, Unix epoch in milliseconds.
        wake: there may be new work towards the core.
        publish_denied: publishes which cards ride nowhere.
    """
    book = HubDeedBook(
        writer,
        room.card_keys,
        rules=rules,
        clock=clock,
        work_committed=wake,
        publish_denied=publish_denied,
    )
    relay = Relay(room.card_keys, book, subject=card_names(room.keys.fleet), clock=clock)
    return Desks(relay=relay, jobs=(Job(name="card deeds", every_s=EXPIRE_EVERY_S, run=book.expire),))
