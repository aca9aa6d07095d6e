"""The disk refuses to sync or write, once or for good: what was told is there, and nothing more is told."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.adapters.outbox import Outbox, OutboxLimits
from shared.model.event import Stream
from tests.support.outbox import DEVICE, held, take

LINES = 24


def hurt_life(folder: Path, inject: str) -> list[list[object]]:
    """Live one life in which some system calls on the outbox's files fail, and return what it told."""
    command = ["strace", "-f", "--seccomp-bpf", "-o", "/dev/null"]
    command += ["-e", f"trace={inject.partition(':')[0]}", "-e", f"inject={inject}"]
    for name in ("outbox.db", "outbox.db-wal"):
        command += ["-P", str(folder / name)]
    return told_by([*command, *life(folder)])


def life(folder: Path) -> list[str]:
    return [sys.executable, "-m", "tests.support.outbox_child", str(folder), str(LINES)]


def told_by(command: list[str]) -> list[list[object]]:
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode in (0, 3, 4), done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_told(folder: Path, told: list[list[object]]) -> None:
    """Hold what was told against what the next life finds."""
    expected = {(t[1], t[2], t[3]): str(t[4]) for t in told if t[0] == "told"}
    with Outbox(folder / "outbox.db", DEVICE, OutboxLimits(ballast_bytes=0)) as outbox:
        for stream in (Stream.PAYMENTS, Stream.CASES, Stream.HEALTH):
            for view in outbox.epochs(stream):
                for seq, line in held(outbox, stream, view.epoch).lines.items():
                    event_id = expected.pop((stream, view.epoch, seq), None)
                    assert event_id is None or event_id.encode() in line
    assert not expected


@pytest.mark.sentence("L-8")
@pytest.mark.sentence("S-2")
@pytest.mark.requires("strace")
@pytest.mark.guarantee("lane full, disk full, EIO on fsync")
@pytest.mark.parametrize("when", ["1", "3", "6", "8", "15", "9+"])
def test_sync_fails_and_the_outbox_is_broken_until_its_owner_restarts(tmp_path: Path, when: str) -> None:
    told = hurt_life(tmp_path, f"fsync,fdatasync:error=EIO:when={when}")
    *before, last = told
    assert last in (["unopened"], ["broken", 3])
    assert all(t[0] == "told" for t in before)
    again = told_by(life(tmp_path))
    assert len(again) == LINES
    assert not {tuple(map(str, t[2:4])) for t in before} & {tuple(map(str, t[2:4])) for t in again}
    check_told(tmp_path, told + again)


@pytest.mark.requires("strace")
@pytest.mark.parametrize("when", ["9", "40+"])
def test_write_fails_and_the_outbox_is_broken_until_its_owner_restarts(tmp_path: Path, when: str) -> None:
    told = hurt_life(tmp_path, f"pwrite64:error=EIO:when={when}")
    assert told[-1] in (["unopened"], ["broken", 3])
    check_told(tmp_path, told)


@pytest.mark.sentence("L-7")
@pytest.mark.requires("strace")
@pytest.mark.parametrize("call", ["pwrite64", "fsync"])
def test_opening_that_cannot_make_durable_what_it_found_tells_nothing(tmp_path: Path, call: str) -> None:
    """The log that a killed owner left is written again and synced before anyone is told what it holds."""
    with Outbox(tmp_path / "outbox.db", DEVICE, OutboxLimits(ballast_bytes=0)) as outbox:
        take(outbox, Stream.PAYMENTS)
        killed = Path(shutil.copytree(tmp_path, tmp_path / "killed"))
    assert hurt_life(killed, f"{call}:error=EIO:when=1") == [["unopened"]]
    assert len(told_by(life(killed))) == LINES
