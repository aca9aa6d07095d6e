"""A device's log: one JSON object a line on standard error, the newest lines kept for whoever asks."""

import sys
from typing import Any

import structlog

from shared.edge.operations import RecentLog


def log_to_standard_error(recent: RecentLog) -> None:
    """Write the log to standard error, and keep its newest lines for whoever asks."""

    def remember(_logger: object, _method: str, line: str) -> str:
        recent.remember(line)
        return line

    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
        remember,
    ]
    structlog.configure(processors=processors, logger_factory=structlog.PrintLoggerFactory(sys.stderr))
