"""What the town hall answers to what citizens wrote comes back: asked for in turns, kept, found by a code.

Each turn goes on where the last one ended, in the order of the entries, and begins anew after the last, as
the updates of reports do (hub/jobs/report_updates.py); the same rules decide what is news.

Rules:
- Asked for are suggestions and call-backs that the core has, until their words are forgotten: who wrote and
  what is answered end together (hub/jobs/mailbox_retention.py).
- A core that is away or talks nonsense ends the turn; the next one goes on behind what it was asked.
- A core that has no such question is left in peace until the next turn; nothing is concluded from that.
- No device is told: a citizen asks by their code.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import structlog

from hub.core.mailbox_answers import BATCH
from hub.db.answer_repository import AnswerRepository, Awaited
from hub.db.engine import Connection
from hub.db.register_repositories import ExceptionRepository
from hub.db.writer import Writer
from hub.domain.service_requests.updates import CoreWord, Verdict, judge
from shared.model.errors import TransientError

CLOSED_MS: Final = 35 * 86_400_000
"""An answer that was the last one so long ago is not asked for again."""
FLAPS: Final = "answer_flaps"
"""The kind of the exception that tells of an answer that the core changes again and again."""

log = structlog.get_logger(__name__)


class Source(Protocol):
    """A core for one turn."""

    @property
    def left(self) -> int:
        """Questions that may still be asked."""
        ...

    async def ask(self, keys: Sequence[str]) -> Mapping[str, CoreWord] | None:
        """Ask how some things stand; None where it has no such question."""
        ...

    async def close(self) -> None:
        """Give up the connections."""
        ...


class MailboxAnswers:
    """Asks, turn by turn.

    Attributes:
        heard: answers that were taken, since the start.
        failed: turns that the core did not answer to their end, since the start.
    """

    def __init__(self, make_source: Callable[[], Source], writer: Writer, clock: Callable[[], int]) -> None:
        """Begin with the first entry.

        Args:
            make_source: makes a way to the core, for each turn.
            writer: the database.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self.heard = 0
        self.failed = 0
        self._make_source = make_source
        self._writer = writer
        self._clock = clock
        self._after = 0

    def run(self) -> None:
        """Ask for one turn.

        Raises:
            TransientError: the core or the database does not answer; the next turn goes on.
        """
        try:
            asyncio.run(self._turn())
        except TransientError:
            self.failed += 1
            raise

    async def _turn(self) -> None:
        source = self._make_source()
        try:
            while source.left > 0:
                page = await asyncio.to_thread(self._page)
                if not page:
                    self._after = 0
                    return
                self._after = page[-1].id
                words = await source.ask([entry.key for entry in page])
                if words is None:
                    self._after = 0
                    return
                await asyncio.to_thread(self._take, page, words)
        finally:
            await source.close()

    def _page(self) -> Sequence[Awaited]:
        with self._writer.read() as connection:
            return AnswerRepository(connection).awaited(self._after, self._clock() - CLOSED_MS, BATCH)

    def _take(self, page: Sequence[Awaited], words: Mapping[str, CoreWord]) -> None:
        said = [(entry, words[entry.key]) for entry in page if entry.key in words]
        news = [(entry, word) for entry, word in said if judge(entry.known, word) is not Verdict.SAME]
        if not news:
            return
        count = self._writer.run(
            lambda connection: sum(self._add(connection, entry, word) for entry, word in news)
        )
        self.heard += count
        if count:
            log.info("mailbox_answers", events=count)

    def _add(self, connection: Connection, entry: Awaited, word: CoreWord) -> bool:
        """Add a word if it is still news, in the writer's transaction."""
        repository, now_ms = AnswerRepository(connection), self._clock()
        match judge(repository.known(entry.id), word):
            case Verdict.NEWS:
                repository.add(entry.id, word, now_ms)
                return True
            case Verdict.TOO_MANY:
                exceptions = ExceptionRepository(connection)
                if not exceptions.is_open(FLAPS, entry.device):
                    exceptions.open(FLAPS, entry.device, {"reference": entry.reference}, now_ms)
                    exceptions.flush()
                return False
            case Verdict.SAME:
                return False
