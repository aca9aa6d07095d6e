"""A beacon's firmware in the real MicroPython virtual machine, as a process of a test."""

import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from beacon_node.image import lay_out
from beacon_node.provisioning.board import FolderBoard
from beacon_node.provisioning.enrolling import enrol_board
from shared.protocol.enrolment import Token
from tests.support.micropython import HEAP, machine
from tests.support.polling import eventually

ROOT = Path(__file__).parents[2]
MAIN = Path(__file__).with_name("on_a_board") / "node_link.py"
END_S = 30.0


def board_at(folder: Path) -> FolderBoard:
    """A board with the firmware on it, as after flashing."""
    lay_out(folder)
    return FolderBoard(folder, machine("64 bits"))


def enrolled_board(folder: Path, token: str, firmware_keys: bytes = b"") -> FolderBoard:
    """A board that a hub has enrolled."""
    board = board_at(folder)
    enrol_board(board, Token.parse(token), "Villafaro", firmware_keys=firmware_keys)
    return board


class NodeProcess:
    """One start of a node.

    Args:
        board: of an enrolled node.
    """

    def __init__(self, board: FolderBoard) -> None:
        self.status: Mapping[str, Any] = {}
        self.complaints = ""
        self._process = subprocess.Popen(
            [machine("64 bits"), "-X", f"heapsize={HEAP}", str(MAIN), str(board.root), str(board.root / "a")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._listeners = [
            threading.Thread(target=self._listen),
            threading.Thread(target=self._hear_complaints),
        ]
        for listener in self._listeners:
            listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def say(self, stream: str, event_type: str, data: Mapping[str, object]) -> None:
        """Have it say something."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([stream, event_type, data]).encode() + b"\n")
        self._process.stdin.flush()

    def wait_for(self, holds: Callable[[Mapping[str, Any]], bool], what: str) -> Mapping[str, Any]:
        """Wait until its status is so."""
        eventually(
            lambda: (self.status and holds(self.status)) or self._process.poll() is not None,
            timeout_s=120,
            what=what,
        )
        assert self._process.poll() is None, self.complaints
        return self.status

    def wait_until_acknowledged(self, **lines: int) -> Mapping[str, Any]:
        """Wait until the hub has so many lines of each stream."""
        return self.wait_for(
            lambda status: all(status["acked"][stream] >= count for stream, count in lines.items()),
            f"{lines} acknowledged",
        )

    def wait_for_end(self) -> None:
        """Wait until it ends by itself, as a board does that is to start again."""
        assert self._process.wait(END_S) == 0, self.complaints

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait(END_S)
        for listener in self._listeners:
            listener.join(END_S)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.endswith(b"}\n"):
                self.status = json.loads(line)

    def _hear_complaints(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            self.complaints += line.decode()
