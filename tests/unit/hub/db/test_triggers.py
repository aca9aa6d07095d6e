"""What is a record cannot be changed or deleted, whoever tries."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.support.forbidden import (
    ALLOWED,
    FORBIDDEN,
    FORBIDDEN_LATER,
    FORBIDDEN_OF_BEACONS,
    FORBIDDEN_OF_CARDS,
    LATER_ROWS,
    fill,
)
from tests.support.hub_database import fresh_database, transaction


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = fresh_database()
    with transaction(engine) as connection:
        fill(connection)
        fill(connection, LATER_ROWS)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    "statement", [*FORBIDDEN, *FORBIDDEN_LATER, *FORBIDDEN_OF_CARDS, *FORBIDDEN_OF_BEACONS]
)
def test_change_of_a_record_is_refused(engine: Engine, statement: str) -> None:
    with pytest.raises(DBAPIError, match="it is a record"), transaction(engine) as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize("statement", ALLOWED)
def test_change_that_the_hub_needs_is_allowed(engine: Engine, statement: str) -> None:
    with transaction(engine) as connection:
        assert connection.execute(text(statement)).rowcount == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO posting VALUES (1, 1, 1, 2, 1)",
        "REPLACE INTO card_counter VALUES ('card', 1, 1)",
        "INSERT OR REPLACE INTO inbox SELECT * FROM inbox",
    ],
)
def test_replacing_a_record_is_refused_too(engine: Engine, statement: str) -> None:
    """SQLite fires delete triggers at REPLACE only with recursive_triggers."""
    with pytest.raises(DBAPIError, match="it is a record"), transaction(engine) as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO posting VALUES (1, 2, 1, 2, 0)",
        "INSERT INTO posting VALUES (1, 2, 1, 2, -5)",
        "INSERT INTO posting VALUES (1, 2, 1, 1, 5)",
        "INSERT INTO posting VALUES (9, 1, 1, 2, 5)",
        "INSERT INTO posting VALUES (1, 2, 1, 9, 5)",
        "UPDATE account SET balance_minor = -501 WHERE id = 1",
        "UPDATE outgoing SET state = 'lost'",
    ],
)
def test_row_that_cannot_be_true_is_refused(engine: Engine, statement: str) -> None:
    with pytest.raises(DBAPIError, match="constraint failed"), transaction(engine) as connection:
        connection.execute(text(statement))
