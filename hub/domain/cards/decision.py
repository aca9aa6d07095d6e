"""What a deed at a desk writes onto the card, or why it is not done. Pure; a sale is `selling`.

A card that is blocked, on itself or in the register, moves no money; one that was replaced or refunded does
nothing any more.
"""

from dataclasses import dataclass, replace
from typing import Final

from card_reader.citizen_card.holder import Holder
from card_reader.citizen_card.issuing import HIGHEST_MINOR
from card_reader.citizen_card.journal import MARK_BYTES, Deed, Record
from hub.domain.cards.orders import NEEDS_GOOD, Do, Order
from hub.domain.cards.ports import Counter
from hub.domain.cards.register import FINAL, Card, CardState
from hub.domain.cards.verdict import Image, Said
from shared.model.payment import Method

_DEEDS: Final = {
    Do.TOP_UP: Deed.TOPPED_UP,
    Do.CHARGE: Deed.PURCHASE,
    Do.REFUND: Deed.REFUNDED,
    Do.BLOCK: Deed.BLOCKED,
    Do.UNBLOCK: Deed.UNBLOCKED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """What is written onto a card.

    Attributes:
        order: that asked for it, with what the hub decided of it.
        record: the deed's.
        holder: the holder file where it changes; else None.
    """

    order: Order
    record: Record
    holder: Holder | None = None

    def in_form(self, before: Holder, form: int) -> "Deal":
        """Return it with the holder file brought up to a form, in the same transaction, where it is older.

        Args:
            before: the file as it is on the card.
            form: of the file, that cards get now.
        """
        after = self.holder or before
        later = after.in_form(form)
        return self if later == after else replace(self, holder=later)


def decided(order: Order, image: Image, known: Card, counter: Counter) -> Deal | Said:
    """Return what a deed writes, or why it is not done.

    Args:
        order: what is asked.
        image: what stands on the card.
        known: how the register has it.
        counter: where and when it is.
    """
    amount_minor = _amount_minor(order, image.last)
    said = refused(order, image, known, image.last.balance_minor + amount_minor, counter.day)
    return said or Deal(
        order=order,
        record=image.last.then(
            deed=_DEEDS[order.do],
            at_s=counter.now_s,
            terminal=counter.terminal,
            mark=counter.draw(MARK_BYTES),
            amount_minor=amount_minor,
        ),
    )


def _amount_minor(order: Order, last: Record) -> int:
    """What the purse gains."""
    match order.do:
        case Do.TOP_UP:
            return order.amount_minor
        case Do.CHARGE:
            return -order.amount_minor
        case Do.REFUND:
            return -last.balance_minor
        case _:
            return 0


def refused(order: Order, image: Image, known: Card, left_minor: int, day: int) -> Said | None:
    """Say why an order is not carried out; None where nothing stands against it.

    Args:
        order: what is asked.
        image: what stands on the card.
        known: how the register has it.
        left_minor: what would be in the purse afterwards.
        day: today, of the town's calendar.
    """
    last = image.last
    is_blocked = last.deed is Deed.BLOCKED or known.state is CardState.BLOCKED
    if known.state in FINAL:
        return Said.NOT_IN_USE
    if order.do in NEEDS_GOOD and is_blocked:
        return Said.BLOCKED
    if order.do in NEEDS_GOOD and image.holder.valid_until < day:
        return Said.EXPIRED
    checks = {
        Do.TOP_UP: (left_minor > HIGHEST_MINOR, Said.TOO_MUCH),
        Do.CHARGE: (left_minor < 0, Said.NO_BALANCE),
        Do.SELL: (order.paid_by is Method.PURSE and left_minor < 0, Said.NO_BALANCE),
        Do.REFUND: (last.balance_minor <= 0, Said.NOTHING_LEFT),
        Do.BLOCK: (last.deed is Deed.BLOCKED, Said.BLOCKED),
        Do.UNBLOCK: (not is_blocked, Said.NOT_BLOCKED),
    }
    is_wrong, said = checks[order.do]
    return said if is_wrong else None
