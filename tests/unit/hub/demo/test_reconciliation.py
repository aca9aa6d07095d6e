"""The reconciliation can fail: each thing that may go wrong makes the sum not add up."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from hub.demo.asking import Door
from hub.demo.bus import tap_reference
from hub.demo.reconciliation import Evidence, add_up, core_effect
from hub.demo.stage import identified
from hub.demo.standing import Receipt
from hub.demo.town import TownEvent
from hub.usecases.take_event import PAYMENT, REPORT

IDS = [f"01970000-0000-7000-8000-{n:012d}" for n in range(4)]


def receipt(number: int, effect: str, amount_minor: int = 0) -> Receipt:
    event = TownEvent(id=IDS[number], device="kiosk-1", line=b"{}", effect=effect, amount_minor=amount_minor)
    reference = f"REF-{number}" if effect == REPORT else None
    return Receipt(event=event, stream="cases", epoch="0a0b0c0d", seq=number + 1, reference=reference)


REPORTED, PAID, FEE, LOST = (
    receipt(0, REPORT),
    receipt(1, PAYMENT, 150),
    receipt(2, PAYMENT, 300),
    receipt(3, PAYMENT, 999),
)
GOOD = Evidence(
    receipts=(REPORTED, PAID, FEE, LOST),
    fates={**dict.fromkeys(IDS[:3], "committed"), IDS[3]: "lost"},
    core=dict.fromkeys(map(core_effect, (REPORTED, PAID, FEE)), 1),
    core_minor=450,
    ledger_minor=450,
    ledger_clean=True,
    losses=(),
)


def test_reconciliation_of_what_arrived_once_and_what_is_on_record_adds_up() -> None:
    sums = add_up(GOOD)
    assert sums.adds_up
    assert (sums.taken, sums.committed, sums.in_core, sums.lost_recorded) == (4, 3, 3, 1)
    assert (sums.taken_minor, sums.lost_minor) == (1449, 999)


def effect_of(one: Receipt, count: int) -> Callable[[Evidence], Evidence]:
    return lambda good: replace(good, core={**good.core, core_effect(one): count})


def fate_of(one: Receipt, fate: str) -> Callable[[Evidence], Evidence]:
    return lambda good: replace(good, fates={**good.fates, one.event.id: fate})


@pytest.mark.parametrize(
    ("spoil", "figure"),
    [
        (effect_of(REPORTED, 2), "duplicated"),
        (effect_of(PAID, 2), "duplicated"),
        (lambda good: replace(good, core={("requests", "REF-77"): 1, **good.core}), "unexpected"),
        (fate_of(LOST, "unknown"), "lost_unexplained"),
        (fate_of(LOST, "quarantined"), "lost_unexplained"),
        (fate_of(PAID, "discarded"), "lost_unexplained"),
        (lambda good: replace(good, fates={}), "lost_unexplained"),
    ],
)
def test_reconciliation_with_something_missing_or_too_much_fails(
    spoil: Callable[[Evidence], Evidence], figure: str
) -> None:
    sums = add_up(spoil(GOOD))
    assert getattr(sums, figure) > 0
    assert not sums.adds_up


def test_reconciliation_where_the_core_lacks_a_committed_event_fails() -> None:
    core = {effect: count for effect, count in GOOD.core.items() if effect != core_effect(REPORTED)}
    sums = add_up(replace(GOOD, core=core))
    assert sums.in_core == sums.committed - 1
    assert not sums.adds_up


@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: replace(good, core_minor=451),
        lambda good: replace(good, ledger_minor=449),
        lambda good: replace(good, ledger_clean=False),
        lambda good: replace(good, core_minor=600, ledger_minor=600),
    ],
)
def test_reconciliation_of_money_that_differs_anywhere_fails(spoil: Callable[[Evidence], Evidence]) -> None:
    sums = add_up(spoil(GOOD))
    assert not sums.ledger_balanced
    assert not sums.adds_up


class Register(Door):
    """A hub that knows one report and one ride."""

    def pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        match path:
            case "/v1/service-requests":
                yield {"reference": "REF-0", "event_id": IDS[3]}
            case "/v1/payments":
                yield {"device": "terminal-1", "subject": "5f", "counter": 7, "event_id": IDS[2]}
            case _:
                pytest.fail(path)


def test_ride_by_card_is_known_by_its_bus_card_and_deed() -> None:
    ride = replace(receipt(0, PAYMENT), named=False, reference=tap_reference("terminal-1", "5f", 7))
    copied = replace(ride, reference=tap_reference("terminal-2", "5f", 7))
    assert [one.event.id for one in identified(Register(port=1), [ride, copied])] == [IDS[2], IDS[0]]


def test_ride_that_costs_nothing_has_no_effect_at_the_core() -> None:
    free = replace(receipt(3, PAYMENT), event=replace(LOST.event, effect=None, amount_minor=0))
    fates = {**GOOD.fates, IDS[3]: "committed"}
    sums = add_up(replace(GOOD, receipts=(REPORTED, PAID, FEE, free), fates=fates))
    assert sums.adds_up
    assert (sums.committed, sums.in_core, sums.taken_minor) == (4, 4, 450)


def test_receipt_of_a_kiosk_is_known_by_its_reference_and_else_by_its_place_alone() -> None:
    known, unknown = (replace(receipt(number, REPORT), named=False) for number in (0, 1))
    found = identified(Register(port=1), [known, unknown, PAID])
    assert [one.event.id for one in found] == [IDS[3], IDS[1], IDS[1]]
    assert [one.seq for one in found] == [1, 2, 2]
