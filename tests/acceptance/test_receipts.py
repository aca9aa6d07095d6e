"""A kiosk's receipt at the command line and on the hub's page: offline, before it has arrived, and after."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import segno

from tests.support.hub_process import ROOT, HubProcess
from tests.support.kiosk_process import KioskProcess
from tests.support.kiosk_town import CATALOGUE
from tests.support.polling import eventually


def verify(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run `ventanilla verify`."""
    command = [sys.executable, "-m", "shared.cli", "verify", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hall") / "hub", town="Villafaro") as hub:
        yield hub


def page(hub: HubProcess, receipt: str, language: str = "es") -> str:
    status, body = hub.fetch(f"/verify?r={quote(receipt)}&lang={language}")
    assert status == 200
    return body.decode()


@pytest.mark.sentence("R-1")
@pytest.mark.sentence("R-4")
def test_receipt_is_checked_by_anybody_before_and_after_it_arrives(hub: HubProcess, tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text(str(CATALOGUE).replace("'", '"'))
    hub.command("bundle", "publish", "catalogue", str(catalogue))
    keys = str(tmp_path / "keys.json")
    home = hub.enrol("kiosk-1", tmp_path / "kiosk-1")
    with KioskProcess(home) as kiosk:
        kiosk.wait_for_screen()
        eventually(
            lambda: "report" in kiosk.press("start", "es", "back", "es")["choices"], what="the catalogue"
        )
        kiosk.press("back", "back")
        hub.stop()
        receipt = str(kiosk.report("Bache")["qr"])
        hub.command("town-keys", keys)
        assert verify(receipt, "--keys", keys).returncode == 0
        segno.make(receipt).save(str(tmp_path / "receipt.png"), scale=4)
        seen = verify("--keys", keys, "--image", str(tmp_path / "receipt.png"), "--language", "en")
        assert (seen.returncode, "genuine" in seen.stdout) == (0, True), seen.stderr
        kiosk.stop()
        hub.start()
        assert "Todavía no ha llegado" in page(hub, receipt)
    with KioskProcess(home):
        eventually(
            lambda: "ya lo tiene" in page(hub, receipt), timeout_s=60, what="the report at the town hall"
        )
    _, as_a_telephone_opens_it = hub.fetch(f"/verify?r={receipt}")
    assert "ya lo tiene" in as_a_telephone_opens_it.decode()
    assert "l'ajuntament ja el té" in page(hub, receipt, "ca").lower().replace("&#x27;", "'")
    hub.command("town-keys", keys)
    assert verify(receipt, "--keys", keys).returncode == 0


def test_receipt_that_is_none_says_so_and_nothing_that_a_browser_would_run(hub: HubProcess) -> None:
    assert "no es un recibo" in page(hub, "<script>alert(1)</script>")
    assert "<script>" not in page(hub, "VT1:<script>alert(1)</script>")
    assert "falta un trozo" in page(hub, "VT1:kiosk-1/")


def test_receipt_is_not_genuine_for_the_command_of_another_town(hub: HubProcess, tmp_path: Path) -> None:
    keys = str(tmp_path / "keys.json")
    hub.command("town-keys", keys)
    refused = verify("VT1:kiosk-1/…", "--keys", keys)
    assert (refused.returncode, "falta un trozo" in refused.stdout) == (5, True)
    missing = verify("VT1:x", "--keys", str(tmp_path / "none.json"))
    assert (missing.returncode, "correct --keys" in missing.stderr) == (1, True)
