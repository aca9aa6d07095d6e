"""How a blank card becomes the town's at a desk: `citizen_card.issuing`, with an intent and a register.

Rules:
- What was torn before its keys were set is cleared and made anew. What was torn afterwards lacks its first
  deed alone. What has its first deed is a card: it is not made again.
- Each attempt has a card id of its own, or an issue. The register learns it with the intent, before the first
  deed counts: a terminal never meets a card that the town does not know.
- A card that replaces another has its id, its passes and, from its first deed on, its money, as the books
  have them. The other is out of use when that deed has happened.
"""

from typing import Final

from card_reader.apdu.outcome import Done, NotSent, Outcome, Refused, Talk, Unknown
from card_reader.apdu.status import Status
from card_reader.citizen_card import layout
from card_reader.citizen_card.errors import CardDataError
from card_reader.citizen_card.holder import CARD_ID_BYTES, VERSION, Holder
from card_reader.citizen_card.issuing import BLANK_KEY, HIGHEST_MINOR, Making, begun, issued, unmade
from card_reader.citizen_card.journal import MARK_BYTES, Record
from card_reader.desfire.card import Card
from card_reader.desfire.transaction_mac import Committed
from hub.domain.cards.deeds import FOREIGN, begun_with, lost, opened_with, settled_by
from hub.domain.cards.orders import MAKES, Do, Order
from hub.domain.cards.ports import Counter, Intended, Successor
from hub.domain.cards.register import FINAL
from hub.domain.cards.verdict import Image, Said, Verdict
from shared.model.errors import InputError

ISSUES: Final = 256
"""A card says its issue in one byte."""
ROOT_KEY: Final = BLANK_KEY
"""The card's own master key, as a supplier delivers it for us (docs/CARD.md)."""


def made(card_uid: bytes, order: Order, counter: Counter) -> Talk[Verdict]:
    """Hold the talk that makes a card.

    Args:
        card_uid: the card's number in the air, 7 bytes.
        order: to issue one.
        counter: with what.

    Raises:
        CapacityError, TransientError, DeviceError: the intent could not be kept, and the card is not made; or
            its outcome could not, and the card is to be held there again.
        InputError: the order was begun with another card, the lost card is replaced already, or may be; or it
            wants of the card what its form has no place for.
    """
    if order.category_from and counter.form < VERSION:
        raise InputError("cards have no first day of the category yet; see card_form, or leave it out")
    card = Card(counter.draw)
    selected = yield from card.select(layout.NAME)
    match selected:
        case Refused(status) if status in FOREIGN:
            return (yield from _from_blank(card, card_uid, order, counter))
        case Done():
            return (yield from _from_something(card, card_uid, order, counter))
        case failed:
            return Verdict(said=lost(failed))


def _from_something(card: Card, card_uid: bytes, order: Order, counter: Counter) -> Talk[Verdict]:
    """Go on with a card that has our application already."""
    blank = yield from card.authenticate(layout.MASTER_KEY, BLANK_KEY)
    if isinstance(blank, NotSent | Unknown):
        return Verdict(said=lost(blank))
    if isinstance(blank, Done):
        cleared = yield from unmade(card, ROOT_KEY)
        if not isinstance(cleared, Done):
            return Verdict(said=Said.NOT_GENUINE if isinstance(cleared, Refused) else lost(cleared))
        return (yield from _from_blank(card, card_uid, order, counter))
    opened = yield from opened_with(card, card_uid, layout.PURSE_KEY, counter)
    if opened is not None:
        return Verdict(said=opened)
    newest = yield from card.records(layout.JOURNAL, 0, 1, layout.RECORD_BYTES)
    match newest:
        case Done((record,)):
            return (yield from _if_ours(card, card_uid, record, order, counter))
        case Refused(Status.BOUNDARY):
            return (yield from _first_deed(card, card_uid, order, counter, is_blank=False))
        case Done():
            return Verdict(said=Said.UNREADABLE)
        case failed:
            return Verdict(said=lost(failed))


def _if_ours(card: Card, card_uid: bytes, newest: bytes, order: Order, counter: Counter) -> Talk[Verdict]:
    """Settle an issue of which nobody knew; a card that is one is not made again."""
    meant = counter.book.open_of(card_uid)
    if meant is None or meant.holder is None or meant.order.do not in MAKES:
        return Verdict(said=Said.ALREADY_ISSUED)
    try:
        last = Record.from_bytes(newest)
    except CardDataError:
        return Verdict(said=Said.UNREADABLE)
    happened = yield from settled_by(card, meant, last, counter)
    if not (happened is None or isinstance(happened, bool)):
        return Verdict(said=lost(happened))
    if happened and meant.order.id == order.id:
        return Verdict(said=Said.DONE, image=Image(holder=meant.holder, records=(last,)))
    return Verdict(said=Said.SETTLED, before=meant.order.do, happened=happened)


def _from_blank(card: Card, card_uid: bytes, order: Order, counter: Counter) -> Talk[Verdict]:
    return (yield from _first_deed(card, card_uid, order, counter, is_blank=True))


def _first_deed(
    card: Card, card_uid: bytes, order: Order, counter: Counter, *, is_blank: bool
) -> Talk[Verdict]:
    """Make what is missing of a card, up to its first deed; whatever was open of it never happened."""
    before = counter.book.open_of(card_uid)
    if before is not None and before.order.do in MAKES:
        counter.book.never_happened(before)
    begun_with(card_uid, order, counter)
    if counter.book.card_in_use(card_uid) is not None:
        return Verdict(said=Said.NUMBER_IN_USE)
    successor = counter.book.successor_of(order.replaces) if order.do is Do.REPLACE else None
    if order.do is Do.REPLACE and (successor is None or successor.issue >= ISSUES):
        return Verdict(said=Said.NO_SUCH_CARD)
    if successor is not None and successor.before.state in FINAL:
        return Verdict(said=Said.NOT_IN_USE)
    meant: list[Intended] = []
    holder = _holder(order, successor, counter)

    def intend(record: Record) -> None:
        intended = Intended(
            order=order,
            device=counter.device,
            subject=counter.subject(holder.card_id, holder.issue),
            card_uid=card_uid,
            record=record,
            holder=holder,
        )
        meant.append(intended)
        counter.book.intend(intended)

    version = counter.keys.current
    making = Making(
        holder=holder,
        lowest_minor=order.lowest_minor,
        at_s=counter.now_s,
        terminal=counter.terminal,
        mark=counter.draw(MARK_BYTES),
        key=lambda number: counter.keys.card_key(card_uid, number, version),
        version=lambda _: version,
        intend=intend,
        amount_minor=0 if successor is None else min(HIGHEST_MINOR, max(0, successor.balance_minor)),
    )
    said = yield from (issued(card, ROOT_KEY, making) if is_blank else begun(card, making))
    return _told(said, meant, counter)


def _holder(order: Order, successor: Successor | None, counter: Counter) -> Holder:
    before = None if successor is None else successor.before
    return Holder(
        card_id=counter.draw(CARD_ID_BYTES) if before is None else before.card_id,
        issue=0 if successor is None else successor.issue,
        category=order.category,
        category_until=order.category_until,
        valid_until=order.valid_until,
        is_nobodys=order.is_nobodys,
        form=counter.form,
        reader_min=counter.form,
        category_from=order.category_from,
        passes=() if successor is None else [p for p in successor.passes if p.last_day >= counter.day],
    )


def _told(said: Outcome[Committed], meant: list[Intended], counter: Counter) -> Verdict:
    """What came of it, settled as far as it is known."""
    if not meant:
        return Verdict(said=Said.UNREADABLE if isinstance(said, Done) else _not_made(said))
    intended = meant[0]
    match said:
        case Done(proof):
            counter.book.happened(intended, proof)
            holder = intended.holder
            image = None if holder is None else Image(holder=holder, records=(intended.record,))
            return Verdict(said=Said.DONE, image=image, number=counter.book.number(intended.subject))
        case NotSent():
            counter.book.never_happened(intended)
            return Verdict(said=Said.REMOVED)
        case Refused() | Unknown():
            return Verdict(said=Said.UNKNOWN)


def _not_made(failed: NotSent | Refused | Unknown) -> Said:
    """Why a card was not made; a card whose own key is not the supplier's refuses at once."""
    is_other = isinstance(failed, Refused) and failed.status == Status.AUTHENTICATION
    return Said.FOREIGN_CARD if is_other else lost(failed)
