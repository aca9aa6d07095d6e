"""Timed work about cards, with the town's card keys as far as it has made any."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from card_reader.citizen_card import layout
from card_reader.keys.errors import NoCardKeyError
from hub.db.writer import Writer
from hub.domain.cards.taps import SealKeys
from hub.fleet.deny_press import LIFE_S, DenyPress
from hub.fleet.fleet import Fleet
from hub.ingest.opening import Opener
from hub.jobs.card_counters import CardCounters
from hub.jobs.day_reconciliation import DayReconciliation
from hub.jobs.tap_seals import EVERY_S, TapSeals
from hub.jobs.timetable import Job
from hub.jobs.undecided_taps import UndecidedTaps
from hub.keys.card_keys import CardKeyRing
from hub.keys.room import KeyRoom

DAILY_S: Final = 86_400.0
HOURLY_S: Final = 3_600.0
MINUTELY_S: Final = 60.0
RENEW_S: Final = LIFE_S / 4


class RingSeals:
    """Keys of seals out of the hub's ring; implements `SealKeys`.

    Args:
        ring: the town's.
    """

    def __init__(self, ring: CardKeyRing) -> None:
        self._ring = ring

    def seal_key(self, card_uid: bytes, version: int) -> bytes | None:
        """Return one card's own key of signatures; None where the hub does not hold that version."""
        if not self._ring.is_made:
            return None
        try:
            return self._ring.card_key(card_uid, layout.SEAL_KEY, version)
        except NoCardKeyError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardWork:
    """What the hub does about cards by itself.

    Attributes:
        seals: judges taps.
        deny_press: blocks cards, and publishes the deny list.
        jobs: timed work.
    """

    seals: TapSeals
    deny_press: DenyPress
    jobs: Sequence[Job]


def make_card_work(room: KeyRoom, writer: Writer, fleet: Fleet, clock: Callable[[], int]) -> CardWork:
    """Return it; while the town has made no card keys, taps are left unchecked."""
    ring = RingSeals(room.card_keys)

    def keys() -> SealKeys | None:
        return ring if room.card_keys.is_made else None

    seals = TapSeals(writer, Opener(room.keys.sealing), keys, clock)
    deny_press = DenyPress(writer, fleet.press, fleet.dispatch.changed, clock)
    jobs = (
        Job(name="card counters", every_s=DAILY_S, run=CardCounters(writer, clock).run, at_once=True),
        Job(name="days", every_s=HOURLY_S, run=DayReconciliation(writer, clock).run, at_once=True),
        Job(name="undecided taps", every_s=MINUTELY_S, run=UndecidedTaps(writer, clock).run, at_once=True),
        Job(name="deny list", every_s=RENEW_S, run=deny_press.renew),
        Job(name="tap seals", every_s=EVERY_S, run=seals.run, at_once=True),
    )
    return CardWork(seals=seals, deny_press=deny_press, jobs=jobs)
