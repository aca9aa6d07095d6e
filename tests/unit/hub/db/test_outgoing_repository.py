"""Outgoing work: in order per aggregate, tried when due, counted before it leaves, quick among much."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from hub.db import tables
from hub.db.outgoing_repository import OutgoingInserts, OutgoingRepository, Replay, State
from tests.support.hub_database import NOW_MS, Street, fresh_database, rows, take_all, traced

CONNECTOR = "settlements"
STREET = Street()


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = fresh_database()
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def add(connection: Connection, *aggregates: str, connector: str = CONNECTOR, now_ms: int = NOW_MS) -> None:
    inserts = OutgoingInserts(connection)
    for aggregate in aggregates:
        source = STREET.tap("card", 1)
        inserts.add(source, source.id, connector, aggregate, {"about": aggregate}, now_ms)
    inserts.flush()


def due(connection: Connection, now_ms: int = NOW_MS, limit: int = 100) -> list[tuple[int, str]]:
    found = OutgoingRepository(connection).due(CONNECTOR, now_ms, limit)
    return [(effect.id, effect.aggregate) for effect in found]


def test_one_effect_of_each_aggregate_is_due_in_the_order_of_arrival(connection: Connection) -> None:
    add(connection, "a", "b", "a", "c", "a", "b")
    assert due(connection) == [(1, "a"), (2, "b"), (4, "c")]
    assert due(connection, limit=2) == [(1, "a"), (2, "b")]
    assert due(connection, now_ms=NOW_MS - 1) == []


def test_next_of_an_aggregate_is_due_when_the_one_before_is_done(connection: Connection) -> None:
    add(connection, "a", "a", "b")
    add(connection, "a")
    repository = OutgoingRepository(connection)
    repository.done([(1, "core-1")], NOW_MS)
    assert due(connection) == [(2, "a"), (3, "b")]
    repository.done([(2, "core-2"), (3, "core-3")], NOW_MS)
    assert due(connection) == [(4, "a")]
    repository.done([(4, "core-4")], NOW_MS)
    assert due(connection) == []
    add(connection, "a")
    assert due(connection) == [(5, "a")]
    row = rows(connection, tables.outgoing)[0]
    assert (row["state"], row["core_ref"], row["done_ms"]) == ("done", "core-1", NOW_MS)


def test_aggregates_of_two_connectors_do_not_wait_for_one_another(connection: Connection) -> None:
    add(connection, "a", connector="open311")
    add(connection, "a")
    assert due(connection) == [(2, "a")]
    assert OutgoingRepository(connection).next_due_ms("open311") == NOW_MS
    assert OutgoingRepository(connection).next_due_ms("notices") is None


def test_attempt_is_counted_and_a_retry_is_due_later(connection: Connection) -> None:
    add(connection, "a", "a", "b")
    repository = OutgoingRepository(connection)
    repository.mark_attempts([1, 3], NOW_MS)
    assert [effect.attempts for effect in repository.due(CONNECTOR, NOW_MS, 9)] == [1, 1]
    repository.retry([(1, NOW_MS + 500, "core is down" * 100)])
    assert due(connection) == [(3, "b")]
    assert due(connection, NOW_MS + 500) == [(3, "b"), (1, "a")]
    assert repository.next_due_ms(CONNECTOR) == NOW_MS
    error = rows(connection, tables.outgoing)[0]["last_error"]
    assert isinstance(error, str)
    assert len(error) == 500


@pytest.mark.parametrize("hold", ["dead", "undecided"])
def test_effect_before_a_clerk_holds_its_aggregate_until_it_is_replayed(
    connection: Connection, hold: str
) -> None:
    add(connection, "a", "a")
    repository = OutgoingRepository(connection)
    getattr(repository, hold)([(1, "refused")])
    add(connection, "a")
    assert due(connection) == []
    assert repository.counts() == {(CONNECTOR, State(hold)): 1, (CONNECTOR, State.WAITING): 2}
    assert not repository.replay(2, NOW_MS)
    assert repository.replay(1, NOW_MS)
    assert due(connection) == [(1, "a")]
    repository.done([(1, "ref")], NOW_MS)
    assert due(connection) == [(2, "a")]


def test_retry_that_comes_late_does_not_wake_what_is_done(connection: Connection) -> None:
    add(connection, "a")
    repository = OutgoingRepository(connection)
    repository.done([(1, "ref")], NOW_MS)
    repository.retry([(1, NOW_MS, "late answer")])
    assert due(connection) == []
    assert rows(connection, tables.outgoing)[0]["state"] == "done"


def test_effect_that_is_there_is_not_added_again(connection: Connection) -> None:
    inserts = OutgoingInserts(connection)
    source = STREET.tap("card", 1)
    for _ in range(2):
        inserts.add(source, "key", CONNECTOR, "a", {}, NOW_MS)
        inserts.flush()
    assert len(rows(connection, tables.outgoing)) == 1


def test_report_learns_what_the_core_calls_it(connection: Connection) -> None:
    take_all(connection, [STREET.report("R-1"), STREET.report("R-2")])
    repository = OutgoingRepository(connection)
    first, _ = repository.due("open311", NOW_MS, 9)
    repository.done([(first.id, "14-0068")], NOW_MS)
    assert [row["core_ref"] for row in rows(connection, tables.service_request)] == ["14-0068", None]


def test_work_is_found_at_once_among_much_that_is_done_and_behind_a_blocked_aggregate(
    connection: Connection,
) -> None:
    """SQLite counts its own steps, so that the figure does not depend on the machine."""
    many = """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many)
        INSERT INTO outgoing (
            effect_key, connector, aggregate, device, event_id, body, state, due_ms, created_ms
        ) SELECT 'k' || i, 'settlements', 'a' || (i % 1000), 'd', 'e', '{}', 'done', i, i FROM n
    """
    connection.execute(text(many), {"many": 200_000})
    add(connection, *["blocked"] * 2_000)
    OutgoingRepository(connection).dead([(due(connection)[0][0], "refused")])
    add(connection, "a1", "a2", "a1")
    raw = connection.connection.dbapi_connection
    assert raw is not None
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    raw.set_progress_handler(count, 100)
    repository = OutgoingRepository(connection)
    work = repository.due(CONNECTOR, NOW_MS, 100)
    repository.mark_attempts([effect.id for effect in work], NOW_MS)
    repository.done([(effect.id, "ref") for effect in work], NOW_MS)
    raw.set_progress_handler(None, 0)
    assert [effect.aggregate for effect in work] == ["a1", "a2"]
    assert steps[0] < 20


def test_queries_use_the_partial_indexes(connection: Connection) -> None:
    with traced(connection) as statements:
        add(connection, "a", "a")
        repository = OutgoingRepository(connection)
        repository.due(CONNECTOR, NOW_MS, 1)
        repository.next_due_ms(CONNECTOR)
        repository.done([(1, "ref")], NOW_MS)
    assert len(statements) == 7
    for statement in statements:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
        assert not [step for step in plan if step[3].startswith("SCAN")], (statement, plan)


def replay(connection: Connection, state: State, since_ms: int = 0, until_ms: int = 2 * NOW_MS) -> int:
    wanted = Replay(state=state, connector=CONNECTOR, since_ms=since_ms, until_ms=until_ms)
    return OutgoingRepository(connection).replay_some(wanted, NOW_MS + 9)


def test_dead_letters_are_replayed_in_order_and_nothing_overtakes(connection: Connection) -> None:
    add(connection, "a", "b", "a")
    repository = OutgoingRepository(connection)
    repository.dead([(1, "refused"), (2, "refused")])
    assert due(connection, NOW_MS + 9) == []
    assert replay(connection, State.DEAD) == 2
    assert due(connection, NOW_MS + 9) == [(1, "a"), (2, "b")]
    assert replay(connection, State.DEAD) == 0


def test_what_was_done_in_a_time_goes_out_again_before_what_came_later(connection: Connection) -> None:
    add(connection, "a", "a", "b")
    repository = OutgoingRepository(connection)
    for row, at_ms in ((1, NOW_MS), (3, NOW_MS + 5)):
        repository.mark_attempts([row], at_ms)
        repository.done([(row, f"core-{row}")], at_ms)
    assert due(connection) == [(2, "a")]
    assert replay(connection, State.DONE, NOW_MS, NOW_MS + 5) == 1
    assert due(connection, NOW_MS + 9) == [(1, "a")]
    assert repository.next_due_ms(CONNECTOR) == NOW_MS + 9  # nobody knocks for what waits behind it
    (again,) = repository.due(CONNECTOR, NOW_MS + 9, 9)
    assert again.attempts == 1  # so that its connector looks before it sends
    repository.done([(1, "core-1")], NOW_MS + 10)
    assert due(connection, NOW_MS + 10) == [(2, "a")]


def test_effect_that_nobody_woke_is_swept_up(connection: Connection) -> None:
    add(connection, "a", "a", "b")
    connection.execute(text("UPDATE outgoing SET state = 'done' WHERE id = 1"))  # as if by another worker
    repository = OutgoingRepository(connection)
    assert due(connection) == [(3, "b")]
    assert repository.sweep(NOW_MS) == 1
    assert due(connection) == [(2, "a"), (3, "b")]
    assert repository.sweep(NOW_MS) == 0


def test_effect_that_a_clock_ahead_by_years_put_off_is_pulled_back(connection: Connection) -> None:
    ahead_ms = NOW_MS + 10 * 365 * 86_400_000
    add(connection, "a", now_ms=ahead_ms)
    add(connection, "b", now_ms=NOW_MS + 86_400_000)  # as a report waits for its photographs
    repository = OutgoingRepository(connection)
    assert due(connection) == []
    assert repository.pull_back(NOW_MS) == 1
    assert due(connection) == [(1, "a")]
    assert repository.pull_back(NOW_MS) == 0
