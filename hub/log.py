"""The hub's log: one JSON object a line on standard error, with names and numbers, never with what was said.

    log = structlog.get_logger(__name__)
    log.info("device_released", device="kiosk-7", events=3)

Rules:
- An allow-list decides: a field that is not in `FIELDS` is not written, its name alone is. So a new field is
  a decision made here, and no payload, token or key slips in under a name that nobody looked at.
- Values are numbers, booleans or short texts. Bytes are never written.
- Of a failure that is no error of ours, the class and the places are written, not its message: a database's
  error quotes the values that it choked on. Messages of our own errors carry no personal data by rule.
- Libraries' own lines are written as the first line of their template, without arguments.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, TextIO

import structlog

from shared.model.errors import VentanillaError

FIELDS: Final = frozenset(
    {
        "address",
        "api",
        "board",
        "broker",
        "bytes",
        "cause",
        "connector",
        "device",
        "effects",
        "error",
        "events",
        "incarnation",
        "last",
        "messages",
        "part",
        "path",
        "pid",
        "quarantine",
        "reason",
        "results",
        "retry_ms",
        "sequence",
        "share",
        "until",
        "version",
    }
)
TEXT_LENGTH_MAX: Final = 300
FRAMES_MAX: Final = 20
_OWN: Final = frozenset({"at", "level", "event", "logger", "failure", "exc_info"})
_LEVELS: Final = MappingProxyType(
    {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
)
_Members = MutableMapping[str, Any]


def configure(level: str, stream: TextIO | None = None) -> None:
    """Write the process's log from now on; called once, by the composition root.

    Args:
        level: debug, info, warning or error.
        stream: where it goes; standard error where absent.
    """
    target = sys.stderr if stream is None else stream
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            stamp,
            describe_failure,
            keep_known_fields,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    handler = _LibraryHandler(level=logging.WARNING)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)


def stamp(_logger: object, _method: str, members: _Members) -> _Members:
    """Put the instant first, in UTC."""
    return {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **members}


def describe_failure(_logger: object, _method: str, members: _Members) -> _Members:
    """Replace an exception by its classes and the places it came through."""
    given = members.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        members["failure"] = failure(error)
    return members


def failure(error: BaseException) -> list[str]:
    """Describe an exception without the values that a foreign message may quote.

    Returns:
        Class by class, the innermost cause last, each with its places, the innermost first.
    """
    described: list[str] = []
    current: BaseException | None = error
    while current is not None and len(described) < FRAMES_MAX:
        ours = isinstance(current, VentanillaError)
        described.append(f"{type(current).__name__}: {current}" if ours else type(current).__name__)
        frames = reversed(traceback.extract_tb(current.__traceback__))
        described += [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        current = current.__cause__ or current.__context__
    return described[:FRAMES_MAX]


def keep_known_fields(_logger: object, _method: str, members: _Members) -> _Members:
    """Drop what is not on the list, and say its name."""
    kept = {name: value for name, value in members.items() if name in _OWN}
    left_out: list[str] = []
    for name, value in members.items():
        if name in _OWN:
            continue
        match value:
            case bool() | int() | float() | None if name in FIELDS:
                kept[name] = value
            case str() if name in FIELDS:
                kept[name] = value if len(value) <= TEXT_LENGTH_MAX else f"{value[:TEXT_LENGTH_MAX]}…"
            case _:
                left_out.append(name)
    return {**kept, "left_out": left_out} if left_out else kept


class _LibraryHandler(logging.Handler):
    """Takes what libraries log: the logger's name and the template, never the arguments."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        template = str(record.msg).partition("\n")[0]
        structlog.get_logger().warning("library", error=f"{record.name}: {template}", exc_info=error)
