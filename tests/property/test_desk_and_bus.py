"""One card between a desk and a bus, in random order, torn anywhere: no money is lost, none counts twice."""

from pathlib import Path
from random import Random

import pytest

from card_reader.virtual_card.faults import Plan
from hub.db.card_deed_tables import card_deed
from hub.db.tables import account, journal
from hub.domain.cards.verdict import Said
from tests.support.cards import MemoryBook, journal_of, purse_of, tap_once
from tests.support.desk import Office, RingTown
from tests.support.hub_database import NOW_MS

STEPS = 60
COMMANDS = 16
UNSETTLED = {Said.UNKNOWN, Said.REMOVED}


def some_order(random: Random) -> dict[str, object]:
    amount_minor = random.randrange(1, 1_500)
    return random.choice(
        [
            {"do": "read"},
            {"do": "top_up", "amount_minor": amount_minor},
            {"do": "top_up", "amount_minor": amount_minor, "method": "card"},
            {"do": "charge", "amount_minor": amount_minor, "concept": "piscina", "reference": "IMD-7"},
            {"do": "sell", "product": 20, "paid_by": random.choice(["cash", "purse"]), "first_day": 0},
            {"do": "sell", "product": 30, "paid_by": random.choice(["card", "purse"]), "first_day": 0},
            {"do": "block"},
            {"do": "unblock"},
        ]
    )


def some_plan(random: Random) -> Plan:
    at = random.randrange(1, COMMANDS)
    return random.choice(
        [
            Plan(),
            Plan(tear_at=at),
            Plan(tear_at=at, after=True),
            Plan(mute_at=at),
            Plan(wrong_mac_at=at),
            Plan(replay_at=at),
        ]
    )


@pytest.mark.parametrize("seed", range(6))
def test_money_of_a_card_is_conserved_between_desk_and_bus(tmp_path: Path, seed: int) -> None:
    office, random, bus = Office(tmp_path), Random(seed), MemoryBook()
    town, card = RingTown(office), office.issued(2_000)
    now_s = NOW_MS // 1000
    for _ in range(STEPS):
        now_s += random.randrange(60, 7_200)
        office.clock.now_ms = now_s * 1000
        if random.random() < 0.4:
            tap_once(town, card, bus, plan=some_plan(random), now_s=now_s)
        elif random.random() < 0.1:
            office.close()
            office.start()
        else:
            order = office.order(**some_order(random))
            said = office.hold(card, order, some_plan(random)).said
            if said in UNSETTLED and random.random() < 0.7:
                assert office.hold(card, order).said not in UNSETTLED
        records = journal_of(card)
        assert records[-1].balance_minor == purse_of(card)
        assert records[-1].counter - records[0].counter == len(records) - 1
    office.ask(card, do="read")
    tap_once(town, card, bus, now_s=now_s + 86_400)
    check(office, bus, purse_of(card), journal_of(card)[-1].counter)
    office.close()


def check(office: Office, bus: MemoryBook, purse_minor: int, counter: int) -> None:
    """What the desk booked and what the bus took is what the purse has; each counter was used once."""
    taken = -sum(intent.record.amount_minor for intent, _ in bus.booked)
    (booked,) = (row["balance_minor"] for row in office.rows(account) if row["kind"] == "purse")
    assert booked - taken == purse_minor
    rides = [intent.record.counter for intent, _ in bus.booked]
    deeds = [row["counter"] for row in office.rows(journal)]
    assert sorted(rides + deeds) == list(range(1, counter + 1))
    assert {row["state"] for row in office.rows(card_deed)} <= {"happened", "never"}
    assert not bus.for_a_clerk
