"""Updates of reports on PostgreSQL: asked for, kept as a record, and a device's own bundle beside them."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.db.fleet_repository import BundleRow
from hub.db.update_repository import OWN, OwnBundleRepository, UpdateRepository
from hub.domain.service_requests.ports import Status
from hub.domain.service_requests.updates import CoreWord
from shared.model.errors import VentanillaError
from shared.protocol.versions import Version
from tests.support.forbidden import FORBIDDEN_LATER
from tests.support.postgresql import new_database, postgresql_server
from tests.unit.hub.jobs.test_report_updates import CLOSED, Register

pytestmark = pytest.mark.requires("postgres")


def test_updates_are_kept_once_and_stay() -> None:
    with postgresql_server() as server:
        register = Register(new_database(server))
        register.file("R-1", "41")
        register.file("R-2", "token:abc", device="kiosk-2")
        register.core.words = {"41": CoreWord(status=Status.CLOSED, notes="Arreglado", updated_ms=-5)}
        register.core.numbers = {"token:abc": "42"}
        register.turn()
        register.core.words["42"] = CLOSED
        register.turn()
        register.turn()
        assert register.history() == [("closed", "Arreglado", -5)]
        assert (register.state("R-2"), register.sent) == ("closed", ["kiosk-1", "kiosk-2"])
        for statement in (*FORBIDDEN_LATER, "TRUNCATE report_update"):
            with pytest.raises((DBAPIError, VentanillaError)):
                register.writer.run(lambda connection, said=statement: connection.execute(text(said)))
        with register.writer.read() as connection:
            assert UpdateRepository(connection).of_device("kiosk-1", 0, 9) == [("event-R-1", Status.CLOSED)]
        for n in (1, 2):
            row = BundleRow(name="x", version=Version(7, n), size=1, expires_ms=9, who=OWN, at_ms=0)
            register.writer.run(
                lambda connection, said=row: OwnBundleRepository(connection).put("kiosk-1", said, b"b")
            )
        with register.writer.read() as connection:
            (found,) = OwnBundleRepository(connection).of(["kiosk-1", "kiosk-9"])["kiosk-1"]
        assert (found[0].version, found[1]) == (Version(7, 2), b"b")
        register.writer.close()
