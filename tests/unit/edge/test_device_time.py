import pytest

from shared.edge.device_time import DeviceTime, read_boot_id, stamp, system_time
from shared.edge.seam import Place
from shared.model.event import Stream
from shared.protocol import limits

HUB_MS = 1_795_255_200_000
UPTIME_MS = 90_000


def place(*, agreed_uptime_ms: int | None = 60_000, offset_ms: int | None = HUB_MS - UPTIME_MS) -> Place:
    return Place(Stream.CASES, "9f3c2a1b", 1, 5, agreed_uptime_ms, offset_ms)


def clock(wall_ms: int = HUB_MS) -> DeviceTime:
    return DeviceTime(wall_ms=lambda: wall_ms, uptime_ms=lambda: UPTIME_MS)


def test_clock_that_agreed_is_vouched_for_with_its_age() -> None:
    dated = stamp(place(), clock())
    assert (dated.time, dated.boot, dated.uptime_ms) == ("2026-11-21T10:00:00Z", 5, UPTIME_MS)
    assert dated.clock_age_s == 30


@pytest.mark.parametrize(
    "unheard",
    [place(agreed_uptime_ms=None), place(offset_ms=None), place(agreed_uptime_ms=None, offset_ms=None)],
)
def test_clock_that_never_agreed_in_this_boot_is_not_vouched_for(unheard: Place) -> None:
    assert stamp(unheard, clock()).clock_age_s is None


@pytest.mark.parametrize(
    "strayed_ms", [limits.CLOCK_AGREE_MS + 1, -limits.CLOCK_AGREE_MS - 1, -20 * 365 * 86_400_000]
)
def test_clock_that_was_set_since_it_agreed_is_not_vouched_for(strayed_ms: int) -> None:
    assert stamp(place(), clock(HUB_MS + strayed_ms)).clock_age_s is None
    assert stamp(place(), clock(HUB_MS + limits.CLOCK_AGREE_MS)).clock_age_s == 30


def test_event_that_somebody_else_dated_is_not_vouched_for() -> None:
    dated = stamp(place(), clock(), at_ms=HUB_MS - 60_000)
    assert (dated.time, dated.clock_age_s) == ("2026-11-21T09:59:00Z", None)


@pytest.mark.parametrize(
    ("wall_ms", "time"), [(-5, "1970-01-01T00:00:00Z"), (10**15, "9999-12-31T23:59:59.999Z")]
)
def test_clock_beyond_what_can_be_written_is_written_at_the_edge(wall_ms: int, time: str) -> None:
    assert stamp(place(), clock(wall_ms)).time == time


def test_machine_has_clocks_and_names_its_start() -> None:
    machine = system_time()
    assert machine.wall_ms() > HUB_MS - 400 * 86_400_000
    assert 0 < machine.uptime_ms() <= machine.uptime_ms()
    assert len(read_boot_id()) == 36
