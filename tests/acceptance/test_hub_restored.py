"""The hub's data lost and put back by its commands, with devices that send again and one that cannot."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.conftest import TownHall
from tests.proof.restores import Restored
from tests.support.edge import running
from tests.support.polling import eventually


@pytest.mark.sentence("H-15")
def test_backup_is_restored_and_the_command_names_who_cannot_cover_the_gap(
    own_hall: Callable[[], TownHall], tmp_path: Path
) -> None:
    hall = own_hall()
    hub, copy = hall.hub, tmp_path / "copy.db"
    honest = hub.enrol("bus-1", tmp_path / "bus-1")
    stolen = hub.enrol("bus-2", tmp_path / "bus-2")
    drowned = hub.enrol("bus-3", tmp_path / "bus-3")
    with running(honest) as hand:
        before = [hand.take(hand.tap(1))]
        hub.wait_for_fates("bus-1", before)
        assert "holds the database" in hub.command("backup", str(copy))
        assert "It can be restored" in hub.command("drill", str(copy))
        after = [hand.take(hand.tap(n)) for n in range(2, 6)]
        hub.wait_for_fates("bus-1", after)
        hall.wait_for_settlements("bus-1", after)
    for name, home in (("bus-2", stolen), ("bus-3", drowned)):
        with running(home) as hand:
            hub.wait_for_fates(name, [hand.take(hand.report())])
    shutil.rmtree(drowned.data)
    with running(drowned, boot_id="boot-2") as hand:
        hub.wait_for_fates("bus-3", [hand.take(hand.report())])
    hub.command("revoke", "bus-2", "--reason", "stolen")
    refused = hub.try_command("restore", str(copy))
    assert (refused.returncode, "the hub runs" in refused.stderr) == (1, True)
    hub.stop()

    said = hub.command("restore", str(copy))
    assert "bus-2: it is revoked" in said
    assert "bus-3: its disk was lost or replaced" in said
    assert "bus-1:" not in said
    assert "What was there lies in" in said
    hub.start()
    with running(honest, boot_id="boot-2"):
        hub.wait_for_fates("bus-1", [*before, *after])
        hall.wait_for_settlements("bus-1", [*before, *after])
    assert hub.metrics()["ventanilla_cautious"] == 1
    assert [device["state"] for device in hub.get("/v1/devices")["items"]] == ["active", "revoked", "active"]
    assert json.loads(hub.command("audit"))["clean"]
    eventually(lambda: not hub.get("/v1/outgoing?state=waiting")["items"], what="all done")


def test_disk_of_the_database_is_lost_and_its_journal_copy_has_every_commit(
    own_hall: Callable[..., TownHall], tmp_path: Path
) -> None:
    """What no device sends again is there, too: a clerk's decision, events of a device that is gone."""
    hall = own_hall(journal_copy_dir=tmp_path / "journal", backup_dir=tmp_path / "backups")
    hub = hall.hub
    home = hub.enrol("bus-4", tmp_path / "bus-4")
    eventually(lambda: hub.metrics()["ventanilla_journal_copy_behind"] == 0, what="a base")
    with running(home) as hand:
        taken = [hand.take(hand.tap(n)) for n in range(10)]
        hub.wait_for_fates("bus-4", taken)
        hall.wait_for_settlements("bus-4", taken)
    (case,) = hub.get("/v1/exceptions?kind=keys")["items"]
    hub.post(f"/v1/exceptions/{case['id']}/resolve")
    books = hub.get("/v1/ledger/audit")["journal_hash"]
    hub.kill()
    shutil.rmtree(hub.home / "data")
    shutil.rmtree(home.path)

    assert "It can be restored" in hub.command("drill", str(tmp_path / "journal"))
    assert "up to the last commit" in hub.command("restore", str(tmp_path / "journal"))
    hub.start()
    assert hub.fates("bus-4", taken) == ["committed"] * 10
    assert hub.get("/v1/ledger/audit")["journal_hash"] == books
    resolved = hub.get("/v1/exceptions?kind=keys&unresolved=false")["items"][0]
    assert (resolved["id"], resolved["resolved_ms"] is None) == (case["id"], False)
    hall.wait_for_settlements("bus-4", taken)
    (backup,) = (tmp_path / "backups").glob("hub-*.db")
    assert "It can be restored" in hub.command("drill", str(backup))


@pytest.mark.guarantee("the hub restored from a backup, keys rotated since")
@pytest.mark.parametrize("kind", ["cp while it runs", "the whole machine"])
def test_hub_put_back_by_any_copy_with_keys_rotated_since_lacks_nothing(
    own_hall: Callable[[], TownHall], tmp_path: Path, kind: str
) -> None:
    """The other kinds are put back by `python -m tests.proof restores`."""
    Restored(own_hall(), tmp_path / "town").by(kind)
