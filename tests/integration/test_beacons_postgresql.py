"""Places, notices, and the bundles for phones, on PostgreSQL."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.db.engine import open_writer
from hub.db.migrate import upgrade
from tests.support.beacon_town import BeaconTown, walk_through_the_registers
from tests.support.forbidden import FORBIDDEN_OF_BEACONS
from tests.support.hub_database import transaction
from tests.support.postgresql import new_database, postgresql_server

pytestmark = pytest.mark.requires("postgres")


def test_registers_keep_places_notices_and_corrections_on_postgresql(tmp_path: Path) -> None:
    with postgresql_server() as server:
        url = new_database(server)
        upgrade(url)
        town = BeaconTown(tmp_path, url)
        walk_through_the_registers(town)
        town.close()
        engine = open_writer(url)
        for statement in (*FORBIDDEN_OF_BEACONS, "TRUNCATE beacon_change"):
            with pytest.raises(DBAPIError, match="it is a record"), transaction(engine) as connection:
                connection.execute(text(statement))
        engine.dispose()
