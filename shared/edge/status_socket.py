"""Asking the owner how it stands: a Unix socket in the home, one JSON line for whoever connects.

While the owner runs nobody else can open the outbox, so this is how a technician looks in. The socket's
folder is the device user's alone; what is told is counts and states.

Rules: one caller at a time, each wait bounded; a socket that a killed process left behind is replaced.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from shared.adapters.socket_paths import reachable
from shared.model.errors import InputError, TransientError
from shared.protocol.parsing import encode, parse_object

CALL_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.5
_NAME: Final = "status.sock"
_ANSWER_BYTES_MAX: Final = 1024 * 1024


class OwnerSilentError(TransientError):
    """The device's process is there but does not answer; look at its log, and ask again."""


class StatusSocket:
    """Answers until it is closed.

    Args:
        folder: where the socket lies.
        look: gives the members of the answer; may raise TimeoutError.
    """

    def __init__(self, folder: Path, look: Callable[[], dict[str, Any]]) -> None:
        self._look = look
        self._folder = folder
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        (folder / _NAME).unlink(missing_ok=True)
        with reachable(folder / _NAME) as path:
            self._listener.bind(path)
        (folder / _NAME).chmod(0o600)
        self._listener.listen(8)
        self._listener.settimeout(_POLL_S)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="status", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._closing.set()
        self._thread.join(CALL_TIMEOUT_S)
        self._listener.close()
        (self._folder / _NAME).unlink(missing_ok=True)

    def _serve(self) -> None:
        while not self._closing.is_set():
            with suppress(TimeoutError):
                caller, _ = self._listener.accept()
                with caller, suppress(OSError):
                    caller.settimeout(_POLL_S)
                    caller.sendall(encode(self._look()) + b"\n")


def ask_owner(folder: Path) -> dict[str, Any]:
    """Ask the process that runs a device how it stands.

    Raises:
        OwnerSilentError: it does not answer.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(CALL_TIMEOUT_S)
            with reachable(folder / _NAME) as path:
                asking.connect(path)
            answer = b""
            while (block := asking.recv(65_536)) and len(answer) < _ANSWER_BYTES_MAX:
                answer += block
            return parse_object(answer.removesuffix(b"\n"))
    except (OSError, InputError) as error:
        raise OwnerSilentError(f"{OwnerSilentError.__doc__} ({error})") from error
