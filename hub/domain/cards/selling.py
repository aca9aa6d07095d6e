"""What a pass or a ticket of several rides does to a card, or why it is not sold. Pure.

    sold(order, image, known, counter)     the deed: record, holder file, price; or why not

Rules:
- What is sold, for how much and for how long stands in the fares in force at the desk (`card` of a product),
  and nowhere else: a desk cannot name a price.
- A pass that is bought while the same one is good goes on where that ends; one that begins earlier than one
  that is held for later begins then, and no day of either is lost. Passes that are over make room.
- Rides are added to those that are left of the same ticket; a card holds one kind of ticket.
- From the purse a sale takes its price in the same transaction as it puts the product on the card; paid
  otherwise, the purse stays as it is and the counter moves all the same.
"""

from dataclasses import replace
from typing import Final

from card_reader.citizen_card.holder import DAY_MAX, EVERY_ZONE, PASSES, Holder, Pass
from card_reader.citizen_card.journal import MARK_BYTES, Deed, Record
from hub.domain.cards.decision import Deal, refused
from hub.domain.cards.orders import Order
from hub.domain.cards.ports import Counter
from hub.domain.cards.register import Card
from hub.domain.cards.verdict import Image, Said
from shared.model.fares import OnCard
from shared.model.payment import Method

RIDES_MAX: Final = 255
"""A card says in one byte how many rides are left."""


def sold(order: Order, image: Image, known: Card, counter: Counter) -> Deal | Said:
    """Return what a sale writes onto the card, or why it is not made.

    Args:
        order: what is asked.
        image: what stands on the card.
        known: how the register has it.
        counter: where and when it is, with the fares.
    """
    fares = counter.fares()
    product = None if fares is None else fares.on_card(order.product)
    if product is None or product.card is None:
        return Said.NO_SUCH_PRODUCT
    price_minor = product.price.amount_minor
    from_purse = price_minor if order.paid_by is Method.PURSE else 0
    said = refused(order, image, known, image.last.balance_minor - from_purse, counter.day)
    if said is not None:
        return said
    holder = _with_pass(image.holder, order, product.card, counter.day)
    rides = _with_rides(image.last, order.product, product.card)
    if holder is None or rides is None:
        return Said.NO_ROOM
    record = replace(
        image.last.then(
            deed=Deed.BOUGHT,
            at_s=counter.now_s,
            terminal=counter.terminal,
            mark=counter.draw(MARK_BYTES),
            amount_minor=-from_purse,
        ),
        product=order.product,
        rides=rides,
        rides_product=order.product if product.card.rides else image.last.rides_product,
    )
    return Deal(
        order=replace(order, amount_minor=price_minor),
        record=record,
        holder=None if holder == image.holder else holder,
    )


def _with_pass(holder: Holder, order: Order, bought: OnCard, day: int) -> Holder | None:
    """Return the holder file with a pass more, as it is where none is bought; None where none fits."""
    if not bought.days:
        return holder
    zones = sum(1 << (zone - 1) for zone in bought.zones) or EVERY_ZONE
    good = [held for held in holder.passes if held.last_day >= day]
    first_day = max(day, order.first_day)
    last_day = first_day + bought.days - 1
    for held in sorted(good, key=lambda held: held.first_day):
        is_same = (held.product, held.zones) == (order.product, zones)
        if is_same and held.first_day <= last_day and first_day <= held.last_day + 1:
            good.remove(held)
            both = last_day - first_day + 1 + held.last_day - held.first_day + 1
            first_day = min(first_day, held.first_day)
            last_day = first_day + both - 1
    if len(good) >= PASSES or last_day > DAY_MAX:
        return None
    held = Pass(product=order.product, zones=zones, first_day=first_day, last_day=last_day)
    return replace(holder, passes=(*good, held))


def _with_rides(last: Record, product: int, bought: OnCard) -> int | None:
    """Return the rides that are left with those bought; None where the card cannot hold them."""
    is_other = last.rides > 0 and last.rides_product != product
    rides = last.rides + bought.rides
    return None if bought.rides and (is_other or rides > RIDES_MAX) else rides
