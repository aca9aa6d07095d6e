"""Where charges go, and what takes one back: the device's outbox, by way of the teller that seals to the hub.

What the town's lists say of a card goes along; what happened is taken whatever they say.
"""

import threading
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Final

from card_reader.citizen_card.journal import Record
from card_reader.owner.charge import Charge
from shared.edge.errors import OutcomeUnknownError
from shared.edge.happenings import Happening, happening
from shared.edge.main import Device
from shared.edge.teller import CitizenSession
from shared.model.event import EventType
from shared.model.money import EURO
from shared.model.payment import DenyListWord

TAKE_S: Final = 5.0
"""How long the card's thread waits for the outbox's disk; then the charge is kept in the book."""
FIND_S: Final = 10.0
CONTEXT_MS: Final = 3_600_000
"""Strangers who follow one another at a reader share a sealing context for so long."""


class OutboxTill:
    """Hands charges to the outbox; implements `owner.book.Till`. Any thread may call.

    Args:
        device: running.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._lock = threading.Lock()
        self._session: CitizenSession | None = None
        self._until_ms = 0

    def new_event_id(self) -> str:
        """Draw the id of an event."""
        return self._device.teller.new_event_id()

    def hand_in(self, charge: Charge) -> None:
        """Make a charge's event durable.

        Raises:
            VentanillaError: it was not taken, or nobody knows.
        """
        cards = self._device.contents.cards()
        is_list_old = cards is not None and cards.expired
        self._current().take(tap_event(charge, is_list_old=is_list_old), TAKE_S)

    def has(self, event_id: str) -> bool:
        """Tell whether the outbox holds an event.

        Raises:
            VentanillaError: it cannot be asked now.
        """
        try:
            return self._device.runtime.find(event_id).result(FIND_S)
        except FutureTimeoutError:
            raise OutcomeUnknownError(OutcomeUnknownError.__doc__) from None

    def _current(self) -> CitizenSession:
        with self._lock:
            now_ms = self._device.clock.uptime_ms()
            if self._session is None or now_ms >= self._until_ms:
                self._session = self._device.teller.session()
                self._until_ms = now_ms + CONTEXT_MS
            return self._session


def tap_event(charge: Charge, *, is_list_old: bool) -> Happening:
    """Return the event of a charge.

    Args:
        charge: what happened.
        is_list_old: the deny list was too old to rely on.

    Raises:
        InputError: the record says what no event may.
    """
    record, proof = charge.record, charge.proof
    data: dict[str, Any] = {
        "counter": record.counter,
        "amount_minor": abs(record.amount_minor),
        "currency": EURO,
        "passengers": record.passengers,
        "record": record.to_bytes().hex(),
        **(_tap(record) if charge.reverses is None else {"reverses": charge.reverses}),
        **({} if proof is None else {"seal": proof.mac.hex()}),
        **({"deny_list": DenyListWord.EXPIRED.value} if is_list_old else {}),
    }
    return happening(
        _type(charge),
        data,
        event_id=charge.event_id,
        subject=charge.card.hex(),
        at_ms=record.at_s * 1000 if charge.is_late else None,
    )


def _type(charge: Charge) -> EventType:
    if charge.is_undecided:
        return EventType.TAP_UNDECIDED
    return EventType.TAP_CHARGED if charge.reverses is None else EventType.TAP_CANCELLED


def _tap(record: Record) -> dict[str, str]:
    """By what they ride, and where; what takes a tap back has the tap's."""
    place = {"line": str(record.line), "stop": str(record.stop), "zone": str(record.zone)}
    return {"product": str(record.product), **place}
