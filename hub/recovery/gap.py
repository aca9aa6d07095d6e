"""What follows from a restore: which devices cannot send again what the copy lacks, by name.

A device keeps what was acknowledged for the keep window, so it covers any gap that is younger. It does not
where it was revoked, where its disk was lost or replaced, where its lane was so full that it kept less, or
where the copy is older than the window. What the hub decided by itself nobody sends again.

Rules: pure. What the replaced database can no longer say is said to be unknown, never guessed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hub.db.copies import Examined, Lacking
from hub.keys.entries import Device, DeviceState
from shared.protocol import limits

_HOUR_MS: Final = 3_600_000
_KEPT_HOURS: Final = re.compile(r"for (\d+) h only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncovered:
    """A device that cannot cover the gap.

    Attributes:
        why: in words, with what to do.
    """

    device: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What lies between a copy and now.

    Attributes:
        hours: how long it is.
        events: how many events are in it, as far as the replaced database can say; None where it cannot.
        uncovered: devices that cannot cover it.
        decided: cases closed by a clerk meanwhile; None where nobody can say.
    """

    hours: float
    events: int | None
    uncovered: tuple[Uncovered, ...]
    decided: int | None


def find_gap(copy: Examined, lacks: Lacking | None, devices: Iterable[Device], now_ms: int) -> Gap:
    """Compare a copy with what was there.

    Args:
        copy: what is restored.
        lacks: what the database that it replaces holds beyond it; None: that cannot be read any more.
        devices: every device of the key registry, which is never rolled back.
        now_ms: the hub's time, Unix epoch.
    """
    gap_ms = max(0, now_ms - copy.until_ms)
    uncovered = [
        Uncovered(device=device.id, why=why)
        for device in devices
        for why in _reasons(device, lacks, gap_ms, copy.until_ms)
    ]
    return Gap(
        hours=gap_ms / _HOUR_MS,
        events=None if lacks is None else sum(lacks.events.values()),
        uncovered=tuple(uncovered),
        decided=None if lacks is None else lacks.decided,
    )


def _reasons(device: Device, lacks: Lacking | None, gap_ms: int, until_ms: int) -> Iterable[str]:
    sent = None if lacks is None else lacks.events.get(device.id, 0)
    if sent == 0:
        return
    amount = "what it sent meanwhile" if sent is None else f"{sent:,} events"
    if device.state is DeviceState.REVOKED:
        yield f"it is revoked and sends nothing again: {amount} remain in the replaced database alone"
        return
    if gap_ms > limits.KEEP_WINDOW_MS and device.enrolled_ms < until_ms + gap_ms - limits.KEEP_WINDOW_MS:
        days = limits.KEEP_WINDOW_MS // (24 * _HOUR_MS)
        yield f"the gap is longer than the {days} days that it keeps: what is older comes no more"
    if lacks is None:
        return
    if vanished := lacks.vanished.get(device.id, 0):
        yield f"its disk was lost or replaced, or they expired there: {vanished:,} events come no more"
    for stream, said in lacks.kept_less.get(device.id, {}).items():
        hours = _KEPT_HOURS.search(said)
        if hours is None or int(hours[1]) * _HOUR_MS < gap_ms:
            yield f"its disk was full ({stream}: {said}): what went before comes no more"
