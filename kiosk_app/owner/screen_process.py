"""A screen's process: started as a child with one end of a socket pair, and nothing else of the owner's."""

import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Final

from kiosk_app.machine.framing import MessageLine

KILL_S: Final = 10.0


class ScreenProcess:
    """One process. Implements `kiosk_app.owner.screens.Screen`.

    Args:
        process: just started.
        hang_up: closes the owner's end of its line.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", hang_up: Callable[[], None]) -> None:
        self._process = process
        self._hang_up = hang_up

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def ended(self) -> int | None:
        """Return its status if it has ended."""
        return self._process.poll()

    def kill(self) -> None:
        """End it at once: what it still had in memory is nobody's."""
        self._process.kill()
        self._process.wait(KILL_S)
        self._hang_up()


def start_screen(
    words: Sequence[str], around: Sequence[str] = ()
) -> tuple["subprocess.Popen[bytes]", MessageLine]:
    """Start a screen's process.

    Args:
        words: of `ventanilla kiosk`, after which the descriptor of its end is named.
        around: a command that runs another one.

    Returns:
        The process, and the owner's end of its line.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [*around, sys.executable, "-m", "shared.cli", "kiosk", *words, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
        )
    return process, MessageLine(ours)
