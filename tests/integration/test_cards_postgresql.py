"""The register of cards on PostgreSQL."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.db.engine import open_writer
from hub.db.migrate import upgrade
from tests.support.forbidden import FORBIDDEN_OF_CARDS, LATER_ROWS, fill
from tests.support.hub_database import transaction
from tests.support.postgresql import new_database, postgresql_server
from tests.unit.hub.db.test_card_repository import walk_through_the_register

pytestmark = pytest.mark.requires("postgres")


def test_register_keeps_every_card_and_its_history_stays() -> None:
    with postgresql_server() as server:
        url = new_database(server)
        upgrade(url)
        engine = open_writer(url)
        walk_through_the_register(engine)
        with transaction(engine) as connection:
            fill(connection, LATER_ROWS)
        for statement in (*FORBIDDEN_OF_CARDS, "TRUNCATE card_change"):
            with pytest.raises(DBAPIError, match="it is a record"), transaction(engine) as connection:
                connection.execute(text(statement))
        engine.dispose()
