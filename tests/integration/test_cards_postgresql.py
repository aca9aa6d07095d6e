"""The register of cards, and the judgement of taps, on PostgreSQL."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.db.engine import open_writer
from hub.db.migrate import upgrade
from hub.domain.cards.taps import TapVerdict
from tests.support.forbidden import FORBIDDEN_OF_CARDS, LATER_ROWS, fill
from tests.support.hub_database import transaction
from tests.support.postgresql import new_database, postgresql_server
from tests.support.signed_taps import SealMasters
from tests.unit.hub.db.test_card_repository import walk_through_the_register
from tests.unit.hub.jobs.test_day_reconciliation import Audited, walk_through_a_day
from tests.unit.hub.jobs.test_tap_seals import CARD, Town

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


def test_taps_are_judged_a_clone_is_found_and_what_was_unchecked_is_looked_at_again() -> None:
    with postgresql_server() as server:
        town = Town(new_database(server))
        town.keys = None
        town.register(CARD)
        first = town.bus.rides(CARD, 2, mark=b"once")
        assert town.judge(first, town.other.rides(CARD, 3)) == [TapVerdict.UNCHECKED] * 2
        town.keys = SealMasters()
        town.seals.run()
        assert town.verdicts() == [TapVerdict.GENUINE] * 2
        copy = town.other.rides(CARD, 2, mark=b"copy")
        assert town.judge(copy) == [TapVerdict.CLONED, TapVerdict.GENUINE, TapVerdict.CLONED]
        assert town.cases() == [("card_cloned", "bus-9")]
        town.writer.close()


def test_day_of_a_terminal_is_reconciled() -> None:
    with postgresql_server() as server:
        town = Audited(new_database(server))
        town.register(CARD)
        walk_through_a_day(town)
        town.writer.close()
