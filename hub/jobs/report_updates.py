"""How reports stand at the core comes back: asked for in turns, kept as a record, told to the event's device.

Each turn goes on where the last one ended, in the order of the references, and begins anew after the last:
a round. Nothing is remembered of it outside the process, because asking again changes nothing.

Rules:
- A word that is the one before is nothing. News is one transaction: the update, the report's state, and what
  the event's device is to be told of it.
- A core that is away or talks nonsense ends the turn; the next one goes on behind what it was asked, so one
  report that it cannot speak of does not keep the others from being asked for.
- After a restore the updates since the backup are heard again, as news.
- A picture that the core has of a closed report, and did not have while it was open, is one of its repair: it
  is made small and kept. One that cannot be had now comes with the next round.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from hub.core.open311_updates import BATCH, Told
from hub.db.engine import Connection
from hub.db.register_repositories import ExceptionRepository
from hub.db.update_repository import UpdateRepository, Watched
from hub.db.writer import Writer
from hub.domain.service_requests.ports import Status
from hub.domain.service_requests.updates import CoreWord, Verdict, judge
from shared.adapters.photographs import PhotographError, small_picture
from shared.model.errors import TransientError
from shared.protocol.questions import PICTURE_BYTES_MAX

WATCHED_MS: Final = 366 * 86_400_000
"""A report is asked for so long after it was taken."""
CLOSED_MS: Final = 35 * 86_400_000
"""One that was closed so long: it may be opened again."""
FLAPS: Final = "report_flaps"
"""The kind of the exception that tells of a report that the core changes again and again."""

log = structlog.get_logger(__name__)


class Source(Protocol):
    """A core for one turn."""

    @property
    def left(self) -> int:
        """Questions that may still be asked."""
        ...

    @property
    def pictures_left(self) -> int:
        """Pictures that may still be fetched."""
        ...

    async def ask(self, core_refs: Sequence[str]) -> Told:
        """Ask how some reports stand."""
        ...

    async def picture(self, url: str) -> bytes | None:
        """Fetch a picture; None where there is none that may be fetched."""
        ...

    async def close(self) -> None:
        """Give up the connections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Who is told of news.

    Attributes:
        note: writes down what a device is to be told, in the transaction of the news.
        sent: called after it, with the devices.
    """

    note: Callable[[Connection, str], None]
    sent: Callable[[Sequence[str]], None]


class ReportUpdates:
    """Asks, turn by turn.

    Attributes:
        heard: updates that were taken, since the start.
        failed: turns that the core did not answer to their end, since the start.
    """

    def __init__(
        self, make_source: Callable[[], Source], writer: Writer, telling: Telling, clock: Callable[[], int]
    ) -> None:
        """Begin with the first report.

        Args:
            make_source: makes a way to the core, for each turn.
            writer: the database.
            telling: who is told of news.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self.heard = 0
        self.failed = 0
        self._make_source = make_source
        self._writer = writer
        self._telling = telling
        self._clock = clock
        self._after = ""

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
                    self._after = ""
                    return
                before, self._after = self._after, page[-1].reference
                told = await source.ask([report.core_ref for report in page])
                if told.asked < len(page):  # the turn's questions are used up; the next one goes on here
                    self._after = page[told.asked - 1].reference if told.asked else before
                if told.unread:
                    log.warning("report_states_unread", messages=told.unread)
                await asyncio.to_thread(self._take, page, told)
                await self._look_at_pictures(source, page, told)
        finally:
            await source.close()

    async def _look_at_pictures(self, source: Source, page: Sequence[Watched], told: Told) -> None:
        for report in page:
            word = told.words.get(report.core_ref)
            if word is None or word.picture_url in {"", report.picture_url}:
                continue
            body = None
            if word.status is Status.CLOSED:
                if source.pictures_left <= 0:
                    return
                try:
                    body = await self._picture(source, word.picture_url)
                except TransientError:
                    continue
            await asyncio.to_thread(self._keep_picture, report.reference, word.picture_url, body)

    async def _picture(self, source: Source, url: str) -> bytes | None:
        """Fetch a picture and make it small; None where it is none."""
        content = await source.picture(url)
        try:
            return None if content is None else await asyncio.to_thread(_small, content)
        except PhotographError:
            log.warning("report_picture_unread")
            return None

    def _keep_picture(self, reference: str, url: str, body: bytes | None) -> None:
        now_ms = self._clock()
        self._writer.run(
            lambda connection: UpdateRepository(connection).put_picture(reference, url, body, now_ms)
        )

    def _page(self) -> Sequence[Watched]:
        now_ms = self._clock()
        with self._writer.read() as connection:
            return UpdateRepository(connection).watched(
                self._after, now_ms - WATCHED_MS, now_ms - CLOSED_MS, BATCH
            )

    def _take(self, page: Sequence[Watched], told: Told) -> None:
        said = [(report, told.words[report.core_ref]) for report in page if report.core_ref in told.words]
        news = [(report, word) for report, word in said if judge(report.known, word) is not Verdict.SAME]
        numbered = [report for report in page if report.core_ref in told.numbers]
        if not news and not numbered:
            return

        def job(connection: Connection) -> tuple[int, Sequence[str]]:
            repository = UpdateRepository(connection)
            for report in numbered:
                repository.name(report.reference, told.numbers[report.core_ref])
            taken = [report for report, word in news if self._add(connection, report, word)]
            devices = sorted({report.device for report in taken})
            for device in devices:
                self._telling.note(connection, device)
            return len(taken), devices

        count, devices = self._writer.run(job)
        self.heard += count
        if devices:
            log.info("report_updates", events=count)
            self._telling.sent(devices)

    def _add(self, connection: Connection, report: Watched, word: CoreWord) -> bool:
        """Add a word if it is still news, in the writer's transaction."""
        repository, now_ms = UpdateRepository(connection), self._clock()
        known = repository.known(report.reference)
        match Verdict.SAME if known is None else judge(known, word):
            case Verdict.NEWS:
                repository.add(report, word, now_ms)
                return True
            case Verdict.TOO_MANY:
                exceptions = ExceptionRepository(connection)
                if not exceptions.is_open(FLAPS, report.device):
                    exceptions.open(FLAPS, report.device, {"reference": report.reference}, now_ms)
                    exceptions.flush()
                return False
            case Verdict.SAME:
                return False


def _small(content: bytes) -> bytes:
    return small_picture(content, PICTURE_BYTES_MAX)
