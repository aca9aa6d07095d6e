"""What is done with a card at a desk: a talk, held through a relay. No key of the card's leaves it.

    select, ask the key's version, authenticate with the purse's key
    read holder and newest record         is it ours, and as the register knows it?
    settle what was not settled           the card's own journal tells (`citizen_card.settling`)
    holder file, credit or debit, record       nothing counts yet
    remember the intent, durably          `ports.DeedBook`
    commit                                all of it counts, or none

Rules, the same as of a tap (`card_reader.core.tap`):
- What is not committed does not count; the intent is durable before the commit is sent; where its answer does
  not come, nothing is repeated and the card is held there again.
- A deed that is found to have happened, or not to, by a talk that was to do something else, ends that talk:
  the clerk hears of it before anything more is done.
- An order that was carried out is not carried out again, however often it is asked.
- A card whose holder file is of an older form gets the form of today with its next deed, in one transaction.
- A card whose keys are older than the town's newest gets the newest at the end of its talk. If that is torn,
  the next talk goes on with it, key by key.
"""

from dataclasses import replace
from typing import Final, cast

from card_reader.apdu.outcome import Done, Doubt, Failed, NotSent, Outcome, Refused, Talk, Unknown
from card_reader.apdu.status import Status
from card_reader.citizen_card import layout
from card_reader.citizen_card.errors import CardDataError, CardVersionError
from card_reader.citizen_card.holder import Holder
from card_reader.citizen_card.journal import Record
from card_reader.citizen_card.settling import Found, found_on, proof_of
from card_reader.desfire.card import Card
from card_reader.desfire.issuing import change_key, change_own_key
from card_reader.desfire.transaction_mac import Committed
from card_reader.keys.errors import NoCardKeyError
from hub.domain.cards.decision import Deal, decided
from hub.domain.cards.mine import mine
from hub.domain.cards.orders import PIN_DEEDS, READS, Do, Order
from hub.domain.cards.ports import Counter, Intended
from hub.domain.cards.register import FINAL
from hub.domain.cards.register import Card as Known
from hub.domain.cards.selling import sold
from hub.domain.cards.verdict import Image, Said, Verdict
from shared.model.card_pin import PinWord
from shared.model.errors import InputError

RECORDS_AT_ONCE: Final = 4
"""As many as one answer holds, encrypted."""
FOREIGN: Final = frozenset({Status.ISO_NO_SUCH_FILE, Status.NO_SUCH_APPLICATION})
_DOUBTS: Final = {
    Doubt.NO_ANSWER: Said.REMOVED,
    Doubt.MALFORMED: Said.UNREADABLE,
    Doubt.FORGED: Said.NOT_GENUINE,
    Doubt.UNSIGNED: Said.REMOVED,
}


def served(card_uid: bytes, order: Order, counter: Counter) -> Talk[Verdict]:
    """Hold the talk of one order with a card of the town; a new card's is `making.made`.

    Args:
        card_uid: the card's number in the air, 7 bytes.
        order: what is to be done.
        counter: with what.

    Raises:
        CapacityError, TransientError, DeviceError: the intent could not be kept, and nothing was done; or its
            outcome could not, and the card is to be held there again.
        InputError: the order was begun with another card.
    """
    card = Card(counter.draw)
    opened = yield from opened_with(card, card_uid, layout.PURSE_KEY, counter)
    if opened is not None:
        return Verdict(said=opened)
    image = yield from read_image(card)
    if not isinstance(image, Image):
        return Verdict(said=image)
    known = counter.book.card(image.holder.card_id, image.holder.issue)
    if known is None or known.uid != card_uid:
        return Verdict(said=Said.UNKNOWN_CARD, image=image)
    meant = counter.book.open_of(card_uid)
    if meant is None:
        verdict = yield from _done(card, order, image, known, counter)
    else:
        verdict = yield from _settled(card, meant, order, image, known, counter)
    if verdict.said is Said.DONE and known.key_version != counter.keys.current:
        yield from rekeyed(card, card_uid, known, order.who, counter)
    return verdict


def opened_with(card: Card, card_uid: bytes, number: int, counter: Counter) -> Talk[Said | None]:
    """Select the application and authenticate with a key, in the version that the card has; None: done."""
    selected = yield from card.select(layout.NAME)
    if not isinstance(selected, Done):
        is_foreign = isinstance(selected, Refused) and selected.status in FOREIGN
        return Said.FOREIGN_CARD if is_foreign else lost(selected)
    version = yield from card.key_version(number)
    if not isinstance(version, Done):
        return lost(version)
    try:
        key = counter.keys.card_key(card_uid, number, version.value)
    except NoCardKeyError:
        return Said.NOT_GENUINE
    begun = yield from card.authenticate(number, key)
    match begun:
        case Done():
            return None
        case Refused():
            return Said.NOT_GENUINE
        case NotSent() | Unknown():
            return lost(begun)


def read_image(card: Card) -> Talk[Image | Said]:
    """Read holder and newest record."""
    file = yield from card.read(layout.HOLDER, 0, layout.HOLDER_BYTES)
    if not isinstance(file, Done):
        return lost(file)
    newest = yield from card.records(layout.JOURNAL, 0, 1, layout.RECORD_BYTES)
    if not isinstance(newest, Done):
        return lost(newest)
    try:
        return Image(holder=Holder.from_bytes(file.value), records=(Record.from_bytes(newest.value[0]),))
    except CardVersionError:
        return Said.WRONG_VERSION
    except CardDataError:
        return Said.UNREADABLE


def committed(card: Card, meant: Intended, counter: Counter) -> Talk[Said]:
    """Let a deed count whose intent is durable, and settle it as far as it is known."""
    said = yield from card.commit()
    match said:
        case Done(proof):
            counter.book.happened(meant, proof)
            return Said.DONE
        case NotSent():
            counter.book.never_happened(meant)
            return Said.REMOVED
        case Refused() | Unknown():
            return Said.UNKNOWN


def settled_by(card: Card, meant: Intended, last: Record, counter: Counter) -> Talk[bool | Failed | None]:
    """Settle what was meant by what the card holds.

    Returns:
        Whether it happened; None where the card no longer tells; what failed, where it does not tell now.
    """
    found = yield from found_on(card, meant.record, last)
    match found:
        case Found.NEWEST:
            counter.book.happened(meant, (yield from _proof(card, meant, counter)))
            return True
        case Found.BEFORE:
            counter.book.happened(meant, None)
            return True
        case Found.NEVER:
            counter.book.never_happened(meant)
            return False
        case Found.UNTOLD:
            counter.book.undecided(meant)
            return None
        case failed:
            return failed


def lost(failed: Failed) -> Said:
    """Why a talk broke off: the card is away, or what it says is nothing."""
    match failed:
        case NotSent():
            return Said.REMOVED
        case Unknown(doubt):
            return _DOUBTS[doubt]
        case Refused():
            return Said.UNREADABLE


def rekeyed(card: Card, card_uid: bytes, known: Known, who: str, counter: Counter) -> Talk[None]:
    """Give a card the town's newest keys, those that it lacks; the application's own at the end."""
    newest, versions = counter.keys.current, list[int]()
    selected = yield from card.select(layout.NAME)
    if not isinstance(selected, Done):
        return
    for number in range(layout.KEYS):
        version = yield from card.key_version(number)
        if not isinstance(version, Done):
            return
        versions.append(version.value)
    keys = [counter.keys.card_key(card_uid, n, version) for n, version in enumerate(versions)]
    begun = yield from card.authenticate(layout.MASTER_KEY, keys[layout.MASTER_KEY])
    if not isinstance(begun, Done):
        return
    for number in range(layout.KEYS - 1, layout.MASTER_KEY - 1, -1):
        if versions[number] == newest:
            continue
        new = counter.keys.card_key(card_uid, number, newest)
        if number == layout.MASTER_KEY:
            changed = yield from change_own_key(card, number, new, newest)
        else:
            changed = yield from change_key(card, number, keys[number], new, newest)
        if not isinstance(changed, Done):
            return
    counter.book.has_keys(known.subject, newest, who)


def _done(card: Card, order: Order, image: Image, known: Known, counter: Counter) -> Talk[Verdict]:
    """Do what is asked, where the card has nothing open."""
    if order.do is Do.READ:
        seen = yield from _read(card, order, image, known)
        return replace(seen, number=counter.book.number(known.subject))
    if order.do is Do.MINE:
        return (yield from _mine(card, order, image, known, counter))
    if order.do in PIN_DEEDS:
        return _with_pin(order, image, known, counter)
    before = begun_with(known.uid, order, counter)
    if before is not None:
        return Verdict(said=Said.DONE, image=image.with_newest(before))
    decide = sold if order.do is Do.SELL else decided
    deal = decide(order, image, known, counter)
    if not isinstance(deal, Deal):
        return Verdict(said=deal, image=image, state=known.state)
    deal = deal.in_form(image.holder, counter.form)
    written = yield from _written(card, deal)
    if not isinstance(written, Done):
        is_limit = isinstance(written, Refused) and written.status == Status.BOUNDARY
        return Verdict(said=Said.LIMIT if is_limit else lost(written), image=image)
    meant = Intended(
        order=deal.order,
        device=counter.device,
        subject=known.subject,
        card_uid=known.uid,
        record=deal.record,
        holder=deal.holder,
    )
    counter.book.intend(meant)
    said = yield from committed(card, meant, counter)
    after = Image(holder=deal.holder or image.holder, records=(deal.record,))
    return Verdict(said=said, image=after if said is Said.DONE else image)


def begun_with(card_uid: bytes, order: Order, counter: Counter) -> Record | None:
    """Return what stands on a card by an order that was carried out with it; None where it was not begun.

    Raises:
        InputError: it was begun with another card, or nobody knows any more what became of it.
    """
    before = counter.book.begun_before(order.id)
    if before is not None and before.card_uid != card_uid:
        raise InputError("this was begun with another card; hold that one to the reader, then begin anew")
    if before is not None and before.record is None:
        raise InputError("nobody knows whether this was done, and it is a case; look at it, then begin anew")
    return None if before is None else before.record


def _mine(card: Card, order: Order, image: Image, known: Known, counter: Counter) -> Talk[Verdict]:
    """Tell a citizen of their card; its history only where nobody has to ask for a PIN, or it is right."""
    said = counter.pins.tried(known.subject, order.pin)
    if said.word in {PinWord.NONE, PinWord.RIGHT}:
        seen = yield from _read(card, replace(order, history=True), image, known)
        if seen.image is None:
            return seen
        image = seen.image
    words = mine(image, said, counter.day)
    return Verdict(said=Said.DONE, state=known.state, words=words)


def _with_pin(order: Order, image: Image, known: Known, counter: Counter) -> Verdict:
    """Set a card's PIN, or take it away; nothing of it stands on the card."""
    if known.state in FINAL:
        return Verdict(said=Said.NOT_IN_USE, image=image, state=known.state)
    if order.do is Do.PIN_SET:
        counter.pins.set(known.subject, order.pin, order.who)
    else:
        counter.pins.reset(known.subject, order.who)
    return Verdict(said=Said.DONE, image=image, state=known.state)


def _written(card: Card, deal: Deal) -> Talk[Outcome[None]]:
    """Write a deed, in the order in which its signature has it; nothing of it counts yet."""
    record, moved = deal.record, cast("Outcome[None]", Done(None))
    if deal.holder is not None:
        moved = yield from card.write(layout.HOLDER, 0, deal.holder.to_bytes())
        if not isinstance(moved, Done):
            return moved
    if record.amount_minor > 0:
        moved = yield from card.credit(layout.PURSE, record.amount_minor)
    elif record.amount_minor < 0:
        moved = yield from card.debit(layout.PURSE, -record.amount_minor)
    if not isinstance(moved, Done):
        return moved
    return (yield from card.append(layout.JOURNAL, record.to_bytes()))


def _settled(
    card: Card, meant: Intended, order: Order, image: Image, known: Known, counter: Counter
) -> Talk[Verdict]:
    """Settle what was not, and say so; only what is the same order, or reads, goes on."""
    happened = yield from settled_by(card, meant, image.last, counter)
    if not (happened is None or isinstance(happened, bool)):
        return Verdict(said=lost(happened))
    if order.do in READS:
        seen = yield from _done(card, order, image, known, counter)
        return replace(seen, before=meant.order.do, happened=happened)
    if meant.order.id != order.id or happened is None:
        return Verdict(said=Said.SETTLED, image=image, before=meant.order.do, happened=happened)
    if happened:
        return Verdict(said=Said.DONE, image=image)
    return (yield from _done(card, order, image, known, counter))


def _proof(card: Card, meant: Intended, counter: Counter) -> Talk[Committed | None]:
    """Ask for the card's signature, which the tap's key may read; None where it is not given."""
    opened = yield from opened_with(card, meant.card_uid, layout.TAP_KEY, counter)
    return None if opened is not None else (yield from proof_of(card, meant.record))


def _read(card: Card, order: Order, image: Image, known: Known) -> Talk[Verdict]:
    """Read what is asked for; what stands on the card is shown, whatever its state."""
    records = list(image.records)
    total = min(image.last.counter, layout.RECORDS_KEPT) if order.history else 1
    while len(records) < total:
        count = min(RECORDS_AT_ONCE, total - len(records))
        said = yield from card.records(layout.JOURNAL, len(records), count, layout.RECORD_BYTES)
        if not isinstance(said, Done):
            return Verdict(said=lost(said))
        try:
            records += [Record.from_bytes(each) for each in reversed(said.value)]
        except CardDataError:
            break
    return Verdict(
        said=Said.DONE, image=Image(holder=image.holder, records=tuple(records)), state=known.state
    )
