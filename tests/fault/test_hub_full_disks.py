"""The hub on disks that run full while it works: it says so, promises nothing, and goes on by itself."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.protocol import limits
from tests.support.device_process import DeviceProcess, report, tap
from tests.support.hub_process import HubProcess
from tests.support.photographs import make_photograph
from tests.support.polling import eventually
from tests.support.small_disk import SmallDisk, small_disk

MIB = 1 << 20
WAIT_S = 150.0
ROW = "a lane full, a disk full, an fsync that fails"


@dataclass(frozen=True, slots=True)
class Crowded:
    """A hub whose database, photographs and journal copy have a small disk each."""

    hub: HubProcess
    database: SmallDisk
    photographs: SmallDisk
    journal: SmallDisk

    def database_part(self) -> dict[str, object]:
        said = self.hub.ask("GET", "/ready")[1]
        return next(part for part in said["parts"] if part["part"] == "database")


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowded]:
    folder = tmp_path_factory.mktemp("crowded")
    with ExitStack() as stack:
        database = stack.enter_context(small_disk(folder / "database", 8))
        journal = stack.enter_context(small_disk(folder / "journal", 16))
        reserve_mb = limits.ATTACHMENT_RESERVE_BYTES // MIB
        photographs = stack.enter_context(small_disk(folder / "hub" / "attachments", reserve_mb + 16))
        url = f"sqlite:///{database.path}/hub.db"
        hub = HubProcess(folder / "hub", database_url=url, journal_copy_dir=journal.path)
        yield Crowded(stack.enter_context(hub), database, photographs, journal)


def fates(hub: HubProcess, device: DeviceProcess, name: str) -> list[str]:
    events = [
        {"device": name, "event_id": one["id"], **{key: one[key] for key in ("stream", "epoch", "seq")}}
        for answer in device.answers
        if (one := answer.get("taken"))
    ]
    return [event["fate"] for event in hub.post("/v1/reconciliation", events)["events"]]


@pytest.mark.guarantee(ROW)
def test_hub_on_a_full_disk_acknowledges_nothing_says_so_and_goes_on_by_itself(
    crowded: Crowded, tmp_path: Path
) -> None:
    hub = crowded.hub
    home = hub.enrol("bus-1", tmp_path / "bus-1")
    with DeviceProcess(home) as device:
        device.give([tap(n) for n in range(5)])
        device.wait_for_answers(5)
        device.wait_for_status(state="streaming", unacknowledged=0)
        crowded.database.fill()
        for batch in range(40):
            device.give([report("x" * 3_000) for _ in range(25)])
            device.wait_for_answers(5 + 25 * (batch + 1))
            if not crowded.database_part()["ready"]:
                break
        assert "disk is full; make room" in str(crowded.database_part()["reason"])
        assert hub.ask("GET", "/ready")[0] == 503
        eventually(lambda: hub.metrics()["ventanilla_commit_failures_total"] > 0, what="failed commits")
        assert any(line["event"] == "database_fails" for line in hub.log())
        told = fates(hub, device, "bus-1")
        held = told.count("committed")
        assert set(told) <= {"committed", "unknown"}
        assert "unknown" in told
        assert device.status()["unacknowledged"] >= told.count("unknown")
        assert len(device.taken()) == len(device.answers), "the device refused what it has room for"

        crowded.database.empty()
        eventually(
            lambda: set(fates(hub, device, "bus-1")) == {"committed"}, timeout_s=WAIT_S, what="all committed"
        )
        eventually(lambda: hub.ask("GET", "/ready")[0] == 200, timeout_s=WAIT_S, what="readiness")
        eventually(lambda: device.status()["unacknowledged"] == 0, timeout_s=WAIT_S, what="its answers")
        assert held < len(told)
    assert any(line["event"] == "database_goes_on" for line in hub.log())
    assert not hub.get("/v1/losses")["items"]
    assert not hub.get("/v1/quarantine")["items"]
    assert hub.get("/v1/ledger/audit")["clean"]


@pytest.mark.guarantee(ROW)
def test_full_disk_of_photographs_holds_up_no_report_and_they_come_when_there_is_room(
    crowded: Crowded, tmp_path: Path
) -> None:
    hub = crowded.hub
    home = hub.enrol("kiosk-2", tmp_path / "kiosk-2")
    photograph = make_photograph(tmp_path / "photo.jpg", seed=3)
    crowded.photographs.fill()
    with DeviceProcess(home) as device:
        device.give([report("Bache", attachments=[str(photograph)])])
        (answer,) = device.wait_for_answers(1)
        eventually(
            lambda: fates(hub, device, "kiosk-2") == ["committed"], timeout_s=WAIT_S, what="its report"
        )
        missing = 'ventanilla_attachments_missing{device="kiosk-2"}'
        eventually(lambda: hub.metrics().get(missing) == 1, timeout_s=WAIT_S, what="a photograph missing")
        assert hub.ask("GET", "/ready")[0] == 200
        crowded.photographs.empty()
        path = f"/v1/events/kiosk-2/{answer['taken']['id']}/attachments"
        eventually(
            lambda: [one["state"] for one in hub.get(path)["items"]] == ["stored"],
            timeout_s=WAIT_S,
            what="the photograph",
        )
    assert not hub.get("/v1/exceptions?kind=attachment_lost")["items"]


@pytest.mark.guarantee("the hub's disk lost")
def test_full_disk_of_the_journal_copy_stops_nobody_and_is_told_until_it_has_everything(
    crowded: Crowded, tmp_path: Path
) -> None:
    hub = crowded.hub
    home = hub.enrol("bus-3", tmp_path / "bus-3")
    behind = "ventanilla_journal_copy_behind"
    eventually(lambda: hub.metrics()[behind] == 0, timeout_s=WAIT_S, what="a journal copy")
    crowded.journal.fill()
    with DeviceProcess(home) as device:
        device.give([tap(n) for n in range(100)])
        device.wait_for_answers(100)
        eventually(
            lambda: set(fates(hub, device, "bus-3")) == {"committed"}, timeout_s=WAIT_S, what="all committed"
        )
        device.wait_for_status(unacknowledged=0)
    eventually(lambda: hub.metrics()[behind] == 1, what="the copy is behind")
    assert "journal copy lacks something" in str(crowded.database_part()["reason"])
    assert crowded.database_part()["ready"]
    crowded.journal.empty()
    eventually(lambda: hub.metrics()[behind] == 0, timeout_s=WAIT_S, what="the copy has everything")
    assert "It can be restored" in hub.command("drill", str(crowded.journal.path))
