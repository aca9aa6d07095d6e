"""A town's desk for tests: the hub's own key ring, database and relay; the card is a program."""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Table

from card_reader.apdu.outcome import Doubt, Heard, NotSent, Unknown
from card_reader.transport.port import NotSentError, Transport, UnansweredError
from card_reader.virtual_card.card import VirtualCard, blank
from card_reader.virtual_card.faults import Field, Plan
from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.triggers import create_all
from hub.db.unit_of_work import Rules
from hub.db.writer import Writer
from hub.domain.cards.orders import Order
from hub.domain.cards.verdict import Verdict
from hub.keys.card_keys import CardKeyRing
from hub.keys.card_names import card_names
from hub.keys.card_pins import PinDigests
from hub.keys.files import TwinFolder
from hub.keys.vault import KeyVault
from hub.relay.deed_book import HubDeedBook
from hub.relay.lost_cards import LostCards
from hub.relay.pin_book import HubPinBook
from hub.relay.relay import Next, Relay
from shared.model.errors import TransientError
from shared.model.fares import Fares
from shared.model.ids import new_event_id
from tests.support.cards import Held, Town, no_wait, tariff
from tests.support.hub_database import NOW_MS, rows

DESK = "desk-1"
SUBJECT = card_names(bytes(range(32)))
ISSUE: dict[str, Any] = {
    "do": "issue",
    "category": 1,
    "category_until": 0,
    "valid_until": 9_000,
    "lowest_minor": -200,
}

PASS, TICKET = 20, 30
FARES: dict[str, Any] = {
    "products": [
        {"product": "1", "name": {"es": "Billete"}, "amount_minor": 130, "currency": "EUR"},
        {
            "product": str(PASS),
            "name": {"es": "Abono mensual"},
            "amount_minor": 3_000,
            "currency": "EUR",
            "card": {"days": 30, "zones": [1, 2]},
        },
        {
            "product": str(TICKET),
            "name": {"es": "Bono de 10 viajes"},
            "amount_minor": 850,
            "currency": "EUR",
            "card": {"rides": 10},
        },
    ],
    "tap": tariff().to_data(),
}
"""What the town sells at desks: a pass of 30 days, and a ticket of ten rides."""


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS
        self.monotonic_s = 0.0


class Office:
    """A hub's part that serves desks, and one desk.

    Args:
        folder: of the test.
        url: of a database that is there already; else one is made in the folder.
        vault: where the card keys are; else in files.
    """

    def __init__(self, folder: Path, url: str = "", vault: KeyVault | None = None) -> None:
        self.random = Random(7)
        self.clock = Clock()
        self.ring = CardKeyRing(TwinFolder(folder / "keys", folder / "copy"), vault)
        self.digests = PinDigests(TwinFolder(folder / "keys", folder / "copy"))
        self.ring.make()
        self._url = url or sqlite_url(folder / "hub.db")
        if not url:
            engine = open_writer(self._url)
            with engine.begin() as connection:
                create_all(connection)
            engine.dispose()
        self.woken = 0
        self.form = 1
        self.fares: Fares | None = Fares.from_data(FARES)
        self.published: list[str] = []
        self.press_is_away = False
        self.start()

    def start(self) -> None:
        """Begin a life of the hub: talks of the one before are gone."""
        self.writer = Writer(open_writer(self._url), open_reader(self._url))
        self.book = HubDeedBook(
            self.writer,
            self.ring,
            rules=Rules(),
            clock=lambda: self.clock.now_ms,
            work_committed=self._wake,
            publish_denied=self._publish,
        )
        self.pins = HubPinBook(self.writer, self.digests, lambda: self.clock.now_ms)
        self.relay = Relay(
            self.ring,
            self.book,
            pins=self.pins,
            subject=SUBJECT,
            clock=lambda: self.clock.now_ms,
            fares=lambda _: self.fares,
            form=self.form,
            monotonic_s=lambda: self.clock.monotonic_s,
        )
        self.lost_cards = LostCards(self.writer, self.pins, lambda: self.clock.now_ms, self._publish)

    def close(self) -> None:
        self.writer.close()

    def blank(self) -> VirtualCard:
        return VirtualCard(blank(b"\x04" + self.random.randbytes(6)), self.random.randbytes)

    def order(self, **asked: Any) -> Order:  # noqa: ANN401  members of several types, by name
        said = {"id": new_event_id(NOW_MS, self.random.randbytes(10)), "who": "ana", **asked}
        return Order.from_data(said)

    def ask(self, card: VirtualCard, plan: Plan | None = None, **asked: Any) -> Verdict:  # noqa: ANN401
        """Hold a card to the desk's reader once, with an order."""
        return self.hold(card, self.order(**asked), plan)

    def hold(self, card: VirtualCard, order: Order, plan: Plan | None = None, kind: str = "desk") -> Verdict:
        field = Field(card, no_wait)
        field.present(plan or Plan())
        self.commands = 0
        step = self.relay.begin(DESK, kind, card.memory.uid, order)
        while isinstance(step, Next):
            self.commands += 1
            step = self.relay.heard(DESK, step.talk, step.n, heard(Held(field), step.command))
        assert isinstance(step, Verdict)
        return step

    def issued(self, balance_minor: int = 0) -> VirtualCard:
        card = self.blank()
        assert self.ask(card, **ISSUE).said == "done"
        if balance_minor:
            assert self.ask(card, do="top_up", amount_minor=balance_minor).said == "done"
        return card

    def rows(self, table: Table) -> list[Mapping[str, Any]]:
        with self.writer.read() as connection:
            return list(rows(connection, table))

    def _publish(self, who: str) -> None:
        if self.press_is_away:
            raise TransientError("the database takes too long; repeat")
        self.published.append(who)

    def _wake(self) -> None:
        self.woken += 1


class RingTown(Town):
    """A town whose terminals have the keys of a hub's ring."""

    def __init__(self, office: Office) -> None:
        super().__init__(11)
        self._ring = office.ring

    def key(self, card_uid: bytes, number: int) -> bytes:
        return self._ring.card_key(card_uid, number, 1)


def heard(transport: Transport, command: bytes) -> Heard:
    try:
        return transport.transmit(command)
    except NotSentError:
        return NotSent()
    except UnansweredError:
        return Unknown(Doubt.NO_ANSWER)
