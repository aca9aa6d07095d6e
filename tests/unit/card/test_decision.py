"""What a tap costs, and who is refused: pure, by examples and for any card, place and fares."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_reader.citizen_card.holder import EVERY_ZONE, Holder, Pass
from card_reader.citizen_card.journal import Deed, Record
from card_reader.core.decision import AlreadyValid, Decision, Image, No, Refuse, Ride, Undone, decide
from card_reader.core.fare import SINGLE
from card_reader.core.trip import Trip
from shared.model.errors import InputError
from shared.model.fares import Fares
from shared.model.tariff import Tariff
from tests.support.cards import NOW_S, tariff, trip

HOLDER = Holder(card_id=bytes(8), issue=0, category=0, category_until=0, valid_until=9_000, is_nobodys=False)
LAST = Record(
    deed=Deed.TOPPED_UP, counter=5, at_s=NOW_S - 9_000, terminal=1, mark=bytes(4), balance_minor=1_000
)
RODE = replace(
    LAST,
    deed=Deed.RIDE,
    at_s=NOW_S - 60,
    terminal=7,
    line=4,
    passengers=1,
    party=1,
    transfer_until_s=NOW_S + 3_540,
    transfers_left=2,
    cap_day=2_500,
    cap_spent_minor=130,
)
PASS = Pass(product=20, zones=EVERY_ZONE, first_day=2_400, last_day=2_500)
MARK = b"mark"


def nobody(_card: bytes, _issue: int) -> bool:
    return False


def decided(holder: Holder, last: Record, where: Trip, rules: Tariff | None = None) -> Decision:
    return decide(Image(holder=holder, last=last), where, rules or tariff(), nobody, MARK)


def cost(holder: Holder, last: Record, where: Trip, rules: Tariff | None = None) -> int:
    ride = decided(holder, last, where, rules)
    assert isinstance(ride, Ride), ride
    assert ride.record.amount_minor == -ride.fare.amount.amount_minor
    return ride.fare.amount.amount_minor


@pytest.mark.parametrize(
    ("holder", "last", "where", "cents"),
    [
        ({}, LAST, {}, 130),
        ({"category": 1}, LAST, {}, 65),
        ({"category": 1, "category_until": 2_499}, LAST, {}, 130),
        ({"category": 1, "category_from": 2_501, "form": 2}, LAST, {}, 130),
        ({"category": 1, "category_from": 2_500, "form": 2}, LAST, {}, 65),
        ({"category": 99}, LAST, {}, 130),
        ({"category": 1}, LAST, {"passengers": 3, "is_keyed": True}, 65 + 2 * 130),
        ({"passes": (PASS,)}, LAST, {}, 0),
        ({"passes": (PASS,)}, LAST, {"passengers": 2, "is_keyed": True}, 130),
        ({"passes": (PASS,)}, LAST, {"day": 2_501}, 130),
        ({"passes": (replace(PASS, zones=2),)}, LAST, {}, 130),
        ({"passes": (replace(PASS, product=21),)}, LAST, {}, 130),
        ({}, replace(LAST, rides=5, rides_product=30), {"passengers": 2, "is_keyed": True}, 0),
        ({}, replace(LAST, rides=1, rides_product=30), {"passengers": 2, "is_keyed": True}, 130),
        ({}, replace(LAST, rides=5, rides_product=31), {}, 130),
        ({}, RODE, {"terminal": 8, "line": 5}, 0),
        ({}, RODE, {"terminal": 8, "line": 5, "passengers": 2, "is_keyed": True}, 130),
        ({}, RODE, {"terminal": 8, "line": 4}, 130),
        ({}, RODE, {"terminal": 8, "line": 5, "now_s": NOW_S + 3_541}, 130),
        ({}, replace(RODE, transfers_left=0), {"terminal": 8, "line": 5}, 130),
        ({}, RODE, {"passengers": 1, "is_keyed": True}, 130),
        ({}, RODE, {"now_s": NOW_S + 120}, 130),
        ({}, replace(LAST, cap_day=2_500, cap_spent_minor=300), {}, 90),
        ({}, replace(LAST, cap_day=2_500, cap_spent_minor=390), {}, 0),
        ({}, replace(LAST, cap_day=2_499, cap_spent_minor=390), {}, 130),
        (
            {},
            replace(LAST, cap_day=2_500, cap_spent_minor=390),
            {"passengers": 2, "is_keyed": True},
            130,
        ),
    ],
)
def test_ride_costs_what_the_rules_say(
    holder: dict[str, object], last: Record, where: dict[str, object], cents: int
) -> None:
    assert cost(replace(HOLDER, **holder), last, trip(**where)) == cents


@pytest.mark.parametrize(
    ("balance", "answer"),
    [(130, True), (129, True), (1, True), (0, False), (-1, False)],
)
def test_purse_goes_below_zero_once_and_only_from_above_it(balance: int, answer: bool) -> None:
    decision = decided(HOLDER, replace(LAST, balance_minor=balance), trip())
    assert isinstance(decision, Ride) is answer
    if not answer:
        assert decision == Refuse(No.NO_BALANCE)


def test_purse_at_nothing_still_rides_by_a_transfer() -> None:
    assert cost(HOLDER, replace(RODE, balance_minor=0), trip(terminal=8, line=5)) == 0


def test_card_that_comes_again_at_once_is_valid_already() -> None:
    assert decided(HOLDER, RODE, trip()) == AlreadyValid(RODE)
    assert decided(HOLDER, replace(RODE, at_s=NOW_S + 30), trip()) == AlreadyValid(
        replace(RODE, at_s=NOW_S + 30)
    )


def test_ride_that_the_driver_cancelled_is_not_valid() -> None:
    undone = replace(RODE, deed=Deed.CANCELLED)
    assert isinstance(decided(HOLDER, undone, trip()), Undone)
    for anew in (trip(is_keyed=True), trip(terminal=8), trip(now_s=NOW_S + 7_200)):
        assert isinstance(decided(HOLDER, undone, anew), Ride)


@pytest.mark.parametrize("passengers", [0, -1, 9])
def test_more_passengers_than_the_fares_allow_are_too_many(passengers: int) -> None:
    assert decided(HOLDER, LAST, trip(passengers=passengers, is_keyed=True)) == Refuse(No.TOO_MANY)


def test_card_whose_journal_says_blocked_is_blocked() -> None:
    assert decided(HOLDER, replace(LAST, deed=Deed.BLOCKED), trip()) == Refuse(No.BLOCKED)


def test_top_up_ends_no_transfer() -> None:
    topped = RODE.then(deed=Deed.TOPPED_UP, at_s=NOW_S - 30, terminal=3, mark=MARK, amount_minor=500)
    assert cost(HOLDER, topped, trip(terminal=8, line=5)) == 0


def test_record_of_a_ride_says_where_and_by_what() -> None:
    ride = decided(HOLDER, LAST, trip(passengers=2, is_keyed=True))
    assert isinstance(ride, Ride)
    record = ride.record
    assert (record.counter, record.mark, record.product, record.party) == (6, MARK, SINGLE, 2)
    assert (record.line, record.stop, record.zone, record.terminal) == (4, 12, 1, 7)
    assert (record.transfers_left, record.transfer_until_s) == (2, NOW_S + 3_600)
    assert (record.cap_day, record.cap_spent_minor) == (2_500, 130)


holders = st.builds(
    replace,
    st.just(HOLDER),
    category=st.integers(0, 2),
    category_until=st.integers(0, 3_000),
    valid_until=st.integers(2_000, 3_000),
    passes=st.lists(st.just(PASS), max_size=3).map(tuple),
)
lasts = st.builds(
    replace,
    st.just(LAST),
    deed=st.sampled_from(Deed),
    at_s=st.integers(NOW_S - 8_000, NOW_S + 8_000),
    terminal=st.integers(6, 8),
    line=st.integers(3, 5),
    balance_minor=st.integers(-200, 1_000),
    transfer_until_s=st.integers(NOW_S - 4_000, NOW_S + 4_000),
    transfers_left=st.integers(0, 2),
    party=st.integers(0, 5),
    passengers=st.integers(0, 5),
    cap_day=st.integers(2_499, 2_501),
    cap_spent_minor=st.integers(0, 390),
    rides=st.integers(0, 3),
    rides_product=st.sampled_from([0, 30, 31]),
)
trips = st.builds(
    trip,
    now_s=st.integers(NOW_S - 200, NOW_S + 200),
    terminal=st.integers(6, 8),
    line=st.integers(3, 5),
    zone=st.integers(0, 17),
    passengers=st.integers(1, 8),
    is_keyed=st.just(True),
)


@given(holders, lasts, trips)
def test_purse_never_goes_below_the_tolerance(holder: Holder, last: Record, where: Trip) -> None:
    decision = decided(holder, last, where)
    if isinstance(decision, Ride):
        after = decision.record.balance_minor
        assert after == last.balance_minor - decision.fare.amount.amount_minor
        assert after >= -130 or after == last.balance_minor
        assert 0 <= decision.fare.amount.amount_minor <= 130 * where.passengers
        assert decision.record.to_bytes()


@given(holders, lasts, trips)
def test_every_passenger_rides_by_one_thing(holder: Holder, last: Record, where: Trip) -> None:
    decision = decided(holder, last, where)
    if isinstance(decision, Ride):
        owed = decision.fare
        counted = owed.transferring + bool(owed.by_pass) + owed.by_rides + owed.paying
        assert counted == where.passengers
        assert decision.record.rides == last.rides - owed.by_rides >= 0


@given(holders, lasts, trips)
def test_card_that_nobody_keyed_for_is_never_charged_again_where_it_just_rode(
    holder: Holder, last: Record, where: Trip
) -> None:
    first = decided(holder, last, where)
    if isinstance(first, Ride):
        again = replace(where, now_s=where.now_s + 5, passengers=1, is_keyed=False)
        assert decided(holder, first.record, again) == AlreadyValid(first.record)


@given(holders, st.lists(st.tuples(trips, st.integers(0, 20_000)), max_size=12))
def test_holders_own_rides_of_one_day_never_cost_more_than_the_cap(
    holder: Holder, rides: list[tuple[Trip, int]]
) -> None:
    last, own_minor = replace(LAST, balance_minor=100_000), 0
    for where, later_s in rides:
        decision = decided(holder, last, replace(where, now_s=where.now_s + later_s))
        if isinstance(decision, Ride):
            own_minor += decision.fare.own.amount_minor
            last = decision.record
    assert own_minor <= 390
    assert last.cap_spent_minor in (own_minor, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"currency": "USD"},
        {"prices": []},
        {"prices": [{"category": 1, "amount_minor": 65}]},
        {"prices": [{"category": 0, "amount_minor": -1}]},
        {"passes": "20"},
        {"rides": [0]},
        {"transfer": {"window_s": 0, "count": 1, "same_line": False}},
        {"tolerance_minor": True},
        {"passback_s": 3_601},
        {"passengers_max": 0},
        {"cap_day_minor": 65_536},
    ],
)
def test_fares_that_no_terminal_could_keep_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        tariff(**wrong)


def test_town_without_transfer_and_cap_has_neither() -> None:
    rules = tariff(transfer=None, cap_day_minor=None)
    assert cost(HOLDER, replace(LAST, cap_day=2_500, cap_spent_minor=390), trip(), rules) == 130
    ride = decided(HOLDER, RODE, trip(terminal=8, line=5), rules)
    assert isinstance(ride, Ride)
    assert (ride.fare.amount.amount_minor, ride.record.transfers_left) == (130, 0)


@pytest.mark.parametrize("changed", [{}, {"transfer": None, "cap_day_minor": None}, {"later": ["unknown"]}])
def test_fares_there_and_back_are_the_same(changed: dict[str, object]) -> None:
    rules = tariff(**changed)
    assert Tariff.from_data(rules.to_data()) == rules
    product = {"product": "sencillo", "name": {"es": "Billete"}, "amount_minor": 130, "currency": "EUR"}
    fares = Fares.from_data({"products": [product], "tap": rules.to_data()})
    assert fares.tap == rules
    assert Fares.from_data(fares.to_data()) == fares


def test_fares_whose_tap_no_terminal_could_keep_are_refused_with_the_place() -> None:
    product = {"product": "sencillo", "name": {"es": "Billete"}, "amount_minor": 130, "currency": "EUR"}
    with pytest.raises(InputError, match=r"^tap\."):
        Fares.from_data({"products": [product], "tap": {"currency": "USD"}})


@pytest.mark.parametrize(
    "holder", [{}, {"category": 1}, {"passes": (PASS,)}], ids=["everybody", "reduced", "with a pass"]
)
def test_who_comes_along_a_moment_later_pays_as_such_whoever_holds_the_card(
    holder: dict[str, object],
) -> None:
    spent = replace(RODE, cap_spent_minor=390)
    ride = decided(replace(HOLDER, **holder), spent, trip(is_keyed=True))
    assert isinstance(ride, Ride)
    assert (ride.fare.amount.amount_minor, ride.fare.own.amount_minor, ride.record.party) == (130, 0, 2)


def test_who_comes_along_a_moment_later_does_not_ride_by_a_transfer_of_the_same_bus() -> None:
    anywhere = tariff(transfer={"window_s": 3_600, "count": 2, "same_line": True})
    assert cost(HOLDER, RODE, trip(is_keyed=True), anywhere) == 130
    assert cost(HOLDER, RODE, trip(terminal=8), anywhere) == 0
