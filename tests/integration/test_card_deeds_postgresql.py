"""Deeds at a desk on PostgreSQL: torn, settled, replaced, refunded; books and register as on SQLite."""

from pathlib import Path

import pytest

from card_reader.virtual_card.faults import Plan
from hub.db.card_deed_tables import card_deed
from hub.db.card_tables import card as register
from hub.db.migrate import upgrade
from hub.db.tables import account, exception, outgoing
from hub.domain.cards.verdict import Said
from hub.relay.deed_book import INTENT_MS_MAX
from tests.support.cards import purse_of
from tests.support.desk import ISSUE, Office
from tests.support.postgresql import new_database, postgresql_server

pytestmark = pytest.mark.requires("postgres")
COMMIT = 9


def test_deeds_are_torn_settled_replaced_and_refunded(tmp_path: Path) -> None:
    with postgresql_server() as server:
        url = new_database(server)
        upgrade(url)
        office = Office(tmp_path, url)
        try:
            walk_through_deeds(office)
        finally:
            office.close()


def walk_through_deeds(office: Office) -> None:
    lost, order = office.issued(1_000), office.order(do="top_up", amount_minor=500)
    assert office.hold(lost, order, Plan(tear_at=COMMIT, after=True)).said is Said.UNKNOWN
    assert [office.hold(lost, order).said for _ in range(2)] == [Said.DONE] * 2
    assert purse_of(lost) == 1_500
    (subject,) = [row["subject"] for row in office.rows(register)]
    new = office.blank()
    assert office.ask(new, **{**ISSUE, "do": "replace", "replaces": subject}).said is Said.DONE
    assert purse_of(new) == 1_500
    assert office.ask(new, Plan(tear_at=COMMIT - 1), do="block").said is Said.UNKNOWN
    read = office.ask(new, do="read", history=True)
    assert (read.before, read.happened) == ("block", False)
    office.ring.make()
    assert office.ask(new, do="refund").said is Said.DONE
    assert {row["code"].partition(":")[0] for row in office.rows(account) if row["balance_minor"]} == set()
    assert {row["state"] for row in office.rows(register)} == {"replaced", "refunded"}
    assert sorted(row["key_version"] for row in office.rows(register)) == [1, 2]
    assert len(office.rows(outgoing)) == 4
    other = office.issued()
    office.ask(other, Plan(tear_at=COMMIT, after=True), do="top_up", amount_minor=1)
    office.clock.now_ms += INTENT_MS_MAX + 1
    office.book.expire()
    assert [row["kind"] for row in office.rows(exception)] == ["card_deed_unknown"]
    assert {row["state"] for row in office.rows(card_deed)} == {"happened", "never", "clerk"}
