"""Passes and tickets sold at a desk: once, at the fares' price, on the card, in the books and ridden on."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from card_reader.citizen_card.holder import day_of
from card_reader.citizen_card.journal import Deed
from card_reader.core.tap import Yes
from card_reader.virtual_card.card import VirtualCard
from card_reader.virtual_card.faults import Plan
from hub.assembly.cards import RingSeals
from hub.core.port import Done, Effect
from hub.db.card_deed_tables import card_deed
from hub.db.card_tables import card as register
from hub.db.tables import account, journal, outgoing
from hub.domain.cards.verdict import Image, Said
from hub.jobs.signatures import SignedSettlements
from hub.keys.registry import Registry
from shared.model.errors import InputError
from shared.model.fares import Fares
from shared.model.instants import business_day
from tests.property.test_desk_and_bus import RingTown
from tests.support.cards import MemoryBook, journal_of, purse_of, tap_once
from tests.support.desk import FARES, ISSUE, PASS, TICKET, Office
from tests.support.hub_database import NOW_MS
from tests.unit.hub.cards.test_desk_deeds import Taking, balances, settled, torn_everywhere

TODAY = day_of(date.fromisoformat(business_day(NOW_MS)))
COMMIT = 10
"""Of a sale from the purse: select, version, two to authenticate, two to read, three to write."""
DAY_MS = 86_400_000


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def asked(product: int, paid_by: str = "purse", first_day: int = 0) -> dict[str, Any]:
    return {"do": "sell", "product": product, "paid_by": paid_by, "first_day": first_day}


def image_of(office: Office, card: VirtualCard) -> Image:
    image = office.ask(card, do="read").image
    assert image is not None
    return image


def passes_of(office: Office, card: VirtualCard) -> list[tuple[int, int, int]]:
    """Product, first day and last day, in days from today."""
    held = image_of(office, card).holder.passes
    return [(one.product, one.first_day - TODAY, one.last_day - TODAY) for one in held]


def test_pass_from_the_purse_is_on_the_card_in_the_books_and_ridden_on(office: Office) -> None:
    card, bus = office.issued(5_000), MemoryBook()
    assert office.ask(card, **asked(PASS)).said is Said.DONE
    assert purse_of(card) == 2_000
    (held,) = image_of(office, card).holder.passes
    assert (held.product, held.zones) == (PASS, 0b11)
    assert passes_of(office, card) == [(PASS, 0, 29)]
    last = journal_of(card)[-1]
    assert (last.deed, last.product, last.amount_minor) == (Deed.BOUGHT, PASS, -3_000)
    settled(office, card)
    assert balances(office) == {"purse": 2_000, "revenue": 3_000, "device_cash": -5_000}
    ridden = tap_once(RingTown(office), card, bus, now_s=NOW_MS // 1000, day=TODAY).verdict
    assert (ridden.said, ridden.paid_minor) == (Yes.RIDE, 0)
    assert ridden.record is not None
    assert ridden.record.product == PASS


@pytest.mark.parametrize(("paid_by", "where"), [("cash", "device_cash"), ("card", "clearing")])
def test_ticket_that_is_paid_otherwise_leaves_the_purse_and_uses_a_counter(
    office: Office, paid_by: str, where: str
) -> None:
    card, bus = office.issued(), MemoryBook()
    for _ in range(2):
        assert office.ask(card, **asked(TICKET, paid_by)).said is Said.DONE
    last = journal_of(card)[-1]
    assert (last.rides, last.rides_product, last.amount_minor, purse_of(card)) == (20, TICKET, 0, 0)
    settled(office, card)
    assert balances(office) == {"revenue": 1_700, where: -1_700}
    ridden = tap_once(RingTown(office), card, bus, now_s=NOW_MS // 1000, day=TODAY).verdict
    assert ridden.record is not None
    assert (ridden.said, ridden.record.rides, ridden.paid_minor) == (Yes.RIDE, 19, 0)


@pytest.mark.parametrize("product", [PASS, TICKET])
@pytest.mark.parametrize("paid_by", ["purse", "cash"])
def test_sale_torn_at_any_command_is_made_once_when_the_card_is_held_there_again(
    office: Office, product: int, paid_by: str
) -> None:
    card = office.issued(15_000)
    fares = {**FARES, "products": [{**one, "amount_minor": 100} for one in FARES["products"]]}
    office.fares = Fares.from_data(fares)
    count = 0
    for _ in torn_everywhere(office, card, **asked(product, paid_by)):
        count += 1
        if product == TICKET:
            assert journal_of(card)[-1].rides == 10 * count % 250
        else:
            assert passes_of(office, card) == [(PASS, 0, 30 * count - 1)]
    assert purse_of(card) == 15_000 - (100 * count if paid_by == "purse" else 0)


def test_sale_that_is_settled_by_another_order_is_booked_at_the_price_of_its_day(office: Office) -> None:
    card = office.issued(5_000)
    order = office.order(**asked(PASS, "cash"))
    assert office.hold(card, order, Plan(tear_at=COMMIT - 1, after=True)).said is Said.UNKNOWN
    office.fares = None
    other = office.ask(card, do="top_up", amount_minor=100)
    assert (other.said, other.before, other.happened) == (Said.SETTLED, "sell", True)
    assert balances(office)["revenue"] == 3_000
    settled(office, card)
    assert len([row for row in office.rows(card_deed) if row["state"] == "happened"]) == 3


def test_pass_bought_again_goes_on_where_the_first_ends_and_one_that_is_over_makes_room(
    office: Office,
) -> None:
    card = office.issued()
    for _ in range(2):
        office.ask(card, **asked(PASS, "cash"))
    assert passes_of(office, card) == [(PASS, 0, 59)]
    for later in (100, 200):
        assert office.ask(card, **asked(PASS, "cash", TODAY + later)).said is Said.DONE
    assert passes_of(office, card) == [(PASS, 0, 59), (PASS, 100, 129), (PASS, 200, 229)]
    assert office.ask(card, **asked(PASS, "cash", TODAY + 300)).said is Said.NO_ROOM
    office.clock.now_ms += 60 * DAY_MS
    assert office.ask(card, **asked(PASS, "cash", TODAY + 300)).said is Said.DONE
    assert passes_of(office, card) == [(PASS, 100, 129), (PASS, 200, 229), (PASS, 300, 329)]


def test_pass_for_now_does_not_wait_for_the_one_that_is_held_for_later(office: Office) -> None:
    card = office.issued()
    for later in (100, 0, 80):
        assert office.ask(card, **asked(PASS, "cash", TODAY + later)).said is Said.DONE
    assert sorted(passes_of(office, card)) == [(PASS, 0, 29), (PASS, 80, 139)]
    for _ in range(2):
        assert office.ask(card, **asked(PASS, "cash")).said is Said.DONE
    assert passes_of(office, card) == [(PASS, 0, 149)]


def test_card_that_replaces_a_lost_one_has_its_passes_that_are_not_over(office: Office) -> None:
    lost = office.issued()
    for later in (0, 100):
        assert office.ask(lost, **asked(PASS, "cash", TODAY + later)).said is Said.DONE
    office.ask(lost, do="top_up", amount_minor=500)
    office.clock.now_ms += 60 * DAY_MS
    for _ in range(2):
        (subject,) = (str(row["subject"]) for row in office.rows(register) if row["state"] == "issued")
        new = office.blank()
        assert office.ask(new, **{**ISSUE, "do": "replace", "replaces": subject}).said is Said.DONE
        assert passes_of(office, new) == [(PASS, 100, 129)]
        assert purse_of(new) == 500


def test_pass_does_not_begin_before_today(office: Office) -> None:
    card = office.issued()
    assert office.ask(card, **asked(PASS, "cash", TODAY - 5)).said is Said.DONE
    assert passes_of(office, card) == [(PASS, 0, 29)]


@pytest.mark.parametrize(
    ("product", "said"), [(1, Said.NO_SUCH_PRODUCT), (99, Said.NO_SUCH_PRODUCT), (PASS, Said.NO_BALANCE)]
)
def test_what_is_not_sold_or_not_covered_changes_nothing(office: Office, product: int, said: Said) -> None:
    card = office.issued(2_999)
    assert office.ask(card, **asked(product)).said is said
    assert (purse_of(card), len(journal_of(card))) == (2_999, 2)
    settled(office, card)


def test_town_without_fares_sells_nothing(office: Office) -> None:
    office.fares = None
    assert office.ask(office.issued(5_000), **asked(PASS)).said is Said.NO_SUCH_PRODUCT


def test_card_that_is_blocked_or_has_expired_is_sold_nothing(office: Office) -> None:
    card = office.issued(5_000)
    office.ask(card, do="block")
    assert office.ask(card, **asked(PASS)).said is Said.BLOCKED
    office.ask(card, do="unblock")
    office.clock.now_ms += 40 * 365 * DAY_MS
    assert office.ask(card, **asked(PASS)).said is Said.EXPIRED


def test_ticket_of_another_kind_or_too_many_rides_have_no_room(office: Office) -> None:
    card = office.issued()
    for _ in range(25):
        assert office.ask(card, **asked(TICKET, "cash")).said is Said.DONE
    assert office.ask(card, **asked(TICKET, "cash")).said is Said.NO_ROOM
    other = {**FARES["products"][-1], "product": "31"}
    office.fares = Fares.from_data({"products": [other], "tap": {**FARES["tap"], "rides": [TICKET, 31]}})
    assert office.ask(card, **asked(31, "cash")).said is Said.NO_ROOM
    settled(office, card)


def test_desk_that_names_a_price_pays_the_fares_price(office: Office) -> None:
    card = office.issued(5_000)
    assert office.ask(card, **asked(PASS), amount_minor=1).said is Said.DONE
    assert purse_of(card) == 2_000
    settled(office, card)


def test_sale_is_settled_with_the_core_by_its_cards_signature_over_the_holder_file_too(
    office: Office, tmp_path: Path
) -> None:
    card = office.issued(5_000)
    office.ask(card, **asked(PASS))
    order = office.order(**asked(PASS, "cash"))
    office.hold(card, order, Plan(tear_at=COMMIT - 1, after=True))
    assert office.hold(card, order).said is Said.DONE
    assert [row["kind"] for row in office.rows(journal)] == ["card_deed", "credit", "payment", "payment"]
    bodies = [json.loads(row["body"]) for row in office.rows(outgoing)]
    assert [(one["method"], one["product"], one["amount_minor"]) for one in bodies[1:]] == [
        ("purse", str(PASS), 3_000),
        ("cash", str(PASS), 3_000),
    ]
    Registry.create(tmp_path / "registry", None, NOW_MS)
    registry = Registry.open(tmp_path / "registry", None, clock=lambda: NOW_MS)
    signed = SignedSettlements(Taking(), office.writer, registry, RingSeals(office.ring), lambda: NOW_MS)
    keys = [UUID(str(row["effect_key"])) for row in office.rows(outgoing)]
    came = asyncio.run(signed.deliver([Effect(key=key, aggregate="purse", body={}) for key in keys]))
    assert [type(each) for each in came] == [Done] * 3
    registry.close()


def test_product_that_costs_nothing_moves_no_money_and_uses_a_counter(office: Office) -> None:
    card = office.issued()
    products = [{**one, "amount_minor": 0} for one in FARES["products"]]
    office.fares = Fares.from_data({**FARES, "products": products})
    assert office.ask(card, **asked(PASS, "cash")).said is Said.DONE
    settled(office, card)
    assert [row["balance_minor"] for row in office.rows(account) if row["balance_minor"]] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"product": "sencillo"},
        {"product": str(TICKET)},
        {"currency": "USD"},
        {"card": {}},
        {"card": {"days": 30, "rides": 10}},
        {"card": {"days": 0}},
        {"card": {"days": 401}},
        {"card": {"days": 30, "zones": [17]}},
        {"card": {"days": 30, "zones": "all"}},
        {"card": {"rides": 10}},
        {"card": 30},
    ],
)
def test_fares_that_sell_what_no_card_could_hold_are_refused(wrong: dict[str, Any]) -> None:
    products = [one for one in FARES["products"] if one["product"] == str(PASS)]
    good = {**FARES, "products": products}
    assert Fares.from_data(Fares.from_data(good).to_data()) == Fares.from_data(good)
    with pytest.raises(InputError):
        Fares.from_data({**good, "products": [{**products[0], **wrong}]})


def test_what_a_newer_town_says_of_a_sale_is_kept() -> None:
    products = [{**one, "card": {**one["card"], "gift": 1}} for one in FARES["products"] if "card" in one]
    fares = Fares.from_data({**FARES, "products": products})
    assert fares.to_data()["products"] == products
    (sold, *_) = fares.products
    assert sold.card is not None
    assert replace(sold.card, extra={}).to_data() == {"days": 30, "zones": [1, 2]}
