"""What the core answers to what citizens wrote is kept once, found by its code, forgotten with the words."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select, update

from hub.core.mailbox_answers import BATCH, QUESTIONS_MAX, NotAnsweredError
from hub.db import tables
from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.mailbox_repository import forget_words
from hub.db.mailbox_tables import mailbox_answer
from hub.db.question_repository import Case, find_case
from hub.db.triggers import create_all
from hub.db.writer import Writer
from hub.domain.service_requests.ports import Status
from hub.domain.service_requests.updates import UPDATES_MAX, CoreWord
from hub.jobs.mailbox_answers import CLOSED_MS, MailboxAnswers
from hub.usecases.take_event import MAIL
from shared.model.ids import effect_key, new_reference
from tests.support.hub_database import NOW_MS, Street, rows, take_all

ANSWER = "Pondremos tres bancos en mayo."
CLOSED = CoreWord(status=Status.CLOSED, notes=ANSWER)


class Core:
    """A core that answers what the test has it answer."""

    def __init__(self) -> None:
        self.words: dict[str, CoreWord] = {}
        self.asked: list[list[str]] = []
        self.is_down = self.is_mute = False
        self.left = QUESTIONS_MAX

    async def ask(self, keys: Sequence[str]) -> Mapping[str, CoreWord] | None:
        self.left -= 1
        self.asked.append(list(keys))
        if self.is_down:
            raise NotAnsweredError(NotAnsweredError.__doc__)
        return None if self.is_mute else {key: self.words[key] for key in keys if key in self.words}

    async def close(self) -> None:
        pass


class Mailroom:
    """A mailbox on a real database, and the job before it."""

    def __init__(self, url: str) -> None:
        engine = open_writer(url)
        with engine.begin() as connection:
            create_all(connection)
        engine.dispose()
        self.writer = Writer(open_writer(url), open_reader(url))
        self.core = Core()
        self.street = Street()
        self.now_ms = NOW_MS
        self.start()

    def start(self) -> None:
        """A life of the hub begins."""
        self.job = MailboxAnswers(self._source, self.writer, lambda: self.now_ms)

    def write(self, number: int, *, is_done: bool = True) -> tuple[str, str]:
        """A citizen writes; returns the code on the receipt, and the key at the core."""
        reference = new_reference(number.to_bytes(16, "big"))
        said = {"reference": reference, "kind": "complaint", "text": "Faltan bancos", "channel": "kiosk"}
        event = self.street.event("suggestion.made", said)
        self.writer.run(lambda connection: take_all(connection, [event]))
        if is_done:
            here = tables.outgoing.c.event_id == event.id
            self.writer.run(
                lambda connection: connection.execute(
                    update(tables.outgoing).where(here).values(state="done")
                )
            )
        key = str(effect_key(event.device, event.id, MAIL))
        return reference, key

    def turn(self) -> None:
        self.job.run()

    def case(self, reference: str) -> Case:
        with self.writer.read() as connection:
            found = find_case(connection, reference)
        assert found is not None
        return found

    def _source(self) -> Core:
        self.core.left = QUESTIONS_MAX
        return self.core


@pytest.fixture
def mailroom(tmp_path: Path) -> Iterator[Mailroom]:
    mailroom = Mailroom(sqlite_url(tmp_path / "hub.db"))
    yield mailroom
    mailroom.writer.close()


def test_answer_is_kept_once_and_found_by_its_code(mailroom: Mailroom) -> None:
    code, key = mailroom.write(1)
    waiting, _ = mailroom.write(2, is_done=False)
    mailroom.turn()
    assert mailroom.core.asked == [[key]]
    assert (mailroom.case(code).status, mailroom.case(waiting).status) == ("open", "received")
    mailroom.core.words[key] = CLOSED
    for _ in range(3):
        mailroom.turn()
        mailroom.start()
    case = mailroom.case(code)
    assert (case.kind, case.status, case.rating_asked) == ("suggestion", "closed", False)
    assert [(word.status, word.notes, word.at_ms) for word in case.updates] == [("closed", ANSWER, NOW_MS)]


def test_answer_may_be_taken_back_and_given_anew_and_the_last_one_counts(mailroom: Mailroom) -> None:
    code, key = mailroom.write(1)
    for status, notes in ((Status.CLOSED, "No"), (Status.OPEN, ""), (Status.CLOSED, ANSWER)):
        mailroom.core.words[key] = CoreWord(status=status, notes=notes)
        mailroom.turn()
    case = mailroom.case(code)
    assert [(word.status, word.notes) for word in case.updates] == [
        ("closed", "No"),
        ("open", ""),
        ("closed", ANSWER),
    ]
    assert (case.status, mailroom.job.heard) == ("closed", 3)


def test_core_that_is_away_ends_the_turn_and_the_next_one_goes_on_behind(mailroom: Mailroom) -> None:
    keys = [mailroom.write(number)[1] for number in range(1, BATCH + 2)]
    mailroom.core.is_down = True
    with pytest.raises(NotAnsweredError):
        mailroom.turn()
    mailroom.core.is_down = False
    mailroom.turn()
    assert mailroom.core.asked == [keys[:BATCH], keys[BATCH:]]
    assert mailroom.job.failed == 1


def test_core_that_has_no_such_question_is_asked_once_a_turn_and_that_is_no_failure(
    mailroom: Mailroom,
) -> None:
    for number in range(1, BATCH + 2):
        mailroom.write(number)
    mailroom.core.is_mute = True
    mailroom.turn()
    mailroom.turn()
    assert len(mailroom.core.asked) == 2
    assert mailroom.job.failed == 0


def test_answer_that_was_the_last_one_long_ago_is_not_asked_for_again(mailroom: Mailroom) -> None:
    _, key = mailroom.write(1)
    mailroom.core.words[key] = CLOSED
    mailroom.turn()
    mailroom.now_ms += CLOSED_MS + 1
    mailroom.core.asked.clear()
    mailroom.turn()
    assert mailroom.core.asked == []


def test_core_that_changes_its_answer_again_and_again_is_put_before_a_clerk_once(mailroom: Mailroom) -> None:
    code, key = mailroom.write(1)
    for number in range(UPDATES_MAX + 2):
        mailroom.core.words[key] = CoreWord(status=Status.OPEN, notes=str(number))
        mailroom.turn()
    with mailroom.writer.read() as connection:
        found = connection.execute(select(tables.exception.c.kind, tables.exception.c.detail)).all()
        assert len(rows(connection, mailbox_answer)) == UPDATES_MAX
    assert [(kind, detail) for kind, detail in found] == [("answer_flaps", {"reference": code})]


def test_words_of_an_answer_are_forgotten_with_those_that_it_answers(mailroom: Mailroom) -> None:
    code, key = mailroom.write(1)
    mailroom.core.words[key] = CLOSED
    mailroom.turn()
    assert mailroom.writer.run(lambda connection: forget_words(connection, NOW_MS + 1, 9)) == 1
    case = mailroom.case(code)
    assert (case.status, [word.notes for word in case.updates]) == ("closed", [""])
    mailroom.core.asked.clear()
    mailroom.turn()
    assert mailroom.core.asked == []
