"""A Unix socket in a device's folder that a process answers on: one caller at a time, one JSON line each.

    served = ServedSocket(folder / "driver.sock", "driver", answer)
    call(folder / "driver.sock", question)

Rules: each wait is bounded; a socket that a killed process left behind is replaced; the folder is the device
user's alone, and the socket is too.
"""

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from shared.adapters.socket_paths import reachable
from shared.protocol.parsing import encode, parse_object

CALL_S: Final = 10.0
ASKED_BYTES_MAX: Final = 4_096
ANSWER_BYTES_MAX: Final = 1024 * 1024
_POLL_S: Final = 0.5
_BLOCK_BYTES: Final = 65_536


class ServedSocket:
    """Answers until it is closed.

    Args:
        path: of the socket.
        name: of the thread.
        answer: gives the answer to a caller's line; may raise TimeoutError, then the caller hears nothing.
        hears: callers say a line first.
    """

    def __init__(
        self, path: Path, name: str, answer: Callable[[bytes], Mapping[str, Any]], *, hears: bool
    ) -> None:
        self._path = path
        self._answer = answer
        self._hears = hears
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        path.unlink(missing_ok=True)
        with reachable(path) as reached:
            self._listener.bind(reached)
        path.chmod(0o600)
        self._listener.listen(8)
        self._listener.settimeout(_POLL_S)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._closing.set()
        self._thread.join(CALL_S)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while not self._closing.is_set():
            with suppress(TimeoutError):
                caller, _ = self._listener.accept()
                with caller, suppress(OSError):
                    caller.settimeout(_POLL_S)
                    asked = _line(caller, ASKED_BYTES_MAX) if self._hears else b""
                    caller.sendall(encode(self._answer(asked)) + b"\n")


def call(path: Path, asked: bytes = b"") -> dict[str, Any]:
    """Ask whoever serves a socket.

    Args:
        path: of the socket.
        asked: a line that is said first; nothing where they do not hear.

    Raises:
        OSError: nobody answers.
        InputError: what they answer is no JSON object.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(CALL_S)
        with reachable(path) as reached:
            asking.connect(reached)
        if asked:
            asking.sendall(asked)
        return parse_object(_line(asking, ANSWER_BYTES_MAX))


def _line(peer: socket.socket, most: int) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < most and (part := peer.recv(_BLOCK_BYTES)):
        line += part
    return line.removesuffix(b"\n")
