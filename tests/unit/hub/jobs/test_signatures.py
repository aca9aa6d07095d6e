"""No payment is settled that its device does not vouch for."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, insert, select

from card_reader.citizen_card.journal import Deed, Record, terminal_number
from hub.core.port import Done, Effect, Result, Undecidable
from hub.db import migrate, tables
from hub.db.card_deed_repository import DeedState
from hub.db.card_deed_tables import card_deed
from hub.db.card_repository import CardRepository
from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.writer import Writer
from hub.domain.cards.register import Card
from hub.jobs.signatures import SIGNATURE, SignedSettlements
from hub.keys.records import DeviceEnrolled
from hub.keys.registry import Registry
from shared.model.event import Stream
from shared.model.ids import effect_key, new_event_id
from shared.protocol.signing import LineSigner
from tests.support.card_register import some_card
from tests.support.hub_database import NOW_MS
from tests.support.signed_taps import SealMasters, seal_of

EPOCH = "9f3c2a1b"
PLAIN = b'{"seq":1,"id":"x","type":"tap.charged"}'
CARD = some_card()
TOP_UP = Record(
    deed=Deed.TOPPED_UP,
    counter=2,
    at_s=NOW_MS // 1000,
    terminal=terminal_number("desk-1"),
    mark=b"mark",
    amount_minor=1_000,
    balance_minor=1_000,
)


@dataclass
class Settled:
    """A core that takes everything."""

    name: str = "settlements"
    batch_max: int = 100
    parallel_max: int = 2
    keys: list[UUID] = field(default_factory=list[UUID])
    closed: bool = False

    async def deliver(self, effects: Sequence[Effect]) -> Sequence[Result]:
        assert effects
        self.keys += [effect.key for effect in effects]
        return [Done(core_ref=f"S-{effect.key}") for effect in effects]

    async def close(self) -> None:
        self.closed = True


class Office:
    """A registry with one device, and a database with its payments."""

    def __init__(self, folder: Path) -> None:
        url = sqlite_url(folder / "hub.db")
        migrate.upgrade(url)
        self.writer = Writer(open_writer(url), open_reader(url))
        Registry.create(folder / "keys", None, NOW_MS)
        self.registry = Registry.open(folder / "keys", None, clock=lambda: NOW_MS)
        self.core = Settled()
        self.gate = SignedSettlements(self.core, self.writer, self.registry, SealMasters(), lambda: NOW_MS)
        self._count = 0

    def enrol(self, device: str = "bus-7") -> LineSigner:
        """The device gets keys, once more if it has some."""
        key = Ed25519PrivateKey.generate()
        self.registry.record(
            DeviceEnrolled(
                token_hash="",
                request_hash="",
                device=device,
                kind="terminal",
                site="",
                k_up="00" * 32,
                k_down="11" * 32,
                signing=key.public_key().public_bytes_raw().hex(),
                serial="1",
                expires_ms=NOW_MS + 1,
                certificate="",
            )
        )
        return LineSigner(device, key)

    def payment(self, line: bytes, device: str = "bus-7") -> Effect:
        """A payment was taken by this line."""
        self._count += 1
        event_id = new_event_id(NOW_MS, self._count.to_bytes(10, "big"))
        key = effect_key(device, event_id, "payment")
        where = {"device": device, "event_id": event_id}
        row = {"stream": "payments", "epoch": EPOCH, "seq": self._count, "type": "tap.charged"}
        row |= {"body_hash": b"", "line": line, "received_ms": NOW_MS}
        work = {"effect_key": str(key), "connector": "settlements", "aggregate": "a", "body": "{}"}
        work |= {"due_ms": NOW_MS, "created_ms": NOW_MS}

        def job(connection: Connection) -> None:
            connection.execute(insert(tables.inbox).values({**where, **row}))
            connection.execute(insert(tables.outgoing).values({**where, **work}))

        self.writer.run(job)
        return Effect(key=key, aggregate="a", body={})

    def deed(
        self, record: Record, mac: bytes | None, said: Card = CARD, state: DeedState = DeedState.HAPPENED
    ) -> Effect:
        """Something was done with a card at a desk."""
        self._count += 1
        order_id = new_event_id(NOW_MS, self._count.to_bytes(10, "big"))
        key = effect_key("desk-1", order_id, "payment")
        row = {"id": order_id, "device": "desk-1", "subject": said.subject, "uid": said.uid}
        row |= {"counter": record.counter, "asked": {}, "record": record.to_bytes(), "mac": mac}
        row |= {"state": state.value, "at_ms": NOW_MS}
        work = {"effect_key": str(key), "connector": "settlements", "aggregate": "a", "body": "{}"}
        work |= {"device": "desk-1", "event_id": order_id, "due_ms": NOW_MS, "created_ms": NOW_MS}

        def job(connection: Connection) -> None:
            if CardRepository(connection).find_number(said.uid) is None:
                CardRepository(connection).register(said)
            connection.execute(insert(card_deed).values(row))
            connection.execute(insert(tables.outgoing).values(work))

        self.writer.run(job)
        return Effect(key=key, aggregate="a", body={})

    def deliver(self, *effects: Effect) -> Sequence[Result]:
        return asyncio.run(self.gate.deliver(effects))

    def cases(self) -> list[tuple[str, str | None]]:
        with self.writer.read() as connection:
            rows = connection.execute(select(tables.exception.c.kind, tables.exception.c.device))
            return [(kind, device) for kind, device in rows]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.writer.close()
    office.registry.close()


def signed(signer: LineSigner, stream: str = Stream.PAYMENTS, epoch: str = EPOCH) -> bytes:
    return signer.sign(stream, epoch, PLAIN)


def test_payments_that_are_vouched_for_are_settled_in_their_order(office: Office) -> None:
    signer = office.enrol()
    effects = [office.payment(signed(signer)) for _ in range(3)]
    results = office.deliver(*effects)
    assert [r.core_ref for r in results if isinstance(r, Done)] == [f"S-{e.key}" for e in effects]
    assert office.core.keys == [effect.key for effect in effects]
    assert (office.gate.checked, office.gate.refused, office.cases()) == (3, 0, [])


def test_payment_signed_before_the_device_was_enrolled_again_is_settled(office: Office) -> None:
    old = office.enrol()
    office.enrol()
    assert isinstance(office.deliver(office.payment(signed(old)))[0], Done)


def test_payment_of_a_device_that_was_revoked_since_is_settled(office: Office) -> None:
    effect = office.payment(signed(office.enrol()))
    office.registry.revoke("bus-7", "stolen")
    assert isinstance(office.deliver(effect)[0], Done)


def test_payment_that_nobody_vouches_for_waits_for_a_clerk_and_the_others_are_settled(
    office: Office,
) -> None:
    signer, stranger = office.enrol(), LineSigner("bus-7", Ed25519PrivateKey.generate())
    good = signed(signer)
    bad = [
        office.payment(PLAIN),
        office.payment(signed(stranger)),
        office.payment(good.replace(b"tap", b"cap")),
        office.payment(signed(signer, epoch="00000000")),
        office.payment(signed(signer, stream=Stream.CASES)),
        office.payment(good[:-40] + bytes([good[-40] ^ 1]) + good[-39:]),
        Effect(key=effect_key("bus-7", new_event_id(NOW_MS, bytes(10)), "payment"), aggregate="a", body={}),
    ]
    kept = office.payment(good)
    results = office.deliver(bad[0], kept, *bad[1:])
    assert isinstance(results[1], Done)
    assert office.core.keys == [kept.key]
    assert all(isinstance(result, Undecidable) for result in (results[0], *results[2:]))
    assert office.cases() == [(SIGNATURE, "bus-7")] * 6 + [(SIGNATURE, None)]
    assert office.gate.refused == 7


def test_payment_of_a_device_that_was_never_enrolled_waits_for_a_clerk(office: Office) -> None:
    signer = LineSigner("ghost", Ed25519PrivateKey.generate())
    (result,) = office.deliver(office.payment(signed(signer), device="ghost"))
    assert isinstance(result, Undecidable)
    assert office.core.keys == []


def test_deed_at_a_desk_is_settled_by_its_card_s_own_signature(office: Office) -> None:
    (result,) = office.deliver(office.deed(TOP_UP, seal_of(CARD, TOP_UP)))
    assert isinstance(result, Done)
    assert (office.gate.checked, office.gate.refused, office.cases()) == (1, 0, [])


def test_deed_at_a_desk_that_its_card_did_not_sign_waits_for_a_clerk(office: Office) -> None:
    mac = seal_of(CARD, TOP_UP)
    more = replace(TOP_UP, amount_minor=TOP_UP.amount_minor + 1)
    bad = [
        office.deed(TOP_UP, bytes([mac[0] ^ 1]) + mac[1:]),
        office.deed(more, mac),
        office.deed(TOP_UP, None),
        office.deed(replace(TOP_UP, counter=3), mac),
        office.deed(TOP_UP, seal_of(CARD, TOP_UP, bytes(16))),
        office.deed(TOP_UP, mac, state=DeedState.CLERK),
    ]
    assert all(isinstance(result, Undecidable) for result in office.deliver(*bad))
    assert (office.core.keys, office.gate.refused) == ([], len(bad))
    assert office.cases() == [(SIGNATURE, None)] * len(bad)


def test_gate_looks_like_the_connector_behind_it(office: Office) -> None:
    assert (office.gate.name, office.gate.batch_max, office.gate.parallel_max) == ("settlements", 100, 2)
    asyncio.run(office.gate.close())
    assert office.core.closed
