"""Taps of which their terminals never learnt whether they happened: a case closes when the card's books tell.

A card counts each deed once. Another deed under the same counter, wherever it was done and however late it
arrives, says that the tap of the case never happened.
"""

from collections.abc import Callable

import structlog

from hub.db.tap_repository import resolve, settled_cases
from hub.db.writer import Writer

log = structlog.get_logger(__name__)


class UndecidedTaps:
    """Closes cases of taps that turned out never to have happened."""

    def __init__(self, writer: Writer, clock: Callable[[], int]) -> None:
        """Begin without having looked.

        Args:
            writer: the database.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self._writer = writer
        self._clock = clock

    def run(self) -> None:
        """Look, and close what is settled.

        Raises:
            TransientError: the database cannot be read or written.
        """
        with self._writer.read() as connection:
            settled = settled_cases(connection)
        if settled:
            now_ms = self._clock()
            self._writer.run(lambda connection: resolve(connection, settled, now_ms))
            log.info("taps_settled", events=len(settled))
