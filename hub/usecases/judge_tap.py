"""Is a tap what its card signed? The terminal's word is held against the record, and that against the seal.

Rules:
- The record says counter, amount, terminal, line, stop, zone, product and passengers a second time. A
  terminal that says otherwise in its event has changed one of the two.
- The seal is the card's Transaction MAC over the record and what left the purse, under a key of that counter
  alone (`card_reader.desfire.transaction_mac`). Who holds no seal key makes none, and the same seal serves
  for no other counter, card or byte.
- What cannot be checked is not accused: it is `unsigned` or `unchecked`, and counted.

Not here: what is booked, which does not wait for this (`hub.usecases.take_event`), and what a clerk is told
(`hub.jobs.tap_seals`).
"""

from dataclasses import dataclass, replace

from card_reader.citizen_card.errors import CardDataError
from card_reader.citizen_card.journal import RIDES, Deed, Record, terminal_number
from card_reader.citizen_card.sealing import signed_input
from card_reader.desfire.transaction_mac import Committed, is_genuine
from hub.domain.cards.register import Card
from hub.domain.cards.taps import JudgedTap, SealKeys, TapVerdict
from hub.usecases.take_event import PAYMENT
from shared.model.errors import InputError
from shared.model.event import Event, EventType
from shared.model.ids import effect_key
from shared.model.instants import business_day
from shared.model.money import EURO
from shared.model.payment import TapCancelled, TapCharged, TapUndecided

Said = TapCharged | TapCancelled | TapUndecided

_MS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TapLine:
    """A line of the inbox, opened.

    Attributes:
        inbox_id: its place there.
        device: who wrote it.
        event_id: its event.
        received_ms: when the hub took it.
        event: what it says; None where it could not be opened.
    """

    inbox_id: int
    device: str
    event_id: str
    received_ms: int
    event: Event | None


def judge(line: TapLine, card: Card | None, keys: SealKeys | None) -> JudgedTap:
    """Say what is known of a tap.

    Args:
        line: of type `tap.charged`, `tap.cancelled` or `tap.undecided`.
        card: as the register has it, by the event's subject.
        keys: of seals; None where the hub holds none.
    """
    said = None if line.event is None else _said(line.event)
    if line.event is None or said is None:
        return _unreadable(line)
    event = line.event
    plain = JudgedTap(
        inbox_id=line.inbox_id,
        device=line.device,
        event_id=line.event_id,
        effect_key=str(effect_key(line.device, line.event_id, PAYMENT)),
        day=business_day(event.time_ms),
        line=said.line,
        subject=event.subject,
        counter=said.counter,
        mark=None,
        amount_minor=_taken_minor(said),
        currency=said.amount.currency,
        verdict=TapVerdict.UNSIGNED,
        at_ms=event.time_ms,
    )
    if said.record is None:
        return replace(plain, why="the terminal sent no record of the card")
    doubted = TapVerdict.UNDECIDED if isinstance(said, TapUndecided) else TapVerdict.FORGED
    try:
        record = Record.from_bytes(bytes.fromhex(said.record))
    except CardDataError:
        return replace(plain, verdict=doubted, why="its record is nothing that the town writes")
    plain = replace(plain, day=business_day(record.at_s * _MS), mark=record.mark, at_ms=record.at_s * _MS)
    if differs := _differs(line.device, said, record):
        return replace(plain, verdict=doubted, why=f"event and record differ in: {differs}")
    if isinstance(said, TapUndecided):
        return replace(plain, verdict=TapVerdict.UNDECIDED, why="its terminal does not know of it")
    return _by_seal(plain, said, record, card, keys)


def _by_seal(
    plain: JudgedTap, said: Said, record: Record, card: Card | None, keys: SealKeys | None
) -> JudgedTap:
    if keys is None:
        return replace(plain, verdict=TapVerdict.UNCHECKED, why="the hub holds no keys of cards")
    if card is None:
        return replace(plain, verdict=TapVerdict.UNKNOWN_CARD, why="the register has no such card")
    if said.seal is None:
        return replace(plain, why="the card's signature is missing")
    key = keys.seal_key(card.uid, card.seal_version)
    if key is None:
        why = f"the hub does not hold version {card.seal_version} of the key of signatures"
        return replace(plain, verdict=TapVerdict.UNCHECKED, why=why)
    proof = Committed(counter=said.counter, mac=bytes.fromhex(said.seal), input=signed_input(record))
    if is_genuine(key, card.uid, proof):
        return replace(plain, verdict=TapVerdict.GENUINE)
    return replace(plain, verdict=TapVerdict.FORGED, why="the card's signature does not hold")


def _said(event: Event) -> Said | None:
    try:
        if event.type == EventType.TAP_CANCELLED:
            return TapCancelled.from_data(event.data)
        if event.type == EventType.TAP_UNDECIDED:
            return TapUndecided.from_data(event.data)
        return TapCharged.from_data(event.data)
    except InputError:
        return None


def _taken_minor(said: Said) -> int:
    """What left the purse; below zero, what came back."""
    return said.amount.amount_minor if _is_ride(said) else -said.amount.amount_minor


def _is_ride(said: Said) -> bool:
    """Whether it is a tap, and not the taking back of one."""
    return isinstance(said, TapCharged) or (isinstance(said, TapUndecided) and said.reverses is None)


def _differs(device: str, said: Said, record: Record) -> str:
    """Name what the event says otherwise than the record; empty where they agree."""
    is_tap = _is_ride(said)
    pairs = {
        "counter": (said.counter, record.counter),
        "amount": (_taken_minor(said), -record.amount_minor),
        "currency": (said.amount.currency, EURO),
        "terminal": (terminal_number(device), record.terminal),
        "product": (None if isinstance(said, TapCancelled) else said.product, str(record.product)),
        "line": (said.line, str(record.line)),
        "stop": (said.stop, str(record.stop)),
        "zone": (said.zone, str(record.zone)),
        "passengers": (said.passengers, record.passengers),
        "deed": (record.deed in RIDES if is_tap else record.deed is Deed.CANCELLED, True),
    }
    told = {name: pair for name, pair in pairs.items() if pair[0] is not None}
    return ", ".join(name for name, (event, card) in told.items() if event != card)


def _unreadable(line: TapLine) -> JudgedTap:
    return JudgedTap(
        inbox_id=line.inbox_id,
        device=line.device,
        event_id=line.event_id,
        effect_key=str(effect_key(line.device, line.event_id, PAYMENT)),
        day=business_day(line.received_ms),
        line=None,
        subject=None,
        counter=None,
        mark=None,
        amount_minor=0,
        currency=EURO,
        verdict=TapVerdict.UNREADABLE,
        at_ms=line.received_ms,
        why="the line cannot be opened, or is no tap; it waits in quarantine",
    )
