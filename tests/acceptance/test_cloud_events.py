"""A subscriber learns of every event once, also one that was away and a hub that was killed meanwhile."""

from collections.abc import Callable
from pathlib import Path

from tests.acceptance.conftest import TownHall
from tests.support.edge import running
from tests.support.polling import eventually


def test_subscriber_that_was_away_learns_of_every_event_once_and_in_order(
    own_hall: Callable[..., TownHall], tmp_path: Path
) -> None:
    hall = own_hall(subscribed=True)
    hub, core = hall.hub, hall.core
    with running(hub.enrol("bus-1", tmp_path / "bus-1")) as hand:
        taken = [hand.take(hand.tap(n)) for n in range(5)]
        hub.wait_for_fates("bus-1", taken)
        core.kill()
        taken += [hand.take(hand.tap(n)) for n in range(5, 10)]
        taken.append(hand.take(hand.report()))
        hub.wait_for_fates("bus-1", taken)
        hub.kill()
        core.start()
        hub.start()
        keys = {f"/devices/bus-1 {one.event_id}" for one in taken}
        eventually(lambda: keys <= set(core.counts("events")), timeout_s=90, what="events at the subscriber")
    assert core.counts("events") == dict.fromkeys(keys, 1)
    taps = [row["key"].split()[1] for row in core.journal("events") if row["aggregate"].startswith("purse:")]
    assert taps == [one.event_id for one in taken[:10]]
