from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from shared.adapters.outbox import Expiry, Outbox, OutboxLimits
from shared.edge.health import QUIET_MS, HealthWatch
from shared.model.event import Stream
from shared.model.health import DETAIL_LENGTH_MAX, Condition, DeviceState
from shared.protocol import limits
from tests.support.outbox import DEVICE, new_context, take

LANE_BYTES = 100_000


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    bounds = OutboxLimits(lane_bytes={**limits.LANE_BYTES, "cases": LANE_BYTES}, ballast_bytes=0)
    with Outbox(tmp_path / "outbox.db", DEVICE, bounds) as outbox:
        yield outbox


def said(watch: HealthWatch, outbox: Outbox, uptime_ms: int = 0) -> list[tuple[str, Condition]]:
    return [(state.key, state.state) for state in watch.look(outbox, uptime_ms)]


def fill_to(outbox: Outbox, share: float) -> None:
    context = new_context(token_hex(6))
    while outbox.fill(Stream.CASES) < share:
        take(outbox, Stream.CASES, "x" * 500, context=context)


def empty_to(outbox: Outbox, share: float) -> None:
    while outbox.fill(Stream.CASES) > share:
        (view,) = outbox.epochs(Stream.CASES)
        outbox.acknowledge(Stream.CASES, view.epoch, view.acked + 1, 0)


def test_lane_is_told_of_when_it_changes_and_does_not_flutter(outbox: Outbox) -> None:
    watch = HealthWatch()
    assert said(watch, outbox) == []
    fill_to(outbox, limits.LANE_ALARM)
    assert said(watch, outbox) == [("lane.cases", Condition.DEGRADED)]
    assert said(watch, outbox) == []
    fill_to(outbox, limits.LANE_REFUSE)
    assert said(watch, outbox) == [("lane.cases", Condition.FAILED)]
    empty_to(outbox, limits.LANE_REFUSE - 0.01)
    assert said(watch, outbox) == [("lane.cases", Condition.DEGRADED)]
    empty_to(outbox, limits.LANE_ALARM - 0.03)
    assert said(watch, outbox) == []
    empty_to(outbox, limits.LANE_ALARM - 0.06)
    assert said(watch, outbox) == [("lane.cases", Condition.OK)]


def test_storage_in_trouble_is_well_again_after_some_quiet(outbox: Outbox) -> None:
    watch = HealthWatch()
    trouble = watch.trouble(1_000, "x" * 1_000)
    assert (trouble.key, trouble.state) == ("storage", Condition.DEGRADED)
    assert DeviceState.from_data(trouble.to_data()).detail == "x" * DETAIL_LENGTH_MAX
    assert said(watch, outbox, QUIET_MS) == []
    assert said(watch, outbox, QUIET_MS + 1_000) == [("storage", Condition.OK)]
    assert said(watch, outbox, 3 * QUIET_MS) == []


def test_keep_window_that_was_shortened_is_told_of() -> None:
    (state,) = HealthWatch().after_expiry(Expiry({Stream.CASES: 7 * 3_600_000}, more=False))
    assert (state.key, state.state) == ("keep.cases", Condition.DEGRADED)
    assert "7 h" in (state.detail or "")
