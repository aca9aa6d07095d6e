"""Dating: when an event took place, by law, from what hub and device know of the time. Pure.

Rules:
- The device's own instant counts while its clock is trusted; it says so itself, line by line.
- Else the hub's own clock decides, by the monotonic time since a welcome of the event's boot; or, in a boot
  without a welcome, by the boots before and after it. Of what is possible the earliest counts: doubt favours
  the citizen. The word of an untrusted clock counts for nothing, not even within the interval: it could only
  make the instant later.
- Nothing took place after the hub heard of it.

Events of one boot that are dated by the hub's clock keep the order of their uptimes, as long as the same
anchors are known.

Source: docs/PROTOCOL.md, sentence H-14.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.model.instants import is_trusted
from shared.protocol import limits


@dataclass(frozen=True, slots=True)
class Anchor:
    """A welcome that a confirmed birth took up: where the device's monotonic time meets the hub's clock.

    The birth names its uptime and answers the welcome, so at that uptime it was not before `hub_ms`, and at
    most an offer's life later. An instant that is counted from here is therefore the earliest possible.

    Attributes:
        boot: counter of the device's starts.
        uptime_ms: the device's, when it took up the welcome.
        hub_ms: the hub's clock, when it made the welcome.
    """

    boot: int
    uptime_ms: int
    hub_ms: int


@dataclass(frozen=True, slots=True)
class Dated:
    """When an event took place; Unix epoch.

    Attributes:
        earliest_ms: not before this.
        latest_ms: not after this.
        legal_ms: what counts; within the two.
    """

    earliest_ms: int
    latest_ms: int
    legal_ms: int


def date(
    boot: int,
    uptime_ms: int,
    own_ms: int,
    clock_age_s: int | None,
    anchors: Sequence[Anchor],
    received_ms: int,
    enrolled_ms: int | None = None,
) -> Dated:
    """Date an event.

    Args:
        boot: the device's start in which it took place.
        uptime_ms: monotonic time since that start.
        own_ms: the instant by the device's own clock.
        clock_age_s: how long that clock had agreed with the hub's before; None if it did not.
        anchors: the device's, one for each boot that had a welcome, in any order.
        received_ms: the hub's clock when the event came.
        enrolled_ms: when the device was enrolled, if known: an event of which nothing else is known took
            place after that. Without it such an event is dated at the latest possible.
    """
    if is_trusted(clock_age_s):
        own_ms = min(own_ms, received_ms)
        return Dated(own_ms, own_ms, own_ms)
    before = max((anchor.hub_ms for anchor in anchors if anchor.boot < boot), default=None)
    here = next((anchor for anchor in anchors if anchor.boot == boot), None)
    if here is not None:
        counted_ms = here.hub_ms + uptime_ms - here.uptime_ms
        # An uptime that lies may lead anywhere: not to before an earlier boot, nor out of the calendar.
        earliest_ms = max(counted_ms, 0 if before is None else before)
        latest_ms = min(earliest_ms + limits.OFFER_LIFE_MS, received_ms)
    else:
        latest_ms = min((anchor.hub_ms for anchor in anchors if anchor.boot > boot), default=received_ms)
        latest_ms = min(latest_ms, received_ms)
        earliest_ms = before if before is not None else enrolled_ms
        earliest_ms = latest_ms if earliest_ms is None else earliest_ms
    earliest_ms = min(earliest_ms, latest_ms)
    return Dated(earliest_ms, latest_ms, earliest_ms)
