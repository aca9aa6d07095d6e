"""A real ext4 runs full and the machine starts anew: the outbox opens on the full disk and acknowledges."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.outbox_on_full_disk import ACKNOWLEDGEMENTS

SCRIPT = """
set -e
mkdir "$0/disk"
mount -o loop "$0/image" "$0/disk"
"$1" -m tests.support.outbox_on_full_disk "$0/disk" until-full
umount "$0/disk"
mount -o loop "$0/image" "$0/disk"
"$1" -m tests.support.outbox_on_full_disk "$0/disk" after-the-cut
umount "$0/disk"
"""


@pytest.mark.guarantee("lane full, disk full, EIO on fsync")
@pytest.mark.parametrize("block", [1024, 4096])
def test_outbox_killed_on_a_full_ext4_opens_after_the_next_mount_and_acknowledges(
    tmp_path: Path, block: int
) -> None:
    mkfs = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
    if mkfs is None or os.geteuid() != 0:
        pytest.skip("Only root may mount a file as a disk, and mkfs.ext4 must be there.")
    image = tmp_path / "image"
    image.write_bytes(bytes(16 << 20))
    subprocess.run([mkfs, "-q", "-b", str(block), str(image)], check=True)
    command = ["unshare", "--mount", "sh", "-c", SCRIPT, str(tmp_path), sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "mount" in done.stderr and "failed" in done.stderr:
        pytest.skip("This machine mounts no file as a disk.")
    assert done.returncode == 0, done.stderr
    taken, after = (json.loads(line) for line in done.stdout.splitlines())
    assert taken["taken"] > 1_000
    assert after == {
        "lines": taken["taken"],
        "acknowledged_before": ACKNOWLEDGEMENTS,
        "acknowledged": ACKNOWLEDGEMENTS,
    }
