"""The phone's commands against a real hub: the town's key alone is trusted."""

import subprocess
import sys
from json import dumps, loads
from pathlib import Path

from shared.model.instants import to_rfc3339
from tests.support.hub_process import HubProcess
from tests.support.node_process import enrolled_board
from tests.support.phone import notice
from tests.support.town import now_ms

VENTANILLA = Path(sys.executable).with_name("ventanilla")
DAY_MS = 86_400_000


def receiver(*words: object) -> subprocess.CompletedProcess[str]:
    command = [str(VENTANILLA), "receiver", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_phone_fetches_its_district_from_a_real_hub_and_trusts_the_towns_key_alone(tmp_path: Path) -> None:
    phone, other = tmp_path / "phone", tmp_path / "other"
    with HubProcess(tmp_path / "hub", notices_approval="anyone") as hub:
        enrolled_board(tmp_path / "beacon-1", hub.command("enrol", "beacon-1", "--kind", "beacon"))
        where = ("--district", "centro", "--site", "plaza", "--at", "43.46,-3.81")
        hub.command("places", "add", "biblio-3", *where, "--name", "Biblioteca")
        hub.command("places", "assign", "biblio-3", "beacon-1")
        hub.command("interests", "add", "musica", "Música", "--name-ca", "Música en viu")
        said = notice("concierto-7", interests=["musica"], until=to_rfc3339(now_ms() + DAY_MS)).to_data()
        (tmp_path / "notice.json").write_text(dumps({k: v for k, v in said.items() if k != "version"}))
        hub.command("notices", "draft", str(tmp_path / "notice.json"))
        hub.command("notices", "approve", "concierto-7", "--version", "1")
        hub.command("town-keys", str(tmp_path / "town.json"))
        key = loads((tmp_path / "town.json").read_text())["keys"][0]["ed25519"]
        address = ("--hub", f"https://127.0.0.1:{hub.port}", "--district", "centro")
        authority = ("--authority", hub.home / "keys" / "ca.crt")
        fetched = receiver("fetch", "--folder", phone, *address, *authority, "--key", key)
        assert fetched.returncode == 0, fetched.stderr
        assert fetched.stdout.count("new, until") == 2
        assert receiver("fetch", "--folder", phone).stdout.count("unchanged") == 2
        stranger = receiver("fetch", "--folder", other, *address, *authority, "--key", "0" * 64)
        assert stranger.returncode == 1
        assert not (other / "bundles").exists()
    assert receiver("consent", "--folder", phone, "--yes", "--language", "ca").returncode == 0
    assert (
        "[x] musica               Música en viu" in receiver("interests", "--folder", phone, "musica").stdout
    )
    away = receiver("fetch", "--folder", phone)
    assert (away.returncode, "what the phone has still counts" in away.stderr) == (1, True)
    assert receiver("why", "--folder", phone).stdout.strip().startswith("En les últimes 24 hores")
    assert receiver("forget", "--folder", phone).returncode == 0
    assert not phone.exists()
