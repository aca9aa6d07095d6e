"""One tap, from the card in the field to the light: a talk of at most eight commands.

    1 select   2, 3 authenticate   4 holder   5 newest record      what is on the card
               decide                                              core.decision
    6 debit    7 add the record                                    nothing counts yet
               remember the intent, durably                        core.book
    8 commit                                                       all of it counts, or none

Nothing is ever charged twice:

Rule 1. What is not committed does not count. Whatever goes wrong before the commit is sent costs nobody
        anything, and the card is simply held there again.
Rule 2. The intent is durable before the commit is sent. Where its answer does not come, nobody knows, and
        nothing is repeated: the passenger is asked to hold the card there again.
Rule 3. At the next presentation the card itself tells. Its record at the intent's counter is the intent's,
        or another's, or there is none. Only then is anything decided anew.
Rule 4. An intent that turns out to have happened a moment ago *is* this presentation: it is told, and
        nothing is charged.
Rule 5. After a power cut nobody knows whether the light was seen. A tap from before it that happened a moment
        ago is told again, whatever the driver keyed, before anything is charged.

Rule 6. A tap that the driver takes back is a deed as any other: one transaction, one record, an intent before
        it. It is taken back only as long as it is the card's newest deed (nine commands: the record before
        it is read too, and what it says is put back).

A power cut of the terminal at any point is the same as an answer that did not come: the intent is there, or
it is not.

Not here: what a ride costs (`decision`), readers, disks and clocks.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from card_reader.apdu.outcome import Done, Doubt, Failed, NotSent, Outcome, Refused, Talk, Unknown
from card_reader.apdu.status import Status
from card_reader.citizen_card import layout
from card_reader.citizen_card.errors import CardDataError, CardVersionError
from card_reader.citizen_card.holder import Holder
from card_reader.citizen_card.journal import MARK_BYTES, Deed, Record
from card_reader.citizen_card.settling import Found, found_on, proof_of
from card_reader.core.allowance import Allowance, unlimited
from card_reader.core.book import Book, Intent
from card_reader.core.decision import AlreadyValid, Denied, Image, No, Refuse, Ride, Undone, decide
from card_reader.core.fare import is_within, undone
from card_reader.core.stranger import stranger
from card_reader.core.trip import Trip, Undoing
from card_reader.desfire.card import Card
from shared.model.tariff import Tariff

_DOUBTS: Final = {
    Doubt.NO_ANSWER: No.REMOVED,
    Doubt.MALFORMED: No.UNREADABLE,
    Doubt.FORGED: No.NOT_GENUINE,
    Doubt.UNSIGNED: No.REMOVED,
}
_FOREIGN: Final = frozenset(
    {Status.ISO_NO_SUCH_FILE, Status.NO_SUCH_APPLICATION, Status.ISO_ILLEGAL_COMMAND, Status.ISO_CLASS}
)


class Yes(StrEnum):
    """How they ride."""

    RIDE = "ride"
    TRANSFER = "transfer"
    ALREADY = "already"
    UNDONE = "undone"
    """Nobody rides: the driver took the tap back."""


_SAID: Final = {Deed.TRANSFER: Yes.TRANSFER, Deed.CANCELLED: Yes.UNDONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a tap came to, to be shown.

    Attributes:
        said: how they ride, or why not.
        record: the card's newest deed as far as it is known; None where nothing could be read.
        paid_minor: what left the purse in this presentation; below zero, what came back.
    """

    said: Yes | No
    record: Record | None = None
    paid_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a terminal decides and remembers with.

    Attributes:
        keys: gives the card's tap keys for its number in the air, the newest version first.
        tariff: the rules.
        denied: the deny list.
        book: what is not settled.
        blind: the keyed hash by which a card is remembered.
        draw: randomness.
        allowance: what a card may spend while the deny list is too old.
    """

    keys: Callable[[bytes], Iterable[bytes]]
    tariff: Tariff
    denied: Denied
    book: Book
    blind: Callable[[bytes], bytes]
    draw: Callable[[int], bytes]
    allowance: Allowance = field(default_factory=unlimited)


def tap(card_uid: bytes, trip: Trip, desk: Desk, atr: bytes = b"") -> Talk[Verdict]:
    """Hold the talk of one tap.

    Args:
        card_uid: the card's number in the air, 7 bytes.
        trip: where and when it is.
        desk: what the terminal decides with.
        atr: the card's answer to reset, where it is known.

    Returns:
        What is to be shown. `REMOVED` says: hold it there again.

    Raises:
        CapacityError, DeviceError: the intent could not be kept; nothing was charged.
    """
    card = Card(desk.draw)
    opened = yield from _opened(card, desk.keys(card_uid))
    if opened is No.FOREIGN_CARD:
        opened = yield from stranger(card_uid, atr)
    if opened is not None:
        return Verdict(said=opened)
    image = yield from _image(card)
    if isinstance(image, No):
        return Verdict(said=image)
    name = desk.blind(image.holder.card_id + bytes([image.holder.issue]))
    verdict = yield from _told_before(card, name, image, trip, desk)
    if verdict is None:
        verdict = yield from _decided(card, name, image, trip, desk)
    if isinstance(verdict.said, Yes):
        desk.book.told(name)
    return verdict


def _decided(card: Card, name: bytes, image: Image, trip: Trip, desk: Desk) -> Talk[Verdict]:
    """Decide anew, and do it."""
    if trip.undoing is not None and trip.undoing.card == name:
        return (yield from _undone(card, trip.undoing, image, trip, desk))
    left_minor = desk.allowance.left_minor(name)
    match decide(image, trip, desk.tariff, desk.denied, desk.draw(MARK_BYTES), left_minor):
        case Refuse(why):
            return Verdict(said=why, record=image.last)
        case AlreadyValid(last):
            return Verdict(said=Yes.ALREADY, record=last)
        case Undone(last):
            return Verdict(said=Yes.UNDONE, record=last)
        case Ride() as ride:
            intent = Intent(card=name, record=ride.record, is_keyed=trip.is_keyed)
            broken = yield from _done(card, image, intent, desk)
            said = Yes.TRANSFER if ride.fare.is_transfer else Yes.RIDE
            paid_minor = ride.fare.amount.amount_minor
            return broken or Verdict(said=said, record=ride.record, paid_minor=paid_minor)


def _undone(card: Card, undoing: Undoing, image: Image, trip: Trip, desk: Desk) -> Talk[Verdict]:
    """Take back the card's newest deed, if that is the one that the driver means."""
    ride = undoing.ride
    if not ride.is_same_deed(image.last):
        return Verdict(said=No.NO_UNDOING, record=image.last)
    found = yield from card.records(layout.JOURNAL, 1, 1, layout.RECORD_BYTES)
    if not isinstance(found, Done):
        return Verdict(said=_lost(found), record=image.last)
    try:
        before = Record.from_bytes(found.value[0])
    except CardDataError:
        return Verdict(said=No.UNREADABLE, record=image.last)
    record = undone(before, ride, trip, desk.draw(MARK_BYTES))
    broken = yield from _done(card, image, Intent(card=undoing.card, record=record, is_keyed=True), desk)
    return broken or Verdict(said=Yes.UNDONE, record=record, paid_minor=-record.amount_minor)


def _opened(card: Card, keys: Iterable[bytes]) -> Talk[No | None]:
    """Select the application and authenticate; None where that is done.

    A card that refuses the proof under the newest key may have the one before: two commands more.
    """
    selected = yield from card.select(layout.NAME)
    match selected:
        case Done():
            pass
        case Refused(status):
            return No.FOREIGN_CARD if status in _FOREIGN else No.UNREADABLE
        case NotSent() | Unknown():
            return _lost(selected)
    for key in keys:
        begun = yield from card.authenticate(layout.TAP_KEY, key)
        match begun:
            case Done():
                return None
            case Refused(Status.AUTHENTICATION):
                continue
            case Refused():
                break
            case NotSent() | Unknown():
                return _lost(begun)
    return No.NOT_GENUINE


def _image(card: Card) -> Talk[Image | No]:
    """Read what the decision needs."""
    file = yield from card.read(layout.HOLDER, 0, layout.HOLDER_BYTES)
    if not isinstance(file, Done):
        return _lost(file)
    newest = yield from card.records(layout.JOURNAL, 0, 1, layout.RECORD_BYTES)
    if not isinstance(newest, Done):
        return _lost(newest)
    try:
        return Image(holder=Holder.from_bytes(file.value), last=Record.from_bytes(newest.value[0]))
    except CardVersionError:
        return No.WRONG_VERSION
    except CardDataError:
        return No.UNREADABLE


def _done(card: Card, image: Image, intent: Intent, desk: Desk) -> Talk[Verdict | None]:
    """Write a deed onto the card and let it count; None where it does, else what is to be said."""
    try:
        written = yield from _written(card, intent.record)
    except CardDataError:
        return Verdict(said=No.UNREADABLE, record=image.last)
    if not isinstance(written, Done):
        if isinstance(written, Refused) and written.status == Status.BOUNDARY:
            said = No.NO_BALANCE if intent.record.amount_minor < 0 else No.NO_UNDOING
        else:
            said = _lost(written)
        return Verdict(said=said, record=image.last)
    desk.book.intend(intent)
    desk.allowance.count(intent.card, -intent.record.amount_minor)
    committed = yield from card.commit()
    match committed:
        case Done(proof):
            desk.book.happened(intent, proof)
            return None
        case NotSent():
            _never_happened(intent, desk)
            return Verdict(said=No.REMOVED, record=image.last)
        case Refused() | Unknown():
            return Verdict(said=No.REMOVED)


def _written(card: Card, record: Record) -> Talk[Outcome[None]]:
    """Move the purse and add the record; `CardDataError` before anything, where no card could hold it."""
    moves_minor, written = record.amount_minor, record.to_bytes()
    if moves_minor:
        move = card.debit if moves_minor < 0 else card.credit_back
        moved = yield from move(layout.PURSE, abs(moves_minor))
        if not isinstance(moved, Done):
            return moved
    return (yield from card.append(layout.JOURNAL, written))


def _told_before(card: Card, name: bytes, image: Image, trip: Trip, desk: Desk) -> Talk[Verdict | None]:
    """Settle what is not settled; tell what this presentation was already charged; None where it was not."""
    intent = desk.book.intent_of(name)
    if intent is not None:
        broken = yield from _settled(card, intent, image, desk)
        if broken is not None:
            return Verdict(said=broken)
    before = intent or (None if _is_undoing(trip, name, image) else desk.book.untold_of(name))
    if before is None or not before.record.is_same_deed(image.last):
        return None
    done = before.record
    is_now = done.terminal == trip.terminal and is_within(done.at_s, trip.now_s, desk.tariff.passback_s)
    if not is_now:
        return None
    return Verdict(said=_SAID.get(done.deed, Yes.RIDE), record=done, paid_minor=-done.amount_minor)


def _is_undoing(trip: Trip, name: bytes, image: Image) -> bool:
    """Whether the driver takes back this card's newest deed: then it need not be told first."""
    undoing = trip.undoing
    return undoing is not None and undoing.card == name and undoing.ride.is_same_deed(image.last)


def _settled(card: Card, intent: Intent, image: Image, desk: Desk) -> Talk[No | None]:
    """Settle an intent by what the card holds at its counter; a reason where the card does not tell now."""
    found = yield from found_on(card, intent.record, image.last)
    match found:
        case Found.NEWEST:
            desk.book.happened(intent, (yield from proof_of(card, intent.record)))
        case Found.BEFORE:
            desk.book.happened(intent, None)
        case Found.NEVER:
            _never_happened(intent, desk)
        case Found.UNTOLD:
            desk.book.undecided(intent)
        case failed:
            return _lost(failed)
    return None


def _never_happened(intent: Intent, desk: Desk) -> None:
    desk.book.never_happened(intent)
    desk.allowance.count(intent.card, intent.record.amount_minor)


def _lost(failed: Failed) -> No:
    """Why a talk broke off: the card is away, or what it says is nothing."""
    match failed:
        case NotSent():
            return No.REMOVED
        case Unknown(doubt):
            return _DOUBTS[doubt]
        case Refused():
            return No.UNREADABLE
