"""The ledger against a simple model: whatever comes, in whatever order and grouping, the books are right.

The model keeps one number per account and knows nothing of keys, batches or tables.
"""

import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from hub.db import tables
from hub.db.ledger_audit import audit
from hub.db.unit_of_work import UnitOfWork
from hub.domain.payments.accounts import PURSE_FLOOR_MINOR
from hub.usecases.take_event import gather, take
from shared.model.errors import InputError
from shared.model.event import Event
from tests.support.hub_database import NOW_MS, Street, fresh_database, transaction

CARDS = st.sampled_from(["card-1", "card-2", "card-3"])
COUNTERS = st.integers(1, 8)
AMOUNTS = st.integers(1, 900)
UNDOING = {"payment.reversed", "tap.cancelled"}
"""Who undoes is not undone."""
BUSES = st.sampled_from([0, 1])


@dataclass
class Model:
    """What the books should say, kept the plain way."""

    balances: Counter[str] = field(default_factory=Counter[str])
    seen: dict[tuple[str, str], Event] = field(default_factory=dict[tuple[str, str], Event])
    moved: dict[tuple[str, str], list[tuple[str, str, int]]] = field(
        default_factory=dict[tuple[str, str], list[tuple[str, str, int]]]
    )
    undone: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    counters: set[tuple[str, object]] = field(default_factory=set[tuple[str, object]])
    told: int = 0

    def take(self, event: Event) -> bool:
        """Book an event; tell whether it is acceptable."""
        name = (event.device, event.id)
        if name in self.seen:
            return self.seen[name].data == event.data
        match event.type:
            case "payment.reversed":
                target = (event.device, str(event.data["reverses"]))
                moved = self.moved.get(target)
                if not moved or target in self.undone or self.seen[target].type in UNDOING:
                    return False
                self.undone.add(target)
                back: list[tuple[str, str, int]] = []
                for source, sink, minor in moved:
                    is_purse = sink.startswith("purse:")
                    back += self.draw(sink, source, minor) if is_purse else [(sink, source, minor)]
                told = True
            case "tap.charged" | "purse.credited":
                back, told = self.card_event(event)
            case "tap.cancelled":
                cancelled = self.cancelled(event)
                if cancelled is None:
                    return False
                back, told = cancelled
            case _:
                back, told = [("clearing:card", "revenue:fees:basuras", _minor(event))], True
        self.seen[name], self.moved[name] = event, back
        self.told += told
        for source, sink, minor in back:
            self.balances[source] -= minor
            self.balances[sink] += minor
        return True

    def card_event(self, event: Event) -> tuple[list[tuple[str, str, int]], bool]:
        """A tap or a credit, the first under its counter or not."""
        counter = (str(event.subject), event.data["counter"])
        repeated, purse = counter in self.counters, f"purse:{event.subject}"
        self.counters.add(counter)
        if event.type == "purse.credited":
            sink = "suspense" if repeated else purse
            return [(f"device_cash:{event.device}", sink, _minor(event))], not repeated
        return ([], False) if repeated else (self.draw(purse, "revenue:transport", _minor(event)), True)

    def cancelled(self, event: Event) -> tuple[list[tuple[str, str, int]], bool] | None:
        """A tap that was undone; None where it cannot have been."""
        counter = (str(event.subject), event.data["counter"])
        if counter in self.counters:
            return [], False
        target = (event.device, str(event.data["reverses"]))
        moved = self.moved.get(target)
        if moved is None or target in self.undone or self.seen[target].type != "tap.charged":
            return None
        if self.seen[target].subject != event.subject:
            return None
        if moved and sum(minor for _, _, minor in moved) != _minor(event):
            return None
        self.counters.add(counter)
        self.undone.add(target)
        return [(sink, source, minor) for source, sink, minor in moved], bool(moved)

    def draw(self, purse: str, sink: str, minor: int) -> list[tuple[str, str, int]]:
        """Take from a purse down to its floor, and the rest from the town's risk."""
        covered = min(minor, max(self.balances[purse] - PURSE_FLOOR_MINOR, 0))
        parts = [(purse, sink, covered), ("offline_risk", sink, minor - covered)]
        return [part for part in parts if part[2]]


def _minor(event: Event) -> int:
    minor = event.data["amount_minor"]
    assert isinstance(minor, int)
    return minor


class Ledger(RuleBasedStateMachine):
    """Events are reported, wait in a group, and are taken together; any of them may come again."""

    events = Bundle("events")

    @initialize()
    def open(self) -> None:
        self.engine = fresh_database()
        self.buses = [Street(device="bus-0"), Street(device="bus-1")]
        self.model = Model()
        self.group: list[Event] = []
        self.was_taken = False

    @rule(target=events, bus=BUSES, card=CARDS, counter=COUNTERS, minor=AMOUNTS)
    def tap(self, bus: int, card: str, counter: int, minor: int) -> Event:
        return self.report(self.buses[bus].tap(card, counter, minor))

    @rule(target=events, bus=BUSES, card=CARDS, counter=COUNTERS, minor=AMOUNTS)
    def credit(self, bus: int, card: str, counter: int, minor: int) -> Event:
        return self.report(self.buses[bus].credit(card, counter, minor))

    @rule(target=events, bus=BUSES, minor=AMOUNTS)
    def pay(self, bus: int, minor: int) -> Event:
        return self.report(self.buses[bus].payment(minor))

    @rule(target=events, of=events)
    def reverse(self, of: Event) -> Event:
        return self.report(self.buses[int(of.device[-1])].reversal(of))

    @rule(target=events, of=events, card=CARDS, counter=COUNTERS, minor=AMOUNTS, is_true=st.booleans())
    def cancel(self, of: Event, card: str, counter: int, minor: int, *, is_true: bool) -> Event:
        is_card = is_true and of.subject is not None and "amount_minor" in of.data
        of = of if is_card else replace(of, subject=card)
        back = _minor(of) if is_card else minor
        return self.report(self.buses[int(of.device[-1])].cancel(of, counter, back))

    @rule(event=events)
    def come_again(self, event: Event) -> None:
        self.report(event)

    @rule(event=events, minor=AMOUNTS)
    def come_again_with_another_body(self, event: Event, minor: int) -> None:
        if "amount_minor" in event.data:
            self.report(replace(event, data={**event.data, "amount_minor": minor}))

    @rule(event=events)
    def come_from_a_clone(self, event: Event) -> None:
        other = self.buses[1 - int(event.device[-1])].device
        self.report(replace(event, device=other))

    @rule(turn=st.randoms(use_true_random=False))
    def arrive_in_another_order(self, turn: random.Random) -> None:
        turn.shuffle(self.group)

    @rule(ahead=st.booleans())
    def take(self, *, ahead: bool) -> None:
        with transaction(self.engine) as connection:
            uow = UnitOfWork(connection)
            if ahead:
                gather(self.group, uow)
            for event in self.group:
                is_fine = self.model.take(event)
                try:
                    take(event, uow, NOW_MS)
                except InputError:
                    assert not is_fine, event
                else:
                    assert is_fine, event
            uow.flush()
        self.group.clear()
        self.was_taken = True

    @rule(statement=st.sampled_from(["UPDATE posting SET amount_minor = 1", "DELETE FROM journal"]))
    def tamper(self, statement: str) -> None:
        if self.model.moved and any(self.model.moved.values()):
            with pytest.raises(DBAPIError, match="it is a record"), transaction(self.engine) as connection:
                connection.execute(text(statement))

    @invariant()
    def books_are_right(self) -> None:
        if not self.was_taken:
            return
        self.was_taken = False
        with transaction(self.engine) as connection:
            report = audit(connection)
            stored = connection.execute(select(tables.account.c.code, tables.account.c.balance_minor)).all()
            told = connection.execute(select(tables.outgoing.c.effect_key)).all()
        assert report.is_clean
        assert report.entries == len(self.model.moved)
        assert Counter({row.code: row.balance_minor for row in stored}) == self.model.balances
        assert all(row.balance_minor >= PURSE_FLOOR_MINOR for row in stored if row.code.startswith("purse:"))
        assert len(told) == self.model.told

    def report(self, event: Event) -> Event:
        self.group.append(event)
        return event

    def teardown(self) -> None:
        self.engine.dispose()


Ledger.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLedger = Ledger.TestCase
