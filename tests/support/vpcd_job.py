"""`python -m tests.support.vpcd_job <folder>`: a card tapped through the virtual reader of Debian, on pcscd.

To be run in a network namespace of its own with its loopback up: that reader listens on every network. It
speaks to a card over TCP; ours acknowledges at once, without which each command takes 40 ms longer.

Says on its last line, as JSON, what the taps came to and what was booked.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from card_reader.apdu.conversing import converse
from card_reader.core.tap import tap
from card_reader.transport.pcsc.field import Field
from card_reader.transport.pcsc.reader import Cards, Mishap, Reader
from card_reader.transport.pcsc.winscard import UNAWARE, Context, State
from card_reader.virtual_reader.__main__ import hidden, listening
from tests.support.cards import NOW_S, MemoryBook, Town, desk_of, trip
from tests.support.pcsc import SOCKET_NAME, CardProcess
from tests.support.polling import eventually

LIBRARY: Final = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
CHANNEL: Final = 0x8C7B
ADDRESS: Final = f"tcp:127.0.0.1:{CHANNEL}"
NAME: Final = "Virtual PCD 00 00"
WAIT_S: Final = 60.0


class Validator(Cards):
    """Taps every card, and tells what came of it."""

    def __init__(self, town: Town) -> None:
        self.town, self.book, self.now_s = town, MemoryBook(), NOW_S
        self.said: SimpleQueue[str] = SimpleQueue()

    def serve(self, number: bytes, field: Field) -> None:
        """Tap it."""
        self.now_s += 1
        verdict = converse(
            field, tap(number, trip(now_s=self.now_s), desk_of(self.town, self.book), field.atr)
        )
        self.said.put(verdict.said.value)

    def missed(self, mishap: Mishap) -> None:
        """Say why not."""
        self.said.put(mishap.value)


def start_pcscd(folder: Path) -> subprocess.Popen[bytes]:
    """Start pcscd with Debian's reader alone, listening in a folder."""
    readers = folder / "readers"
    readers.mkdir()
    lines = (
        'FRIENDLYNAME "Virtual PCD"',
        f"DEVICENAME /dev/null:{CHANNEL:#x}",
        f"LIBPATH {LIBRARY}",
        f"CHANNELID {CHANNEL:#x}",
    )
    (readers / "vpcd").write_text("\n".join(lines) + "\n")
    start = "import os, sys; from tests.support.vpcd_job import become_pcscd; become_pcscd(sys.argv[1])"
    return subprocess.Popen([sys.executable, "-c", start, str(folder)], stdout=sys.stderr)


def become_pcscd(folder: str) -> None:
    """Become it."""
    listening(Path(folder) / "pcscd.comm")
    passed = ("LISTEN_FDS=1", f"LISTEN_PID={os.getpid()}")
    command = [*hidden(), "/usr/sbin/pcscd", "--foreground", "--error", "--config", f"{folder}/readers"]
    os.execvp("env", ["env", *passed, *command])  # noqa: S606, S607 - it becomes pcscd, without a shell


def is_empty() -> bool:
    """Whether pcscd has seen that no card is there."""
    with Context() as context:
        return bool(context.wait(NAME, UNAWARE, 0).state & State.EMPTY)


def main(folder: Path) -> None:
    """Tap a card, tear it at its commit, and hold it there again."""
    os.environ[SOCKET_NAME] = str(folder / "pcscd.comm")
    pcscd, town = start_pcscd(folder), Town()
    validator, card = Validator(town), CardProcess(bytes.fromhex("04782E21801D80"))
    reader = Reader(NAME, validator)
    try:
        card.issue(town, passes=())
        with card.near() as near:
            town.top_up_at(near, card.uid, 1_000)
        reader.start()
        said: list[str] = []
        for plan in ({"tear_at": 8, "after": True}, {}, {"be": "phone"}):
            if plan:
                card.tell(**plan)
            card.tell(reader=ADDRESS)
            said.append(validator.said.get(timeout=WAIT_S))
            card.take_away()
            eventually(is_empty, timeout_s=WAIT_S)  # it is looked after every 400 ms
        sys.stdout.write(json.dumps({"said": said, "booked": len(validator.book.booked)}) + "\n")
    finally:
        reader.stop()
        card.close()
        pcscd.kill()
        pcscd.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
