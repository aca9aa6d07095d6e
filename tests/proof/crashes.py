"""Power cuts and failing syncs, for the outbox and for the hub's database.

Recording takes a second or more, opening a state 10 ms (outbox) to 100 ms (hub); so each record is opened in
many states.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from tests.proof import bits, hub_crashes, outbox_crashes
from tests.support.disk_trace import Change, Synced

CHECKPOINTED: Final = 560
"""Lines of a life in which the outbox copies its log back."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What was tried.

    Attributes:
        what: in words.
        states: power cuts.
        different: how many different disks they left.
    """

    what: str
    states: int
    different: int


def outbox_power_cuts(states: int, seed: int) -> Iterator[Tried]:
    """Three short lives, killed and closed, and one in which the log is copied back."""
    short, closed = outbox_crashes.lives(24, 24, 24), outbox_crashes.lives(24, 24, killed=False)
    yield _outbox("outbox: power cut in lives that are killed", short, states * 5 // 10, seed)
    yield _outbox("outbox: power cut in lives that are closed", closed, states * 3 // 10, seed)
    long = outbox_crashes.lives(CHECKPOINTED, 24)
    rest = states - states * 5 // 10 - states * 3 // 10
    yield _outbox("outbox: power cut while the log is copied back", long, rest, seed)


def outbox_syncs(states: int, seed: int, *, every: int = 1) -> Iterator[Tried]:
    """Let the first, second, … sync fail until a life is clean; cut the power in it and in the next."""
    for nth in count(1, every):
        done, _ = outbox_crashes.life_without_sync(nth, 24, 24)
        if not any(isinstance(change, Synced) and not change.good for change in done):
            return
        yield _outbox(f"outbox: sync {nth} fails, then a power cut", done, states, seed + nth)


def outbox_bits(flips: int, seed: int) -> Iterator[Tried]:
    """Flip bits, one at a time; counted as different is what cost no line."""
    unharmed, _ = bits.flipped(flips, seed)
    yield Tried("outbox: a bit flips in the database or its log", flips, unharmed)


def hub_power_cuts(states: int, seed: int) -> Iterator[Tried]:
    """Three lives of a hub, killed and closed, whose log is copied back again and again."""
    recorded = hub_crashes.lives(24, 24, 24)
    different = hub_crashes.check(recorded, states, seed)
    yield Tried("hub: power cut in lives that are killed", states, different)


def hub_syncs(states: int, seed: int, *, every: int = 1) -> Iterator[Tried]:
    """The same as for the outbox, with a hub that tries again and with one that is killed at once."""
    for nth in count(1, every):
        for impatient in (False, True):
            recorded = hub_crashes.life_without_sync(nth, 12, 12, impatient=impatient)
            if not recorded.failed:
                return
            different = hub_crashes.check(recorded, states, seed + nth)
            what = "is killed" if impatient else "tries again"
            yield Tried(f"hub: sync {nth} fails, the hub {what}, then a power cut", states, different)


def _outbox(what: str, changes: list[Change], states: int, seed: int) -> Tried:
    return Tried(what, states, outbox_crashes.check(changes, states, seed))
