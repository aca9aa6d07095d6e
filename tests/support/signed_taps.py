"""Taps as cards sign them, in a hub's inbox; the lines are not sealed, so that a test can change a byte."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Connection, insert

from card_reader.citizen_card import layout
from card_reader.citizen_card.journal import Deed, Record, terminal_number
from card_reader.citizen_card.sealing import signed_input
from card_reader.desfire.crypto import short_mac
from card_reader.desfire.transaction_mac import transaction_keys
from hub.db import tables
from hub.domain.cards.register import Card
from shared.model.event import Event, Stream
from shared.model.ids import new_event_id
from shared.protocol.delivery import HubEpoch
from tests.support.hub_database import NOW_MS

SEAL_MASTER: Final = bytes(range(16))
EPOCH: Final = "9f3c2a1b"


@dataclass(frozen=True)
class SealMasters:
    """Keys of seals in memory; implements `SealKeys`."""

    masters: Mapping[int, bytes] = field(default_factory=lambda: {1: SEAL_MASTER})

    def seal_key(self, card_uid: bytes, version: int) -> bytes | None:
        master = self.masters.get(version)
        return None if master is None else layout.card_key(master, card_uid, layout.SEAL_KEY)


def ride(
    device: str, counter: int, *, amount_minor: int = 150, mark: bytes = b"mark", at_ms: int = NOW_MS
) -> Record:
    """The record of a ride."""
    return Record(
        deed=Deed.RIDE,
        counter=counter,
        at_s=at_ms // 1000,
        terminal=terminal_number(device),
        mark=mark,
        line=4,
        stop=12,
        zone=1,
        passengers=1,
        product=1,
        amount_minor=-amount_minor,
        balance_minor=1000 - amount_minor,
    )


def seal_of(card: Card, record: Record, master: bytes = SEAL_MASTER) -> bytes:
    """The signature of the card under a record."""
    key = layout.card_key(master, card.uid, layout.SEAL_KEY)
    return short_mac(transaction_keys(key, record.counter, card.uid).signing, signed_input(record))


def tap_data(record: Record, seal: bytes | None) -> dict[str, Any]:
    """What a terminal says of a ride."""
    return {
        "counter": record.counter,
        "amount_minor": -record.amount_minor,
        "currency": "EUR",
        "product": str(record.product),
        "line": str(record.line),
        "stop": str(record.stop),
        "zone": str(record.zone),
        "passengers": record.passengers,
        "record": record.to_bytes().hex(),
        **({} if seal is None else {"seal": seal.hex()}),
    }


@dataclass
class Terminal:
    """A terminal that reports rides: events with ids that never repeat."""

    device: str = "bus-7"
    seq: int = 0

    def rides(self, card: Card, counter: int, **other: Any) -> Event:  # noqa: ANN401  of a record
        """A genuine ride."""
        record = ride(self.device, counter, **other)
        return self.says(card.subject, tap_data(record, seal_of(card, record)), record.at_s * 1000)

    def knows_not(self, card: Card, counter: int, **other: Any) -> Event:  # noqa: ANN401  of a record
        """A ride of which the terminal does not know whether it happened."""
        record = ride(self.device, counter, **other)
        return self.says(card.subject, tap_data(record, None), record.at_s * 1000, "tap.undecided")

    def says(
        self, subject: str, data: Mapping[str, Any], time_ms: int = NOW_MS, kind: str = "tap.charged"
    ) -> Event:
        """Anything."""
        self.seq += 1
        return Event(
            device=self.device,
            stream=Stream.PAYMENTS,
            epoch=EPOCH,
            seq=self.seq,
            id=new_event_id(NOW_MS, self.device.encode()[:2].ljust(2) + self.seq.to_bytes(8, "big")),
            type=kind,
            time_ms=time_ms,
            boot=1,
            uptime_ms=self.seq,
            clock_age_s=0,
            subject=subject,
            data=data,
            line=b"",
        )


def put_into_inbox(connection: Connection, event: Event, received_ms: int = NOW_MS) -> None:
    """The hub has the event's line."""
    said = {"subject": event.subject, "time_ms": event.time_ms, "data": event.data, "type": event.type}
    connection.execute(
        insert(tables.inbox).values(
            device=event.device,
            event_id=event.id,
            stream=event.stream.value,
            epoch=event.epoch,
            seq=event.seq,
            type=event.type,
            body_hash=b"",
            line=json.dumps(said).encode(),
            received_ms=received_ms,
        )
    )


@dataclass(frozen=True)
class Read:
    """A line that was understood, or not."""

    event: Event | None


class PlainOpener:
    """Opens lines of `put_into_inbox`."""

    def read(self, device: str, here: HubEpoch, seq: int, raw: bytes, contexts: Mapping[str, str]) -> Read:
        try:
            said = json.loads(raw)
        except ValueError:
            return Read(None)
        plain = Terminal(device).says(said["subject"], said["data"], said["time_ms"], said["type"])
        return Read(replace(plain, epoch=here.epoch, seq=seq))
