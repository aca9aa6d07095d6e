"""Timed work comes round again, whatever became of it the last time; a day is audited once."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text

from hub.db import migrate, tables
from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.unit_of_work import UnitOfWork
from hub.db.writer import Writer
from hub.jobs.day_audit import UNBALANCED, DayAudit
from hub.jobs.timetable import Job, Timetable
from hub.usecases.take_event import take
from tests.support.hub_database import NOW_MS, Street

DAY_MS = 86_400_000


def test_job_that_fails_is_shown_and_comes_round_again() -> None:
    async def scenario() -> list[dict[str, str]]:
        failures, shown = iter([OSError(), None]), list[dict[str, str]]()
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work() -> None:
            shown.append(dict(table.failing))
            try:
                error = next(failures)
            except StopIteration:
                loop.call_soon_threadsafe(ended.set)
                return
            if error is not None:
                raise error

        table = Timetable([Job(name="beat", every_s=0.001, run=work)])
        running = asyncio.create_task(table.run())
        await asyncio.wait_for(ended.wait(), 10)
        running.cancel()
        await asyncio.wait([running])
        return shown

    assert asyncio.run(scenario())[:3] == [{}, {"beat": "OSError"}, {}]


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    url = sqlite_url(tmp_path / "hub.db")
    migrate.upgrade(url)
    writer = Writer(open_writer(url), open_reader(url))
    yield writer
    writer.close()


def cases(writer: Writer) -> list[dict[str, object]]:
    with writer.read() as connection:
        found = connection.execute(select(tables.exception.c.kind, tables.exception.c.detail))
        return [detail for kind, detail in found if kind == UNBALANCED]


def take_payment(connection: Connection) -> None:
    uow = UnitOfWork(connection)
    take(Street().payment(), uow, NOW_MS)
    uow.flush()


def test_day_that_balances_opens_no_case(writer: Writer) -> None:
    writer.run(take_payment)
    DayAudit(writer, lambda: NOW_MS + DAY_MS).run()
    assert cases(writer) == []


def test_day_that_does_not_balance_opens_one_case(writer: Writer) -> None:
    writer.run(take_payment)
    writer.run(lambda connection: connection.execute(text("UPDATE account SET balance_minor = 1")))
    audit = DayAudit(writer, lambda: NOW_MS + DAY_MS)
    audit.run()
    audit.run()
    (detail,) = cases(writer)
    assert (detail["business_day"], detail["drifts"]) == ("2026-11-21", 2)
