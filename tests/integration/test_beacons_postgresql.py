"""Places, notices, the bundles for phones, and firmware, on PostgreSQL."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.db.engine import open_writer
from hub.db.migrate import upgrade
from hub.fleet.firmware_desk import FirmwareDesk, Stage
from shared.protocol import firmware
from tests.support.beacon_town import BeaconTown, walk_through_the_registers
from tests.support.firmware import BOARD, manifest, parts, town_key
from tests.support.forbidden import FORBIDDEN_OF_BEACONS
from tests.support.hub_database import transaction
from tests.support.postgresql import new_database, postgresql_server

pytestmark = pytest.mark.requires("postgres")


def test_firmware_is_kept_and_offered_on_postgresql(tmp_path: Path) -> None:
    files = parts()
    signed = firmware.sign(manifest(files, expires_s=1 << 38).unsigned(), town_key())
    body = b"".join(files.values())
    with postgresql_server() as server:
        url = new_database(server)
        upgrade(url)
        town = BeaconTown(tmp_path, url)
        desk = FirmwareDesk(town.office.writer, town.office.town.room.registry, lambda: town.office.now_ms)
        desk.offer(signed, body, Stage(site="", share=0, who="ana"))
        assert desk.for_node("kiosk-1", BOARD, 11) is None
        desk.stage(BOARD, 12, Stage(site="", share=100, who="ana"))
        assert desk.for_node("kiosk-1", BOARD, 11) == signed
        assert desk.body(BOARD, 12) == body
        desk.withdraw(BOARD, 12, "blas")
        assert desk.body(BOARD, 12) is None
        town.close()


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
