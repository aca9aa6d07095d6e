"""pcscd itself with our reader, and virtual cards that are held to it; each a process that can be killed.

The library asks the environment once in a process which pcscd it speaks to. So there is one place for all of
a test run, and one pcscd after the other there.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from card_reader.apdu.conversing import converse
from card_reader.apdu.outcome import Done
from card_reader.citizen_card.issuing import issued
from card_reader.desfire.card import Card
from card_reader.transport.socket_card import SocketCard
from tests.architecture.tree import ROOT
from tests.support.cards import Town, making_of
from tests.support.polling import eventually

SOCKET_NAME: Final = "PCSCLITE_CSOCK_NAME"
TIMEOUT_S: Final = 30
DOOR: Final = "door"


class Pcscd:
    """pcscd with virtual readers, in a folder.

    Args:
        folder: with a short path; made by whoever gives it.
        names: of the readers; `door@800` waits 800 ms for an answer.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder = folder
        self._names = names or (DOOR,)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = (folder / "pcscd.log").open("ab")

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs to speak to it."""
        return {SOCKET_NAME: str(self.folder / "pcscd.comm")}

    def door(self, name: str = DOOR) -> Path:
        return self.folder / f"{name}.sock"

    def start(self) -> None:
        """Start it; it has its readers when this returns."""
        doors = [self.door(name.partition("@")[0]) for name in self._names]
        for door in doors:
            door.unlink(missing_ok=True)
        command = [sys.executable, "-m", "card_reader.virtual_reader", str(self.folder), *self._names]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=self._log, stderr=self._log)
        eventually(lambda: all(door.is_socket() for door in doors), timeout_s=TIMEOUT_S)

    def kill(self) -> None:
        """Let it die in the middle of whatever it does."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        self._end(signal.SIGTERM)
        self._log.close()

    def _end(self, how: int) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(TIMEOUT_S)
            self._process = None


class CardProcess:
    """A virtual card as a process.

    Args:
        uid: its number in the air, 7 bytes.
    """

    def __init__(self, uid: bytes) -> None:
        self.uid = uid
        command = [sys.executable, "-m", "card_reader.virtual_card", uid.hex()]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self._line().removeprefix("port "))

    def tell(self, **what: object) -> str:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return self._line()

    def hold(self, door: Path, **plan: object) -> None:
        """Hold it to a reader."""
        if plan:
            assert self.tell(**plan) == "ok"
        assert self.tell(reader=str(door)) == "ok"

    def take_away(self) -> None:
        assert self.tell(away=True) == "ok"

    @property
    def is_held(self) -> bool:
        return self.tell(held=True) == "yes"

    @contextmanager
    def near(self) -> Generator[SocketCard]:
        """Speak to it without a reader, as the hub does through a relay."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S) as peer:
            yield SocketCard(peer)

    def issue(self, town: Town, **how: Any) -> None:  # noqa: ANN401  fields of several types, by name
        """Make it a card of a town, with a pass for every zone unless told otherwise."""
        with self.near() as near:
            making = making_of(town, self.uid, **how)
            assert isinstance(converse(near, issued(Card(town.random.randbytes), bytes(16), making)), Done)

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(TIMEOUT_S)
        self.process.stdout.close()

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


def make_driver() -> None:
    """Compile the reader where it is not, or its source is newer."""
    made = ".venv/share/ventanilla/reader/ventanilla_ifd.so"
    command = [shutil.which("make") or "make", "--no-print-directory", made]
    subprocess.run(command, cwd=ROOT, check=True, env=_plain())


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
