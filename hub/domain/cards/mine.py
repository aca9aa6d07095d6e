"""What a citizen is told of their card at a kiosk: what it is good for, and, where it may be told, its trips.

    {"balance_minor":550,"currency":"EUR","category":1,"valid_until":"2031-11-01","is_expired":false,
     "passes":[{"product":20,"zones":[1,2],"first":"2026-11-01","last":"2026-11-30"}],
     "rides":{"left":7,"product":30},"pin":"none","pin_left":3,
     "trips":[{"deed":"ride","at_ms":…,"line":4,"stop":12,"passengers":1,"amount_minor":-130},…]}

Rules:
- Nothing in it names anybody, or the card: neither its number nor its id.
- With a PIN that was not given, or not rightly, there are no trips, and nothing from which one follows.
"""

from collections.abc import Sequence
from typing import Any, Final

from card_reader.citizen_card.holder import EVERY_ZONE, ZONE_MAX, Holder, date_of
from card_reader.citizen_card.journal import RIDES, Record
from hub.domain.cards.ports import PinSaid
from hub.domain.cards.verdict import Image
from shared.model.card_pin import PinWord
from shared.model.money import EURO

TRIPS_TOLD: Final = 5
"""The last ones; more do not fit on a page."""
_MS: Final = 1000


def mine(image: Image, pin: PinSaid, day: int) -> dict[str, Any]:
    """Return what is told.

    Args:
        image: what was read of the card.
        pin: how it stands with its PIN.
        day: today, as `citizen_card.holder.day_of` counts.
    """
    holder, last = image.holder, image.last
    told: dict[str, Any] = {
        "balance_minor": last.balance_minor,
        "currency": EURO,
        "category": holder.category_on(day),
        "valid_until": date_of(holder.valid_until).isoformat(),
        "is_expired": day > holder.valid_until,
        "passes": _passes(holder, day),
        "pin": pin.word.value,
        "pin_left": pin.left,
    }
    if last.rides:
        told["rides"] = {"left": last.rides, "product": last.rides_product}
    if pin.word in {PinWord.NONE, PinWord.RIGHT}:
        told["trips"] = _trips(image.records)
    return told


def _passes(holder: Holder, day: int) -> list[dict[str, Any]]:
    """Passes that are not over; no zones where it is good in all."""
    return [
        {
            "product": each.product,
            "zones": [] if each.zones == EVERY_ZONE else _zones(each.zones),
            "first": date_of(each.first_day).isoformat(),
            "last": date_of(each.last_day).isoformat(),
        }
        for each in holder.passes
        if day <= each.last_day
    ]


def _zones(bits: int) -> list[int]:
    return [zone for zone in range(1, ZONE_MAX + 1) if bits >> (zone - 1) & 1]


def _trips(records: Sequence[Record]) -> list[dict[str, Any]]:
    rides = [each for each in records if each.deed in RIDES]
    return [
        {
            "deed": each.deed.name.lower(),
            "at_ms": each.at_s * _MS,
            "line": each.line,
            "stop": each.stop,
            "passengers": each.passengers,
            "amount_minor": each.amount_minor,
        }
        for each in rides[:TRIPS_TOLD]
    ]
