"""Asking the owner how it stands: a Unix socket in the home, one JSON line for whoever connects.

While the owner runs nobody else can open the outbox, so this is how a technician looks in. The socket's
folder is the device user's alone; what is told is counts and states.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from shared.edge.served_socket import ServedSocket, call
from shared.model.errors import InputError, TransientError

_NAME: Final = "status.sock"


class OwnerSilentError(TransientError):
    """The device's process is there but does not answer; look at its log, and ask again."""


class StatusSocket(ServedSocket):
    """Answers until it is closed.

    Args:
        folder: where the socket lies.
        look: gives the members of the answer; may raise TimeoutError.
    """

    def __init__(self, folder: Path, look: Callable[[], dict[str, Any]]) -> None:
        super().__init__(folder / _NAME, "status", lambda _asked: look(), hears=False)


def ask_owner(folder: Path) -> dict[str, Any]:
    """Ask the process that runs a device how it stands.

    Raises:
        OwnerSilentError: it does not answer.
    """
    try:
        return call(folder / _NAME)
    except (OSError, InputError) as error:
        raise OwnerSilentError(f"{OwnerSilentError.__doc__} ({error})") from error
