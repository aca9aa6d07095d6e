"""Counters of cards that no device can report any more: a case for a clerk, once each."""

from collections.abc import Callable

import structlog

from hub.db.ledger_audit import note_counter_gaps
from hub.db.writer import Writer
from shared.protocol import limits

log = structlog.get_logger(__name__)


class CardCounters:
    """Looks for taps that are missing between two others and cannot come any more."""

    def __init__(self, writer: Writer, clock: Callable[[], int]) -> None:
        """Begin without having looked.

        Args:
            writer: the database.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self._writer = writer
        self._clock = clock

    def run(self) -> None:
        """Look, and open a case for each gap that was not told of before.

        Raises:
            TransientError: the database cannot be written.
        """
        opened = self._writer.run(
            lambda connection: note_counter_gaps(connection, self._clock(), limits.KEEP_WINDOW_MS)
        )
        if opened:
            log.warning("card_counter_gaps", results=opened)
