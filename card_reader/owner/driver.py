"""The driver's keys: a Unix socket in the device's folder, one JSON line asked, one answered.

    {"do":"passengers","count":3}   {"do":"clear"}   {"do":"free_ride","reason":"escolar"}
    {"do":"trip","line":4,"stop":12,"zone":1}        {"do":"cancel"}   {"do":"status"}

Rules: one caller at a time, each wait bounded; the folder is the device user's alone. An answer is what
became of it, or `{"error":"…"}` with a sentence.
"""

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from shared.adapters.socket_paths import reachable
from shared.model.errors import InputError, TransientError, VentanillaError
from shared.protocol.parsing import encode, parse_object

CALL_S: Final = 10.0
ASKED_BYTES_MAX: Final = 4_096
ANSWER_BYTES_MAX: Final = 1024 * 1024
_POLL_S: Final = 0.5
_NAME: Final = "driver.sock"


class NoTerminalError(TransientError):
    """No card terminal answers on this device; start it with `ventanilla reader run`, and try again."""


class DriverSocket:
    """Answers until it is closed.

    Args:
        folder: where the socket lies.
        act: does what is asked, and says what became of it; may raise VentanillaError.
    """

    def __init__(self, folder: Path, act: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        self._path = folder / _NAME
        self._act = act
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._path.unlink(missing_ok=True)
        with reachable(self._path) as name:
            self._listener.bind(name)
        self._path.chmod(0o600)
        self._listener.listen(8)
        self._listener.settimeout(_POLL_S)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="driver", daemon=True)
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
                    caller.sendall(encode(self._answer(_line(caller, ASKED_BYTES_MAX))) + b"\n")

    def _answer(self, line: bytes) -> Mapping[str, Any]:
        try:
            return self._act(parse_object(line))
        except VentanillaError as error:
            return {"error": str(error)}


def ask_driver(folder: Path, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask the terminal that runs on a device.

    Args:
        folder: where its socket lies.
        asked: what is to be done.

    Raises:
        NoTerminalError: none answers.
        InputError: it does not do that; its sentence says why.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(CALL_S)
            with reachable(folder / _NAME) as name:
                asking.connect(name)
            asking.sendall(encode(asked) + b"\n")
            answer = parse_object(_line(asking, ANSWER_BYTES_MAX))
    except (OSError, InputError) as error:
        raise NoTerminalError(NoTerminalError.__doc__) from error
    if "error" in answer:
        raise InputError(str(answer["error"]))
    return answer


def _line(peer: socket.socket, most: int) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < most and (part := peer.recv(most)):
        line += part
    return line.removesuffix(b"\n")
