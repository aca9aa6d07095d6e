"""The owner without a network: taking, refusing, and what it does when its disk fails."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.adapters import device_keys
from shared.adapters.outbox import (
    Entry,
    ForeignOutboxError,
    LaneFullError,
    Outbox,
    OutboxBrokenError,
    OutboxInUseError,
    OutboxLimits,
    Slot,
    StaleSlotError,
)
from shared.edge.device_time import DeviceTime
from shared.edge.errors import (
    FencedError,
    NotTakenError,
    OutcomeUnknownError,
    StoppedError,
    StorageDownError,
)
from shared.edge.happenings import happening
from shared.edge.home import DeviceHome
from shared.edge.memory import DeviceMemory
from shared.edge.seam import SealedLine
from shared.model.errors import DeviceError, InputError, VentanillaError
from shared.model.event import EventType, Stream
from shared.model.health import Condition
from shared.protocol import limits
from shared.protocol.lines import read_line
from shared.protocol.parsing import parse_object
from shared.protocol.signing import verify_line
from tests.support.edge import TAKE_S, running
from tests.support.polling import eventually

NO_BROKER = 1
SMALL = OutboxLimits(lane_bytes={**limits.LANE_BYTES, "cases": 256 * 1024})


class Counting:
    """Opens outboxes that count appends and can be held in the middle of one."""

    def __init__(self) -> None:
        self.appends = 0
        self.hold = threading.Event()
        self.hold.set()

    def open(self, path: Path, device: str) -> Outbox:
        counting = self

        class CountingOutbox(Outbox):
            def append(self, slot: Slot, line: bytes, **more: Any) -> None:  # noqa: ANN401 - passes on what it gets
                counting.appends += 1
                counting.hold.wait(TAKE_S)
                super().append(slot, line, **more)

            def append_many(self, slot: Slot, entries: Sequence[Entry], now_ms: int) -> None:
                counting.appends += 1
                super().append_many(slot, entries, now_ms)

        return CountingOutbox(path, device)


class Failing:
    """Opens outboxes whose disk fails when it is told to, before or after it stored the line."""

    def __init__(self, *, stores: bool) -> None:
        self.now = False
        self.opens = True
        self.stores = stores

    def open(self, path: Path, device: str) -> Outbox:
        if not self.opens:
            raise OutboxBrokenError(OutboxBrokenError.__doc__)
        failing = self

        class FailingOutbox(Outbox):
            def append(self, slot: Slot, line: bytes, **more: Any) -> None:  # noqa: ANN401
                fails, failing.now = failing.now, False
                if failing.stores or not fails:
                    super().append(slot, line, **more)
                if fails:
                    raise OutboxBrokenError(OutboxBrokenError.__doc__)

        return FailingOutbox(path, device)


def stored(home: DeviceHome, stream: Stream) -> list[bytes]:
    """Every line of a lane that is on the disk."""
    with Outbox(home.outbox, "bus-7") as outbox:
        return [
            line
            for view in outbox.epochs(stream)
            for line in outbox.read(stream, view.epoch, 1, 10_000, 100_000_000).lines
        ]


@pytest.mark.sentence("K-4")
@pytest.mark.sentence("K-2")
def test_event_taken_is_on_the_disk_sealed_and_signed(home: DeviceHome) -> None:
    with running(home, port=NO_BROKER) as hand:
        tap, report = hand.take(hand.tap(7)), hand.take(hand.report("Una farola rota"))
    (tap_line,), (report_line,) = stored(home, Stream.PAYMENTS), stored(home, Stream.CASES)
    assert (tap.stream, tap.seq, report.stream, report.seq) == (Stream.PAYMENTS, 1, Stream.CASES, 1)
    assert read_line(tap_line, 1).id == tap.event_id
    verify_line(
        device_keys.load(home.identity).keys.signing.public_key(), "bus-7", tap.stream, tap.epoch, tap_line
    )
    assert b"farola" not in report_line
    assert b'"sig"' not in report_line
    assert "sealed" in read_line(report_line, 1).members


def test_events_of_many_threads_are_numbered_without_a_hole(home: DeviceHome) -> None:
    with running(home, port=NO_BROKER) as hand, ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: hand.take(hand.tap(n)), range(100)))
    assert sorted(t.seq for t in taken) == list(range(1, 101))
    lines = stored(home, Stream.PAYMENTS)
    assert [read_line(line, n).id for n, line in enumerate(lines, 1)] == [
        t.event_id for t in sorted(taken, key=lambda t: t.seq)
    ]


def test_events_of_two_tellers_are_composed_again_where_the_other_was_faster(home: DeviceHome) -> None:
    with running(home, port=NO_BROKER) as hand:
        other = hand.make_teller()
        for counter in range(10):
            with hand.teller.session() as session:
                session.take(hand.tap(counter), TAKE_S)
            with other.session() as session:
                assert session.take(hand.tap(100 + counter), TAKE_S).seq == 2 * counter + 2


def test_offers_of_one_teller_keep_their_order_and_share_the_sync(home: DeviceHome) -> None:
    counting = Counting()
    with running(home, port=NO_BROKER, open_outbox=counting.open) as hand, hand.teller.session() as session:
        session.take(hand.tap(0), TAKE_S)
        counting.hold.clear()
        offers = [session.offer(hand.tap(n)) for n in range(1, 50)]
        counting.hold.set()
        assert [offer.result(TAKE_S).seq for offer in offers] == list(range(2, 51))
    assert counting.appends < 10


def test_session_that_is_closed_takes_nothing(home: DeviceHome) -> None:
    with running(home, port=NO_BROKER) as hand:
        with hand.teller.session() as session:
            session.take(hand.tap(1), TAKE_S)
        with pytest.raises(InputError, match="closed"):
            session.take(hand.tap(2), TAKE_S)


def test_line_that_is_not_sealed_is_refused_by_the_owner(home: DeviceHome) -> None:
    with running(home, port=NO_BROKER) as hand:
        place = hand.runtime.place(Stream.CASES).result(TAKE_S)
        line = SealedLine(place, hand.teller.new_event_id(), b'{"seq":1,"data":{}}', None)
        with pytest.raises(InputError, match="sealed"):
            hand.runtime.append(line).result(TAKE_S)
        assert hand.take(hand.report()).seq == 1


def test_line_for_a_place_that_is_taken_is_stale(home: DeviceHome) -> None:
    with running(home, port=NO_BROKER) as hand:
        place = hand.runtime.place(Stream.CASES).result(TAKE_S)
        hand.take(hand.report())
        line = SealedLine(place, hand.teller.new_event_id(), b'{"seq":1}', ("c", "s"))
        with pytest.raises(StaleSlotError):
            hand.runtime.append(line).result(TAKE_S)


def test_text_that_is_too_long_is_refused_and_leaves_no_hole(home: DeviceHome) -> None:
    with running(home, port=NO_BROKER) as hand:
        long = hand.report()
        with pytest.raises(InputError, match="shorten"):
            hand.take(replace(long, data={**long.data, "more": "x" * limits.LINE_BYTES_MAX}))
        assert hand.take(hand.report()).seq == 1


@pytest.mark.sentence("A-8")
def test_fenced_device_takes_no_payment_also_after_a_restart(home: DeviceHome) -> None:
    with running(home, port=NO_BROKER):
        pass
    DeviceMemory(home.identity, "boot-1").keep(incarnation=4, fenced=True)
    for _ in range(2):
        with running(home, port=NO_BROKER) as hand:
            eventually(lambda hand=hand: hand.teller.can_take(Stream.PAYMENTS))
            assert "fenced" in (hand.teller.can_take(Stream.PAYMENTS) or "")
            with pytest.raises(FencedError, match="fenced"):
                hand.take(hand.tap(1))
            assert hand.teller.can_take(Stream.CASES) is None
            hand.take(hand.report())
            assert hand.status()["fenced"]


@pytest.mark.sentence("S-3")
def test_lane_almost_full_says_so_before_anyone_begins(home: DeviceHome) -> None:
    with running(home, port=NO_BROKER, bounds=SMALL) as hand:
        while hand.teller.can_take(Stream.CASES) is None:
            hand.take(hand.report("x" * 3000))
        lane = hand.status()["lanes"]["cases"]
        assert lane["fill"] >= limits.LANE_REFUSE
        assert lane["alarm"]
        assert "network" in lane["refusal"]
        assert hand.teller.can_take(Stream.PAYMENTS) is None
        hand.take(hand.report("x" * 3000))  # the citizen who had begun is served from what is left
        refused = [
            error for _ in range(10) if (error := error_of(lambda: hand.take(hand.report("x" * 3000))))
        ]
        assert isinstance(refused[-1], LaneFullError)
        assert hand.take(hand.tap(1)).seq == 1
    states = [parse_object(line) for line in stored(home, Stream.HEALTH) if b'"gap_to"' not in line]
    assert {(s["data"]["key"], s["data"]["state"]) for s in states} <= {
        ("lane.cases", Condition.DEGRADED),
        ("lane.cases", Condition.FAILED),
    }


@pytest.mark.sentence("L-8")
def test_disk_that_fails_ends_the_life_and_the_event_is_taken_in_the_next(home: DeviceHome) -> None:
    failing = Failing(stores=False)
    with running(home, port=NO_BROKER, open_outbox=failing.open) as hand:
        before = hand.take(hand.tap(1))
        failing.now = True
        after = hand.take(hand.tap(2))
        status = hand.status()
    assert before.epoch != after.epoch
    assert (after.seq, status["life"]) == (1, 2)
    assert "OutboxBrokenError" in status["trouble"]
    assert len(stored(home, Stream.PAYMENTS)) == 2
    (told,) = stored(home, Stream.HEALTH)
    assert parse_object(told)["data"]["key"] == "storage"


@pytest.mark.sentence("L-8")
def test_disk_that_fails_after_it_stored_is_looked_up_and_not_asked_twice(home: DeviceHome) -> None:
    failing = Failing(stores=True)
    with running(home, port=NO_BROKER, open_outbox=failing.open) as hand:
        before = hand.take(hand.tap(1))
        failing.now = True
        after = hand.take(hand.tap(2))
    assert (after.epoch, after.seq) == (before.epoch, 2)
    assert len(stored(home, Stream.PAYMENTS)) == 2


def test_disk_that_stays_broken_refuses_at_once_and_takes_again_when_it_is_back(home: DeviceHome) -> None:
    failing = Failing(stores=False)
    with running(home, port=NO_BROKER, open_outbox=failing.open) as hand:
        hand.take(hand.tap(1))
        failing.opens = False
        failing.now = True
        with pytest.raises(VentanillaError), hand.teller.session() as session:
            session.take(hand.tap(2), 0.2)
        assert "service" in (hand.teller.can_take(Stream.PAYMENTS) or "")
        refused = eventually(lambda: error_of(lambda: hand.take(hand.tap(3))), timeout_s=20)
        assert isinstance(refused, StorageDownError)
        failing.opens = True
        eventually(lambda: hand.teller.can_take(Stream.PAYMENTS) is None, timeout_s=20)
        hand.take(hand.tap(3))


def test_event_is_found_once_it_is_on_the_disk_and_no_sooner(home: DeviceHome) -> None:
    with running(home) as hand:
        tap = hand.tap(1)
        assert hand.runtime.find(tap.event_id).result(10) is False
        hand.take(tap)
        assert hand.runtime.find(tap.event_id).result(10) is True
    with pytest.raises(StoppedError):
        hand.runtime.find(tap.event_id).result(10)


def test_owner_that_is_stopped_takes_nothing_more(home: DeviceHome) -> None:
    with running(home, port=NO_BROKER) as hand:
        hand.take(hand.tap(1))
        hand.runtime.stop()
        with pytest.raises(StoppedError):
            hand.take(hand.tap(2))
        assert not hand.runtime.alive


def test_outbox_of_another_device_stops_the_start_with_a_sentence(home: DeviceHome) -> None:
    with home.locked():
        Outbox(home.outbox, "bus-8").close()
    with pytest.raises(ForeignOutboxError), running(home, port=NO_BROKER):
        pass


def test_outbox_that_somebody_has_open_stops_the_start_with_a_sentence(home: DeviceHome) -> None:
    with home.locked():
        pass
    with Outbox(home.outbox, "bus-7"), pytest.raises(OutboxInUseError), running(home, port=NO_BROKER):
        pass


def test_event_that_waits_too_long_is_not_taken_and_leaves_no_hole(home: DeviceHome) -> None:
    counting = Counting()
    with running(home, port=NO_BROKER, open_outbox=counting.open) as hand, hand.teller.session() as session:
        session.take(hand.tap(0), TAKE_S)
        counting.hold.clear()
        slow = session.offer(hand.tap(1))
        eventually(lambda: counting.appends == 2)
        waiting = session.offer(hand.tap(2))
        with pytest.raises(NotTakenError):
            waiting.result(0.05)
        with pytest.raises(OutcomeUnknownError, match="same id"):
            slow.result(0.05)
        counting.hold.set()
        assert session.take(hand.tap(3), TAKE_S).seq == 3
    assert len(stored(home, Stream.PAYMENTS)) == 3


def test_health_that_cannot_be_told_does_not_stop_the_device(home: DeviceHome) -> None:
    bounds = OutboxLimits(lane_bytes={**limits.LANE_BYTES, "cases": 64 * 1024}, epochs_listed=1)
    state = {"key": "printer", "state": "ok"}
    with running(home, port=NO_BROKER, bounds=bounds) as hand:
        printer = happening(EventType.DEVICE_STATE, state, event_id=hand.teller.new_event_id())
        hand.take(printer)
    with running(home, port=NO_BROKER, bounds=bounds) as hand:
        with pytest.raises(DeviceError, match="too often"):
            hand.take(replace(printer, event_id=hand.teller.new_event_id()))
        while hand.teller.can_take(Stream.CASES) is None:
            hand.take(hand.report())
        assert eventually(lambda: hand.status()["lanes"]["cases"]["alarm"])
        assert hand.status()["life"] == 1


def test_clock_wrong_by_years_dates_nothing_and_ages_are_right(home: DeviceHome) -> None:
    uptime = [1_000_000]
    wrong = DeviceTime(wall_ms=lambda: 86_400_000 - uptime[0], uptime_ms=lambda: uptime[0])
    with running(home, port=NO_BROKER, clock=wrong) as hand:
        hand.take(hand.tap(1))
        uptime[0] += 60_000
        hand.take(hand.tap(2))
        assert hand.status()["oldest_unacknowledged_payment_ms"] == 60_000
    members = [read_line(line, n).members for n, line in enumerate(stored(home, Stream.PAYMENTS), 1)]
    assert [m["uptime_ms"] for m in members] == [1_000_000, 1_060_000]
    assert [m["time"][:4] for m in members] == ["1970", "1970"]
    assert not any("clock_age_s" in m for m in members)


def error_of(action: Callable[[], object]) -> VentanillaError | None:
    """What something was refused with; None where it was not."""
    try:
        action()
    except VentanillaError as error:
        return error
    return None
