"""Contacts and keys of sessions on PostgreSQL: forgotten as on SQLite, and what is a record stays one."""

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from hub.db import tables
from shared.model.errors import VentanillaError
from tests.support.postgresql import new_database, postgresql_server
from tests.unit.hub.jobs.test_case_retention import Archive
from tests.unit.hub.jobs.test_mailbox_answers import ANSWER, CLOSED, Mailroom

pytestmark = pytest.mark.requires("postgres")


def test_what_is_over_is_forgotten_and_the_inbox_stays() -> None:
    with postgresql_server() as server:
        archive = Archive(new_database(server))
        archive.close(archive.report(archive.session("c1"), 1))
        here = archive.report(archive.session("c2"), 2)
        assert archive.turn() == (1, 1)
        assert (archive.reached(), archive.readable()) == ([here.data["reference"]], [here.id])
        with archive.writer.read() as connection:
            assert connection.execute(select(func.count()).select_from(tables.inbox)).scalar_one() == 2
        with pytest.raises((DBAPIError, VentanillaError)):
            archive.writer.run(lambda connection: connection.execute(text("UPDATE inbox SET line = ''")))
        archive.writer.close()


def test_answers_are_kept_once_and_found_by_their_code() -> None:
    with postgresql_server() as server:
        mailroom = Mailroom(new_database(server))
        code, key = mailroom.write(1)
        mailroom.core.words[key] = CLOSED
        mailroom.turn()
        mailroom.turn()
        assert [(word.status, word.notes) for word in mailroom.case(code).updates] == [("closed", ANSWER)]
        mailroom.writer.close()
