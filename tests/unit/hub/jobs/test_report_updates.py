"""What the core says of reports becomes a record, once, and is told to the device that took them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from hub.core.open311_updates import BATCH, QUESTIONS_MAX, NotToldError, Told
from hub.db.engine import Connection, open_reader, open_writer, sqlite_url
from hub.db.tables import exception, service_request
from hub.db.triggers import create_all
from hub.db.update_repository import UpdateRepository
from hub.db.update_tables import report_update
from hub.db.writer import Writer
from hub.domain.service_requests.ports import Status
from hub.domain.service_requests.updates import UPDATES_MAX, CoreWord
from hub.jobs.report_updates import CLOSED_MS, WATCHED_MS, ReportUpdates, Telling

NOW_MS = 1_795_255_200_000
OPEN, CLOSED = CoreWord(status=Status.OPEN), CoreWord(status=Status.CLOSED)


class Core:
    """A core that says what the test has it say."""

    def __init__(self) -> None:
        self.words: dict[str, CoreWord] = {}
        self.numbers: dict[str, str] = {}
        self.asked: list[list[str]] = []
        self.down = False
        self.chokes_on = ""
        self.takes_at_once = BATCH
        self.left = QUESTIONS_MAX
        self.pictures: dict[str, bytes] = {}
        self.picture_fails: NotToldError | None = None
        self.pictures_left = 99
        self.fetched: list[str] = []

    async def picture(self, url: str) -> bytes | None:
        self.pictures_left -= 1
        if self.picture_fails is not None:
            raise self.picture_fails
        self.fetched.append(url)
        return self.pictures.get(url)

    async def ask(self, core_refs: Sequence[str]) -> Told:
        self.left -= 1
        self.asked.append(list(core_refs))
        if self.down or self.chokes_on in core_refs:
            raise NotToldError(NotToldError.__doc__)
        heard = core_refs[: self.takes_at_once]
        return Told(
            asked=len(heard),
            words={ref: self.words[ref] for ref in heard if ref in self.words},
            numbers={ref: self.numbers[ref] for ref in heard if ref in self.numbers},
            unread=0,
        )

    async def close(self) -> None:
        pass


class Register:
    """A hub's register on a real database, and the job before it."""

    def __init__(self, url: str) -> None:
        engine = open_writer(url)
        with engine.begin() as connection:
            create_all(connection)
        engine.dispose()
        self.writer = Writer(open_writer(url), open_reader(url))
        self.core = Core()
        self.now_ms = NOW_MS
        self.noted: list[str] = []
        self.sent: list[str] = []
        self.start()

    def start(self) -> None:
        """A life of the hub begins."""
        telling = Telling(note=lambda _, device: self.noted.append(device), sent=self.sent.extend)
        self.job = ReportUpdates(self._source, self.writer, telling, lambda: self.now_ms)

    def file(self, reference: str, core_ref: str | None, *, device: str = "kiosk-1") -> None:
        """A report that was taken and, if it has a name there, is at the core."""
        row = {
            "reference": reference,
            "device": device,
            "event_id": f"event-{reference}",
            "service_code": "aceras",
            "description": "Baldosa",
            "channel": "kiosk",
            "status": "open",
            "requested_ms": self.now_ms,
            "received_ms": self.now_ms,
            "core_ref": core_ref,
        }
        self.writer.run(lambda connection: connection.execute(insert(service_request), row))

    def turn(self) -> None:
        self.job.run()

    def history(self, reference: str = "R-1") -> list[tuple[str, str, int | None]]:
        with self.writer.read() as connection:
            page = UpdateRepository(connection).history(reference, 0, 1_000)
        return [(one.status, one.notes, one.updated_ms) for one in page.items]

    def state(self, reference: str = "R-1") -> str:
        with self.writer.read() as connection:
            query = select(service_request.c.status).where(service_request.c.reference == reference)
            return connection.execute(query).scalar_one()

    def _source(self) -> Core:
        self.core.left = QUESTIONS_MAX
        return self.core


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    register = Register(sqlite_url(tmp_path / "hub.db"))
    yield register
    register.writer.close()


@pytest.mark.sentence("C-5")
def test_change_is_kept_and_told_to_the_device_that_took_the_report(register: Register) -> None:
    register.file("R-1", "41")
    register.file("R-2", "42", device="kiosk-2")
    register.file("R-3", None)
    register.core.words = {"41": CLOSED, "42": OPEN}
    register.turn()
    assert register.core.asked == [["41", "42"]]
    assert (register.history(), register.state()) == ([("closed", "", None)], "closed")
    assert (register.history("R-2"), register.state("R-2")) == ([], "open")
    assert (register.noted, register.sent, register.job.heard) == (["kiosk-1"], ["kiosk-1"], 1)


@pytest.mark.sentence("C-5")
def test_same_word_again_is_nothing_also_to_the_next_life(register: Register) -> None:
    register.file("R-1", "41")
    for updated_ms in (1, 2, 3):
        register.core.words = {"41": CoreWord(status=Status.CLOSED, updated_ms=updated_ms)}
        register.turn()
        register.start()
    assert register.history() == [("closed", "", 1)]
    assert register.sent == ["kiosk-1"]


@pytest.mark.sentence("C-5")
def test_words_count_as_they_are_heard_whatever_the_clock_of_the_core_says(register: Register) -> None:
    """Closed, opened again by a core whose clock went back fifty years, closed once more with a reason."""
    said = [
        CoreWord(status=Status.CLOSED, updated_ms=NOW_MS + 9_999_999),
        CoreWord(status=Status.OPEN, updated_ms=NOW_MS - 50 * 365 * 86_400_000),
        CoreWord(status=Status.CLOSED, notes="Repuesta la baldosa"),
    ]
    register.file("R-1", "41")
    for word in said:
        register.core.words = {"41": word}
        register.turn()
    assert [(status, notes) for status, notes, _ in register.history()] == [
        ("closed", ""),
        ("open", ""),
        ("closed", "Repuesta la baldosa"),
    ]
    assert register.state() == "closed"


def test_core_that_is_away_costs_time_alone(register: Register) -> None:
    register.file("R-1", "41")
    register.core.words, register.core.down = {"41": CLOSED}, True
    with pytest.raises(NotToldError):
        register.turn()
    assert (register.history(), register.state(), register.job.failed) == ([], "open", 1)
    register.core.down = False
    register.turn()  # the round ends behind what it was asked
    register.turn()
    assert register.state() == "closed"


def test_report_that_the_core_cannot_speak_of_does_not_keep_the_others(register: Register) -> None:
    for number in range(BATCH + 1):
        register.file(f"R-{number:03}", str(number))
    register.core.chokes_on, register.core.words = "0", {str(BATCH): CLOSED}
    with pytest.raises(NotToldError):
        register.turn()
    register.turn()
    assert register.state(f"R-{BATCH:03}") == "closed"


def test_round_goes_over_turns_and_leaves_nobody_out(register: Register) -> None:
    count, register.core.takes_at_once = 100, 1
    for number in range(count):
        register.file(f"R-{number:03}", str(number))
    register.core.words = {str(number): CLOSED for number in range(count)}
    for _ in range(3):
        assert len(register.core.asked) <= QUESTIONS_MAX
        register.core.asked.clear()
        register.turn()
    assert {register.state(f"R-{number:03}") for number in range(count)} == {"closed"}


def test_report_is_asked_for_while_it_may_change_and_no_longer(register: Register) -> None:
    register.file("R-1", "41")
    register.core.words = {"41": CLOSED}
    register.turn()
    register.now_ms += CLOSED_MS - 1
    register.core.words = {"41": OPEN}
    register.turn()
    assert register.state() == "open"
    register.now_ms = NOW_MS + WATCHED_MS + 1
    register.core.asked.clear()
    register.turn()
    assert register.core.asked == []


def test_report_that_was_closed_long_ago_is_left_alone(register: Register) -> None:
    register.file("R-1", "41")
    register.core.words = {"41": CLOSED}
    register.turn()
    register.now_ms += CLOSED_MS + 1
    register.core.asked.clear()
    register.turn()
    assert register.core.asked == []


def test_number_behind_a_token_becomes_the_name_of_the_report(register: Register) -> None:
    register.file("R-1", "token:abc")
    register.core.numbers, register.core.words = {"token:abc": "41"}, {"41": CLOSED}
    register.turn()
    register.turn()
    assert (register.core.asked, register.state()) == ([["token:abc"], ["41"]], "closed")


def test_core_that_changes_its_mind_without_end_fills_nothing_and_is_told(register: Register) -> None:
    register.file("R-1", "41")
    for number in range(UPDATES_MAX + 3):
        register.core.words = {"41": CoreWord(status=Status.OPEN, notes=str(number))}
        register.turn()
    assert len(register.history()) == UPDATES_MAX
    with register.writer.read() as connection:
        assert connection.execute(select(exception.c.kind)).scalars().all() == ["report_flaps"]


def test_update_is_not_kept_where_the_device_s_word_is_not(register: Register) -> None:
    """Both are one transaction."""
    register.file("R-1", "41")

    def fail(_: Connection, __: str) -> None:
        raise NotToldError(NotToldError.__doc__)

    telling = Telling(note=fail, sent=register.sent.extend)
    job = ReportUpdates(lambda: register.core, register.writer, telling, lambda: NOW_MS)
    register.core.words = {"41": CLOSED}
    with pytest.raises(NotToldError):
        job.run()
    with register.writer.read() as connection:
        assert connection.execute(select(report_update)).all() == []
    assert (register.state(), register.sent) == ("open", [])
