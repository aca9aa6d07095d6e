"""What serves cards at desks: the relay, and the book of what is done there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hub.assembly.towards_core import rules_of
from hub.clock import now_ms
from hub.config import HubConfig
from hub.db.writer import Writer
from hub.fleet.town_fares import TownFares
from hub.jobs.timetable import Job
from hub.keys.card_names import card_names
from hub.keys.card_pins import PinDigests
from hub.keys.room import KeyRoom
from hub.relay.deed_book import HubDeedBook
from hub.relay.lost_cards import LostCards
from hub.relay.pin_book import HubPinBook
from hub.relay.relay import Relay

EXPIRE_EVERY_S: Final = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Desks:
    """The parts.

    Attributes:
        relay: holds talks.
        lost_cards: blocks cards that their holders lost.
        jobs: what is to be done from time to time.
    """

    relay: Relay
    lost_cards: LostCards
    jobs: Sequence[Job]


def make_desks(
    config: HubConfig,
    room: KeyRoom,
    writer: Writer,
    wake: Callable[[], None],
    publish_denied: Callable[[str], object],
) -> Desks:
    """Make what serves cards at desks.

    Args:
        config: the settings.
        room: keys.
        writer: the database.
        wake: told that there is work for the core.
        publish_denied: publishes which cards ride nowhere.
    """
    book = HubDeedBook(
        writer,
        room.card_keys,
        rules=rules_of(config),
        clock=now_ms,
        work_committed=wake,
        publish_denied=publish_denied,
    )
    pins = HubPinBook(writer, PinDigests(room.folder), now_ms)
    relay = Relay(
        room.card_keys,
        book,
        pins=pins,
        subject=card_names(room.keys.fleet),
        clock=now_ms,
        fares=TownFares(writer, room.registry, now_ms).at,
        form=config.card_form,
    )
    lost_cards = LostCards(writer, pins, now_ms, publish_denied)
    return Desks(
        relay=relay,
        lost_cards=lost_cards,
        jobs=(Job(name="card deeds", every_s=EXPIRE_EVERY_S, run=book.expire),),
    )
