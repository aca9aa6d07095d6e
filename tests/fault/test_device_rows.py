"""Rows of the failure table that begin on a device's disk, with the device as a process."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hub.db.tables import device_epoch, loss_record, quarantine
from shared.edge.home import DeviceHome
from shared.model.ids import new_event_id
from tests.support.device_process import DeviceProcess, report, tap
from tests.support.polling import eventually
from tests.support.small_hub import SmallHub
from tests.support.town import now_ms

EVENTS = 20
SPOILT = 7


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SmallHub]:
    hub = SmallHub(tmp_path / "town")
    yield hub
    hub.close()


def losses(hub: SmallHub) -> list[tuple[str, int, int, str]]:
    return [
        (row["stream"], row["first_seq"], row["last_seq"], row["reason"]) for row in hub.rows(loss_record)
    ]


def live(home: DeviceHome, hub: SmallHub) -> list[str]:
    """One more life that takes a report; everything that the device has arrives."""
    with DeviceProcess(home) as device:
        device.give([report("Farola")])
        device.wait_for_answers(1)
        hub.wait_for(device.taken(), timeout_s=60)
        device.wait_for_status(unacknowledged=0, fenced=False)
        return device.taken()


@pytest.mark.guarantee("a device's disk lost")
def test_device_whose_disk_is_lost_is_recorded_as_far_as_the_hub_had_heard(hub: SmallHub) -> None:
    home = hub.home("bus-7")
    hub.ingest.credit_lines = 0  # the hub hears of lines and gets none
    hub.stop()
    with DeviceProcess(home) as device:
        device.give([tap(n) for n in range(EVENTS)])
        device.wait_for_answers(EVENTS)
    hub.start()
    hub.ingest.credit_lines = 0
    with DeviceProcess(home):
        eventually(
            lambda: (
                [row["heard"] for row in hub.rows(device_epoch) if row["stream"] == "payments"] == [EVENTS]
            ),
            timeout_s=60,
            what="the hub has heard of all",
        )
    held = len([row for row in hub.rows() if row["stream"] == "payments"])
    shutil.rmtree(home.data)
    hub.ingest.credit_lines = 800
    live(home, hub)
    eventually(lambda: losses(hub), timeout_s=60, what="a loss record")
    assert losses(hub) == [("payments", held + 1, EVENTS, "gone")]


@pytest.mark.guarantee("a flipped bit, vanished rows, a corrupt line")
def test_flipped_bit_on_a_device_is_a_loss_record_and_the_rest_arrives(hub: SmallHub) -> None:
    home = hub.home("bus-7")
    hub.stop()
    with DeviceProcess(home) as device:
        device.give([report(f"Farola {n}") for n in range(EVENTS)])
        device.wait_for_answers(EVENTS)
        taken = device.taken()
        assert device.stop() == 0
    with closing(sqlite3.connect(home.outbox)) as connection:  # all of it into the file itself
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = home.outbox.read_bytes()
    whole = re.compile(rb'\{"seq":%d,"id":"[^"]+"' % SPOILT)  # an old page may hold it a second time
    home.outbox.write_bytes(
        whole.sub(lambda found: found[0][:-2] + bytes([found[0][-2] ^ 1]) + b'"', content)
    )
    hub.start()
    live(home, hub)
    rest = [event_id for n, event_id in enumerate(taken, 1) if n != SPOILT]
    hub.wait_for(rest, timeout_s=60)
    assert losses(hub) == [("cases", SPOILT, SPOILT, "corrupt")]
    assert hub.rows(quarantine) == []


@pytest.mark.guarantee("an event that is poison, too long, or cannot be opened")
def test_poison_of_a_device_is_set_aside_and_the_rest_goes_on(hub: SmallHub) -> None:
    """Two events under one id, as a face that counts its ids wrongly would make them."""
    home, poison = hub.home("bus-7"), new_event_id(now_ms(), bytes(10))
    with DeviceProcess(home) as device:
        device.give([tap(1, id=poison)])
        device.wait_for_answers(1)
        hub.wait_for([poison])
    with DeviceProcess(home) as device:
        device.give([tap(2, id=poison), *(tap(n) for n in range(3, 3 + EVENTS))])
        device.wait_for_answers(1 + EVENTS)
        hub.wait_for(device.taken()[1:], timeout_s=60)
        device.wait_for_status(unacknowledged=0, fenced=False)
    (aside,) = hub.rows(quarantine)
    assert (aside["event_id"], aside["reason"]) == (poison, "another event has this id")
    assert losses(hub) == []
