"""The owner is killed with -9 in mid-append: what it was told is there, and no number comes twice."""

import json
import os
import signal
from pathlib import Path
from random import Random

import pytest

from shared.adapters.outbox import Outbox, OutboxLimits
from shared.model.event import Stream
from tests.support.outbox import DEVICE, held
from tests.support.outbox_child import live

KILLS = 50


def killed_life(folder: Path, lines: int) -> bytes:
    """Live in a child process until so many lines were told, kill it, and return all that it had told."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # the child is a new life of the owner; it never comes back
        os.close(reading)
        live(Outbox(folder / "outbox.db", DEVICE, OutboxLimits(ballast_bytes=0)), 1_000_000, writing)
        os._exit(1)
    os.close(writing)
    told = b""
    while told.count(b"\n") < lines and (more := os.read(reading, 65_536)):
        told += more
    os.kill(child, signal.SIGKILL)
    while more := os.read(reading, 65_536):
        told += more
    os.close(reading)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    return told[: told.rfind(b"\n") + 1]


@pytest.mark.guarantee("power cut at any byte of an append")
def test_owner_killed_in_mid_append_fifty_times_loses_nothing_it_was_told(tmp_path: Path) -> None:
    random = Random(20261121)
    told: dict[tuple[str, str, int], str] = {}
    for _ in range(KILLS):
        for line in killed_life(tmp_path, random.randrange(1, 40)).splitlines():
            _, stream, epoch, seq, event_id = json.loads(line)
            assert (stream, epoch, seq) not in told, "a number was given twice"
            told[stream, epoch, seq] = event_id
    assert len(told) > KILLS
    with Outbox(tmp_path / "outbox.db", DEVICE, OutboxLimits(ballast_bytes=0)) as outbox:
        assert outbox.damaged_lines == 0
        for stream in (Stream.PAYMENTS, Stream.CASES, Stream.HEALTH):
            for view in outbox.epochs(stream):
                found = held(outbox, stream, view.epoch)
                assert not found.gaps
                for seq, line in found.lines.items():
                    event_id = told.pop((stream, view.epoch, seq), None)
                    assert event_id is None or event_id.encode() in line
    assert not told
