"""The owner against the real hub: what is taken arrives, once, whatever the wire does meanwhile."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.db.tables import inbox
from shared.edge.device_time import DeviceTime, system_time
from shared.edge.memory import DeviceMemory
from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.lines import read_line
from tests.support.edge import TAKE_S, Hand, running
from tests.support.polling import eventually
from tests.support.small_hub import SmallHub

YEARS_MS = 20 * 365 * 86_400_000


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SmallHub]:
    hub = SmallHub(tmp_path / "town")
    yield hub
    hub.close()


def streaming(hand: Hand) -> None:
    eventually(lambda: hand.status()["state"] == "streaming", what="a session")


def test_events_of_every_lane_arrive_and_are_acknowledged(hub: SmallHub) -> None:
    with running(hub.home("bus-7")) as hand:
        taken = [hand.take(hand.tap(n)) for n in range(20)] + [hand.take(hand.report()) for _ in range(3)]
        hub.wait_for([t.event_id for t in taken])
        eventually(lambda: hand.status()["unacknowledged"] == 0, what="acknowledgements")
        assert hand.status()["oldest_unacknowledged_payment_ms"] == 0
    assert [row["seq"] for row in hub.rows() if row["stream"] == "payments"] == list(range(1, 21))
    hub.nothing_wrong()


def test_first_event_of_an_epoch_in_a_running_session_leaves_at_once(hub: SmallHub) -> None:
    with running(hub.home("bus-7")) as hand:
        streaming(hand)
        for happening in (hand.tap(1), hand.report()):
            hub.wait_for([hand.take(happening).event_id], timeout_s=4)


def test_clock_agrees_after_the_welcome_and_lines_say_so(hub: SmallHub) -> None:
    with running(hub.home("bus-7")) as hand:
        streaming(hand)
        hand.take(hand.tap(1))  # learns from its answer what the owner has heard
        taken = [hand.take(hand.tap(n)) for n in (2, 3)]
        hub.wait_for([t.event_id for t in taken])
        assert hand.status()["clock_age_s"] is not None
    ages = [read_line(row["line"], row["seq"]).members.get("clock_age_s") for row in hub.rows()]
    assert ages[1:] == [0, 0]


def test_clock_set_back_by_years_keeps_order_and_is_not_vouched_for(hub: SmallHub) -> None:
    machine, back_ms = system_time(), [0]
    clock = DeviceTime(wall_ms=lambda: machine.wall_ms() - back_ms[0], uptime_ms=machine.uptime_ms)
    with running(hub.home("bus-7"), clock=clock) as hand:
        streaming(hand)
        before = [hand.take(hand.tap(n)) for n in range(3)]
        back_ms[0] = YEARS_MS
        after = [hand.take(hand.tap(n)) for n in range(3, 6)]
        hub.wait_for([t.event_id for t in before + after])
        assert hand.status()["oldest_unacknowledged_payment_ms"] < 60_000
    rows = hub.rows()
    assert [row["event_id"] for row in rows] == [t.event_id for t in before + after]
    lines = [read_line(row["line"], row["seq"]).members for row in rows]
    assert all("clock_age_s" not in line and line["time"] < "2010" for line in lines[3:])
    hub.nothing_wrong()


def test_broker_killed_in_the_middle_costs_time_alone(hub: SmallHub) -> None:
    with running(hub.home("bus-7")) as hand:
        streaming(hand)
        taken = [hand.take(hand.tap(n)) for n in range(50)]
        pid = hub.town.broker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        taken += [hand.take(hand.tap(n)) for n in range(50, 100)]
        hub.wait_for([t.event_id for t in taken], timeout_s=20)
    hub.nothing_wrong()


def test_hub_that_was_away_finds_everything_when_it_is_back(hub: SmallHub) -> None:
    with running(hub.home("bus-7")) as hand:
        streaming(hand)
        first = hand.take(hand.tap(0))
        hub.wait_for([first.event_id])
        hub.stop()
        taken = [hand.take(hand.tap(n)) for n in range(1, 30)]
        hub.start()
        hub.wait_for([t.event_id for t in (first, *taken)], timeout_s=25)
    hub.nothing_wrong()


def test_hub_that_says_it_is_back_is_heeded_by_a_device_that_had_given_up(hub: SmallHub) -> None:
    """The device's time stands still: without the hint it would wait for ever."""
    uptime_ms = [1_000_000]
    clock = DeviceTime(wall_ms=system_time().wall_ms, uptime_ms=lambda: uptime_ms[0])
    hub.stop()
    with running(hub.home("bus-7"), clock=clock) as hand:
        eventually(lambda: hand.status()["state"] == "birth_sent")
        while hand.status() and hand.status()["state"] != "backoff":  # after the first it takes a turn
            uptime_ms[0] += limits.BIRTH_TIMEOUT_MS
        assert not hand.status()["recognised"]
        hub.start()
        streaming(hand)
        assert hand.status()["recognised"]
        assert hand.status()["hub_on"]


def test_birth_that_nobody_heard_is_said_again_as_soon_as_the_hub_is_there(hub: SmallHub) -> None:
    hub.stop()
    with running(hub.home("bus-7")) as hand:
        eventually(lambda: hand.status()["state"] == "birth_sent")
        hub.start()
        eventually(
            lambda: hand.status()["state"] == "streaming", timeout_s=5, what="a session before its time"
        )


def test_broker_that_is_gone_is_told_of(hub: SmallHub) -> None:
    with running(hub.home("bus-7")) as hand:
        streaming(hand)
        assert hand.status()["link"]["up"]
        hub.town.broker.stop()
        status = eventually(lambda: (s := hand.status())["state"] == "off" and s, what="a link that is down")
        assert not status["link"]["up"]
        assert status["link"]["detail"]


def test_session_outlives_more_messages_than_may_be_outstanding(hub: SmallHub) -> None:
    with running(hub.home("bus-7")) as hand:
        streaming(hand)
        for counter in range(2 * limits.PUBLISHES_OUTSTANDING_MAX):
            hand.take(hand.tap(counter))
            eventually(lambda: hand.status()["unacknowledged"] == 0, timeout_s=4, what="its acknowledgement")
        assert hand.status()["state"] == "streaming"


def test_fence_of_the_hub_is_obeyed_kept_and_cleared(hub: SmallHub) -> None:
    home = hub.home("bus-7")
    registry = hub.town.room.registry
    with running(home) as hand:
        streaming(hand)
        registry.fence("bus-7", "fork")
        hand.take(hand.report())
        eventually(lambda: "fenced" in (hand.teller.can_take(Stream.PAYMENTS) or ""))
    assert DeviceMemory.read(home.identity).fenced
    registry.release("bus-7")
    with running(home) as hand:
        eventually(lambda: hand.teller.can_take(Stream.PAYMENTS) is None, what="the release")
        hub.wait_for([hand.take(hand.tap(1)).event_id])
    assert not DeviceMemory.read(home.identity).fenced


def test_incarnation_that_was_heard_is_remembered(hub: SmallHub) -> None:
    home = hub.home("bus-7")
    with running(home) as hand:
        streaming(hand)
    assert hub.town.room.incarnation is not None
    assert DeviceMemory.read(home.identity).incarnation == hub.town.room.incarnation.value


def test_event_given_twice_with_one_id_counts_once(hub: SmallHub) -> None:
    with running(hub.home("bus-7")) as hand:
        happening = hand.tap(7)
        first, again, other = hand.take(happening), hand.take(happening), hand.take(hand.tap(8))
        assert (first.seq, again.seq) == (1, 2)
        hub.wait_for([first.event_id, other.event_id])
        eventually(lambda: hand.status()["unacknowledged"] == 0)
    assert len(hub.rows(inbox)) == 2
    hub.nothing_wrong()


def test_many_sessions_at_once_arrive_in_the_order_in_which_they_were_taken(hub: SmallHub) -> None:
    with running(hub.home("bus-7")) as hand:
        with hand.teller.session() as session:
            offers = [session.offer(hand.tap(n)) for n in range(300)]
            taken = [offer.result(TAKE_S) for offer in offers]
        hub.wait_for([t.event_id for t in taken], timeout_s=20)
    assert [row["event_id"] for row in hub.rows()] == [t.event_id for t in taken]
