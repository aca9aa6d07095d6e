"""What a device without a face can do on the hub's word. One operation a function; each is quick.

    ping        says that it is there, and since when
    report      how it stands: lanes, link, settings, bundles
    upload_log  the newest lines of its log
    restart     ends in order, for the service manager to start it again
    rotate_keys draws new link keys, and begins again to take them up

A kiosk or terminal adds its own. An operation runs on the owner's thread: what takes longer than a moment
begins here and goes on elsewhere.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.model.errors import InputError
from shared.protocol.parsing import encode

RESTART: Final = "restart"
ROTATE_KEYS: Final = "rotate_keys"
LOG_LINES_MAX: Final = 200
"""Lines of the log that are kept in memory for whoever asks."""
LOG_LINE_LENGTH_MAX: Final = 300
LOG_BYTES_MAX: Final = 8 * 1024

Operation = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class UnknownOperationError(InputError):
    """This device cannot do that; look at what its kind of device offers."""


class RecentLog:
    """The newest lines of this process's log; a structlog processor writes into it."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lines: deque[str] = deque(maxlen=LOG_LINES_MAX)

    def remember(self, line: str) -> None:
        """Keep a line."""
        self._lines.append(line[:LOG_LINE_LENGTH_MAX])

    def newest(self, bytes_max: int) -> list[str]:
        """Return the newest lines that fit, oldest first."""
        kept: list[str] = []
        for line in reversed(self._lines):
            bytes_max -= len(encode({"": line}))
            if bytes_max < 0:
                break
            kept.append(line)
        return kept[::-1]


class Operations:
    """What can be asked of this device, by name.

    Args:
        uptime_ms: the device's monotonic clock.
        recent: the log.
        restart: ends the process in order; returns at once.
    """

    def __init__(self, uptime_ms: Callable[[], int], recent: RecentLog, restart: Callable[[], None]) -> None:
        self._uptime_ms = uptime_ms
        self._recent = recent
        self._restart = restart
        self._known: dict[str, Operation] = {
            "ping": self._ping,
            "upload_log": self._upload_log,
            RESTART: self._begin_again,
        }

    def add(self, name: str, operation: Operation) -> None:
        """Offer another operation."""
        self._known[name] = operation

    def run(self, name: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do it.

        Raises:
            VentanillaError: it cannot be done; the sentence says why.
        """
        operation = self._known.get(name)
        if operation is None:
            raise UnknownOperationError(UnknownOperationError.__doc__)
        return operation(args)

    def _ping(self, _args: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"uptime_ms": self._uptime_ms()}

    def _upload_log(self, _args: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"log": self._recent.newest(LOG_BYTES_MAX)}

    def _begin_again(self, _args: Mapping[str, Any]) -> Mapping[str, Any]:
        self._restart()
        return {}
