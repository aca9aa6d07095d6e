"""The terminal's way to a card is not only our own driver's: one job through Debian's virtual reader."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

pytestmark = pytest.mark.requires("pcscd", "libifdvpcd.so", "ip")
TIMEOUT_S = 240


def test_card_torn_at_its_commit_is_charged_once_through_debians_reader() -> None:
    folder = Path(tempfile.mkdtemp(prefix="vt-vpcd-"))
    job = f"ip link set lo up && exec {sys.executable} -m tests.support.vpcd_job {folder}"
    alone = [shutil.which("unshare") or "unshare", "--net", "--mount", "sh", "-c", job]
    try:
        done = subprocess.run(alone, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if "Operation not permitted" in done.stderr:
        pytest.skip("this machine allows no network of one's own")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"said": ["removed", "ride", "phone"], "booked": 1}
