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

A power cut of the terminal at any point is the same as an answer that did not come: the intent is there, or
it is not.

Not here: what a ride costs (`decision`), readers, disks and clocks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from card_reader.apdu.outcome import Done, Doubt, Failed, NotSent, Outcome, Refused, Talk, Unknown
from card_reader.apdu.status import Status
from card_reader.citizen_card import layout
from card_reader.citizen_card.errors import CardDataError, CardVersionError
from card_reader.citizen_card.holder import Holder
from card_reader.citizen_card.journal import Deed, Record
from card_reader.citizen_card.settling import Found, found_on, proof_of
from card_reader.core.book import Book, Intent
from card_reader.core.decision import AlreadyValid, Denied, Image, No, Refuse, Ride, decide
from card_reader.core.fare import is_within
from card_reader.core.trip import Trip
from card_reader.desfire.card import Card
from shared.model.tariff import Tariff

_DOUBTS: Final = {
    Doubt.NO_ANSWER: No.REMOVED,
    Doubt.MALFORMED: No.UNREADABLE,
    Doubt.FORGED: No.NOT_GENUINE,
    Doubt.UNSIGNED: No.REMOVED,
}
_FOREIGN: Final = frozenset({Status.ISO_NO_SUCH_FILE, Status.NO_SUCH_APPLICATION})


class Yes(StrEnum):
    """How they ride."""

    RIDE = "ride"
    TRANSFER = "transfer"
    ALREADY = "already"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a tap came to, to be shown.

    Attributes:
        said: how they ride, or why not.
        record: the card's newest deed as far as it is known; None where nothing could be read.
        paid_minor: what left the purse in this presentation.
    """

    said: Yes | No
    record: Record | None = None
    paid_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a terminal decides and remembers with.

    Attributes:
        key: gives the card's tap key for its number in the air.
        tariff: the rules.
        denied: the deny list.
        book: what is not settled.
        blind: the keyed hash by which a card is remembered.
        draw: randomness.
    """

    key: Callable[[bytes], bytes]
    tariff: Tariff
    denied: Denied
    book: Book
    blind: Callable[[bytes], bytes]
    draw: Callable[[int], bytes]


def tap(card_uid: bytes, trip: Trip, desk: Desk) -> Talk[Verdict]:
    """Hold the talk of one tap.

    Args:
        card_uid: the card's number in the air, 7 bytes.
        trip: where and when it is.
        desk: what the terminal decides with.

    Returns:
        What is to be shown. `REMOVED` says: hold it there again.

    Raises:
        CapacityError, DeviceError: the intent could not be kept; nothing was charged.
    """
    card = Card(desk.draw)
    opened = yield from _opened(card, desk.key(card_uid))
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
    match decide(image, trip, desk.tariff, desk.denied, desk.draw(4)):
        case Refuse(why):
            return Verdict(said=why, record=image.last)
        case AlreadyValid(last):
            return Verdict(said=Yes.ALREADY, record=last)
        case Ride() as ride:
            intent = Intent(card=name, record=ride.record, is_keyed=trip.is_keyed)
            return (yield from _charged(card, ride, image, intent, desk.book))


def _opened(card: Card, key: bytes) -> Talk[No | None]:
    """Select the application and authenticate; None where that is done."""
    selected = yield from card.select(layout.NAME)
    match selected:
        case Done():
            pass
        case Refused(status):
            return No.FOREIGN_CARD if status in _FOREIGN else No.UNREADABLE
        case NotSent() | Unknown():
            return _lost(selected)
    begun = yield from card.authenticate(layout.TAP_KEY, key)
    match begun:
        case Done():
            return None
        case Refused():
            return No.NOT_GENUINE
        case NotSent() | Unknown():
            return _lost(begun)


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


def _charged(card: Card, ride: Ride, image: Image, intent: Intent, book: Book) -> Talk[Verdict]:
    """Write the ride onto the card and let it count."""
    paid_minor = ride.fare.amount.amount_minor
    try:
        record = ride.record.to_bytes()
    except CardDataError:
        return Verdict(said=No.UNREADABLE, record=image.last)
    written = yield from _written(card, paid_minor, record)
    if not isinstance(written, Done):
        too_low = isinstance(written, Refused) and written.status == Status.BOUNDARY
        return Verdict(said=No.NO_BALANCE if too_low else _lost(written), record=image.last)
    book.intend(intent)
    committed = yield from card.commit()
    match committed:
        case Done(proof):
            book.happened(intent, proof)
            said = Yes.TRANSFER if ride.fare.is_transfer else Yes.RIDE
            return Verdict(said=said, record=ride.record, paid_minor=paid_minor)
        case NotSent():
            book.never_happened(intent)
            return Verdict(said=No.REMOVED, record=image.last)
        case Refused() | Unknown():
            return Verdict(said=No.REMOVED)


def _written(card: Card, paid_minor: int, record: bytes) -> Talk[Outcome[None]]:
    if paid_minor:
        debited = yield from card.debit(layout.PURSE, paid_minor)
        if not isinstance(debited, Done):
            return debited
    return (yield from card.append(layout.JOURNAL, record))


def _told_before(card: Card, name: bytes, image: Image, trip: Trip, desk: Desk) -> Talk[Verdict | None]:
    """Settle what is not settled; tell what this presentation was already charged; None where it was not."""
    intent = desk.book.intent_of(name)
    if intent is not None:
        broken = yield from _settled(card, intent, image, desk.book)
        if broken is not None:
            return Verdict(said=broken)
    before = desk.book.untold_of(name) if intent is None else intent
    if before is None or not before.record.is_same_deed(image.last):
        return None
    done = before.record
    is_now = done.terminal == trip.terminal and is_within(done.at_s, trip.now_s, desk.tariff.passback_s)
    if not is_now:
        return None
    said = Yes.TRANSFER if done.deed is Deed.TRANSFER else Yes.RIDE
    return Verdict(said=said, record=done, paid_minor=-done.amount_minor)


def _settled(card: Card, intent: Intent, image: Image, book: Book) -> Talk[No | None]:
    """Settle an intent by what the card holds at its counter; a reason where the card does not tell now."""
    found = yield from found_on(card, intent.record, image.last)
    match found:
        case Found.NEWEST:
            book.happened(intent, (yield from proof_of(card, intent.record)))
        case Found.BEFORE:
            book.happened(intent, None)
        case Found.NEVER:
            book.never_happened(intent)
        case Found.UNTOLD:
            book.undecided(intent)
        case failed:
            return _lost(failed)
    return None


def _lost(failed: Failed) -> No:
    """Why a talk broke off: the card is away, or what it says is nothing."""
    match failed:
        case NotSent():
            return No.REMOVED
        case Unknown(doubt):
            return _DOUBTS[doubt]
        case Refused():
            return No.UNREADABLE
