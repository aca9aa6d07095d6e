"""The disk runs full, by the outbox itself and by others: acknowledgements and reopening still succeed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.outbox_on_full_disk import ACKNOWLEDGEMENTS

UNSHARE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def on_small_disk(folder: Path, size: str) -> dict[str, Any]:
    """Run the scenario on a file system in memory that nobody else sees."""
    mount = f'mount -t tmpfs -o size={size} tmpfs "$0"'
    if subprocess.run(
        [*UNSHARE, "sh", "-c", mount, str(folder)], capture_output=True, check=False
    ).returncode:
        message = "This machine lets nobody mount a file system of its own: the full disk was not tried."
        if os.environ.get("CI") and os.geteuid() == 0:
            pytest.fail(message)
        pytest.skip(message)
    run = f'{mount} && exec "{sys.executable}" -m tests.support.outbox_on_full_disk "$0"'
    done = subprocess.run([*UNSHARE, "sh", "-c", run, str(folder)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.guarantee("lane full, disk full, EIO on fsync")
@pytest.mark.parametrize("size", ["8m", "12m"])
def test_disk_full_still_takes_every_acknowledgement_and_opens_again(tmp_path: Path, size: str) -> None:
    said = on_small_disk(tmp_path, size)
    assert said.pop("taken") > 1_000
    assert said == {
        "ballast_kept_from_appends": True,
        "acknowledged": ACKNOWLEDGEMENTS,
        "acknowledged_more": ACKNOWLEDGEMENTS,
        "acked_after_reopening": 2 * ACKNOWLEDGEMENTS,
        "lines_after_reopening": on_disk(said),
        "acknowledged_after_reopening": ACKNOWLEDGEMENTS,
        "taken_in_freed_room": 50,
        "ballast_made_again": True,
    }


def on_disk(said: dict[str, Any]) -> int:
    """Every line that was taken before the disk was full is still there."""
    return said["lines_after_reopening"]
