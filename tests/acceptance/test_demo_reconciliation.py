"""The demonstration's sum on real processes: it adds up, and says so where it does not."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random

import httpx
import pytest

from hub.demo.device import StreetDevice
from hub.demo.reconciliation import Sums, add_up, gather
from hub.demo.show import EXIT_FAILED, exit_status
from hub.demo.town import make_town, read_reports
from hub.demo.townhall import TownHall
from hub.usecases.take_event import REPORT
from shared.model.ids import EVENT_ID_RANDOM_BYTES, new_event_id
from tests.support.polling import eventually

NAME = "counter-1"
NOW_MS = 1_790_000_000_000


class SmallTown:
    """One kiosk, a hub and a core, as the demonstration starts them."""

    def __init__(self, town_hall: TownHall, kiosk: StreetDevice) -> None:
        self.town_hall = town_hall
        self.kiosk = kiosk

    def serve(self, count: int) -> None:
        """Let some people say something, and wait until the hub has it."""
        wanted = len(self.kiosk.receipts) + count
        self.kiosk.call(count)
        self.kiosk.pump()
        eventually(lambda: len(self.kiosk.receipts) == wanted, timeout_s=30, what="receipts")
        eventually(lambda: self.sums().committed == wanted, timeout_s=60, what="the hub's commits")

    def sums(self) -> Sums:
        """Ask everybody."""
        receipts = list(self.kiosk.receipts.values())
        return add_up(gather(self.town_hall.hub, self.town_hall.core, receipts))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[SmallTown]:
    town_hall = TownHall(tmp_path)
    with ExitStack() as closing:
        closing.callback(town_hall.stop)
        town_hall.start_core()
        town_hall.prepare()
        town_hall.start_hub()
        town_hall.await_start()
        future = make_town(read_reports(None, 7), 60, 7, NOW_MS)[NAME]
        kiosk = StreetDevice(town_hall.enrol(NAME), NAME, future, 0.3)
        closing.callback(kiosk.stop)
        kiosk.start()
        yield SmallTown(town_hall, kiosk)


@pytest.mark.timeout(240)
def test_reconciliation_with_duplicate_missing_effect_or_unheard_receipt_fails(
    town: SmallTown,
) -> None:
    town.serve(24)
    good = eventually(lambda: sums if (sums := town.sums()).adds_up else None, timeout_s=30, what="the sum")
    assert good is not None
    assert (good.taken, good.in_core, exit_status(good)) == (24, 24, 0)

    receipts = town.kiosk.receipts.values()
    reference = next(one.reference for one in receipts if one.event.effect == REPORT)
    again = {"service_code": "aceras", "description": f"otra vez\nRef. {reference}"}
    port = town.town_hall.core.port
    httpx.post(f"http://127.0.0.1:{port}/requests.json", data=again, trust_env=False).raise_for_status()
    doubled = town.sums()
    assert doubled.duplicated == 1
    assert exit_status(doubled) == EXIT_FAILED

    town.town_hall.core.post("/control", {"mode": "refuse"})
    town.serve(4)
    lacking = town.sums()
    assert (lacking.committed, lacking.in_core) == (28, 24)
    assert exit_status(lacking) == EXIT_FAILED

    stranger = new_event_id(NOW_MS, Random(0).randbytes(EVENT_ID_RANDOM_BYTES))
    known = next(iter(town.kiosk.receipts.values()))
    town.kiosk.receipts[stranger] = replace(known, event=replace(known.event, id=stranger), epoch="0badcafe")
    unheard = town.sums()
    assert unheard.lost_unexplained == 1
    assert exit_status(unheard) == EXIT_FAILED
