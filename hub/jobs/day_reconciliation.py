"""Each day that is over is reconciled, terminal by terminal; what does not agree is a case until it does.

A bus may come home days later: a day is looked at for a week. Its case closes by itself when all agrees.
"""

from collections.abc import Callable
from typing import Final

import structlog

from hub.db.day_reconciliation import reconcile_day
from hub.db.engine import Connection
from hub.db.register_repositories import ExceptionRepository
from hub.db.tap_repository import TapRepository
from hub.db.writer import Writer
from hub.domain.cards import cases
from hub.domain.cards.days import TerminalDay
from hub.domain.cards.taps import CardCase
from shared.model.instants import business_day

DAY_MS: Final = 86_400_000
FIRST: Final = 2
"""A day is looked at first when the one after it is over: buses come home at night."""
DAYS: Final = 7
UNSIGNED_LEAST: Final = 5
UNSIGNED_SHARE: Final = 20
"""More than one ride in so many, and at least `UNSIGNED_LEAST`, unsigned: a terminal to look at."""

log = structlog.get_logger(__name__)


class DayReconciliation:
    """Reconciles the days of the last week."""

    def __init__(self, writer: Writer, clock: Callable[[], int]) -> None:
        """Begin without having looked.

        Args:
            writer: the database.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self._writer = writer
        self._clock = clock

    def run(self) -> None:
        """Look at each of these days, open cases and close them.

        Raises:
            TransientError: the database cannot be read or written.
        """
        now_ms = self._clock()
        days = [business_day(now_ms - back * DAY_MS) for back in range(FIRST, FIRST + DAYS)]
        with self._writer.read() as connection:
            found = [terminal for day in days for terminal in reconcile_day(connection, day)]
        if found:
            self._writer.run(lambda connection: self._tell(found, connection))

    def _tell(self, found: list[TerminalDay], connection: Connection) -> None:
        taps, exceptions, now_ms = TapRepository(connection), ExceptionRepository(connection), self._clock()
        for one in found:
            told = {
                CardCase.DAY_DIFFERS: " ".join(one.differences()),
                CardCase.UNSIGNED_TAPS: _unsigned(one),
            }
            for kind, explanation in told.items():
                known = taps.details(kind, day=one.day, device=one.device, currency=one.currency)
                if not explanation:
                    taps.close_cases(kind, now_ms, day=one.day, device=one.device, currency=one.currency)
                elif not known:
                    detail = {
                        "day": one.day,
                        "device": one.device,
                        "currency": one.currency,
                        "explanation": explanation,
                    }
                    exceptions.open(kind, one.device, detail, now_ms)
                    log.warning(kind.value, device=one.device, last=one.day)
        exceptions.flush()


def _unsigned(one: TerminalDay) -> str:
    if one.is_desk:
        return ""  # each is a case of its own: the core is not told without a signature
    asked = one.signed + one.unsigned
    too_many = one.unsigned >= UNSIGNED_LEAST and one.unsigned * UNSIGNED_SHARE > asked
    return cases.unsigned(one.device, one.day, one.unsigned, one.arrived.taps) if too_many else ""
