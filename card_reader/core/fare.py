"""What the passengers on one card owe for one ride, and by what they ride. Pure, in whole cents.

Each passenger rides by the first of these that is there for them:

    1. a transfer      for those who came with the card on its last ride, in time, on another bus
    2. a period pass   for the holder alone
    3. a ride ticket   one ride for each
    4. the purse       the price of the holder's category for the holder, up to the day's cap;
                       the price for everybody for who comes along

Rules:
- Who comes along on a card that has just been used here pays as such: the holder is on board already.
- A cap is the holder's own. What companions pay neither counts towards it nor is cut by it.
- A ride that somebody paid for opens the window for a transfer anew, for all who ride.
"""

from dataclasses import dataclass, replace
from typing import Final

from card_reader.citizen_card.holder import Holder
from card_reader.citizen_card.journal import CAP_MINOR_MAX, RIDES, Deed, Record
from card_reader.core.trip import Trip
from shared.model.money import EURO, Money
from shared.model.tariff import Tariff

NOTHING: Final = Money(0, EURO)
SINGLE: Final = 1
"""The product of a ride that the purse pays."""
CLOCKS_APART_S: Final = 3_600
"""How far two terminals' clocks may differ: up to here a ride in the future was a moment ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fare:
    """What a ride comes to.

    Attributes:
        transferring: who of the passengers change for nothing.
        by_pass: the holder rides by this pass; 0 by none.
        by_rides: who ride by a ticket of several rides.
        paying: who pay from the purse.
        own: what the holder pays from it.
        amount: what all of them pay.
    """

    transferring: int
    by_pass: int
    by_rides: int
    paying: int
    own: Money
    amount: Money

    @property
    def is_transfer(self) -> bool:
        """Nobody needed anything but the transfer."""
        return not (self.by_pass or self.by_rides or self.paying)


def is_aboard(last: Record, trip: Trip, tariff: Tariff) -> bool:
    """Tell whether the card's last deed was a ride on this very bus, a moment ago."""
    is_here = last.deed in RIDES and last.terminal == trip.terminal
    return is_here and is_within(last.at_s, trip.now_s, tariff.passback_s)


def is_undone(last: Record, trip: Trip, tariff: Tariff) -> bool:
    """Tell whether the card's last deed was a ride on this very bus that was taken back a moment ago."""
    is_here = last.deed is Deed.CANCELLED and last.terminal == trip.terminal
    return is_here and is_within(last.at_s, trip.now_s, tariff.passback_s)


def is_within(began_s: int, now_s: int, window_s: int) -> bool:
    """Tell whether now is in a window, though two clocks may differ."""
    return -CLOCKS_APART_S <= now_s - began_s <= window_s


def fare(holder: Holder, last: Record, trip: Trip, tariff: Tariff) -> Fare:
    """Work out what the passengers owe."""
    aboard = is_aboard(last, trip, tariff)
    transferring = _transferring(last, trip, tariff)
    left = trip.passengers - transferring
    holder_owes = not aboard and not transferring
    by_pass = _pass_of(holder, trip, tariff) if holder_owes else 0
    left -= bool(by_pass)
    by_rides = min(left, last.rides) if last.rides_product in tariff.rides else 0
    left -= by_rides
    own = _own(holder, last, trip, tariff) if holder_owes and left and not (by_pass or by_rides) else None
    others = left - (own is not None)
    return Fare(
        transferring=transferring,
        by_pass=by_pass,
        by_rides=by_rides,
        paying=left,
        own=own or NOTHING,
        amount=(own or NOTHING) + tariff.price_for(0) * others,
    )


def ridden(last: Record, trip: Trip, tariff: Tariff, owed: Fare, mark: bytes) -> Record:
    """Return the record of the ride, as it will stand on the card.

    Args:
        last: the record before.
        trip: where and when.
        tariff: the rules.
        owed: what the passengers owe.
        mark: drawn for this tap, 4 bytes.
    """
    deed = Deed.TRANSFER if owed.is_transfer else Deed.RIDE
    amount_minor = -owed.amount.amount_minor
    moved = last.then(
        deed=deed, at_s=trip.now_s, terminal=trip.terminal, mark=mark, amount_minor=amount_minor
    )
    product = owed.by_pass or (last.rides_product if owed.by_rides else 0) or (SINGLE if owed.paying else 0)
    spent_minor = last.cap_spent_minor if last.cap_day == trip.day else 0
    until_s, times = last.transfer_until_s, last.transfers_left - bool(owed.transferring)
    if tariff.transfer is None:
        until_s, times = 0, 0
    elif not owed.is_transfer:
        until_s, times = trip.now_s + tariff.transfer.window_s, tariff.transfer.count
    here = {"line": trip.line, "stop": trip.stop, "zone": trip.zone, "passengers": trip.passengers}
    return moved.with_ride(
        **here,
        product=product or last.product,
        transfer_until_s=until_s,
        transfers_left=max(0, times),
        party=trip.passengers + (last.party if is_aboard(last, trip, tariff) else 0),
        cap_day=trip.day,
        cap_spent_minor=min(CAP_MINOR_MAX, spent_minor + owed.own.amount_minor),
        rides=last.rides - owed.by_rides,
    )


def undone(before: Record, ride: Record, trip: Trip, mark: bytes) -> Record:
    """Return the record of a ride that is taken back: the card is as it was before it, and has its money.

    Args:
        before: the record before the ride; window, cap, tickets and place are again what it says.
        ride: what is taken back, the card's newest record.
        trip: where and when.
        mark: drawn for it, 4 bytes.
    """
    return replace(
        before,
        deed=Deed.CANCELLED,
        counter=ride.counter + 1,
        at_s=trip.now_s,
        terminal=trip.terminal,
        mark=mark,
        passengers=ride.passengers,
        product=ride.product,
        amount_minor=-ride.amount_minor,
        balance_minor=ride.balance_minor - ride.amount_minor,
    )


def _transferring(last: Record, trip: Trip, tariff: Tariff) -> int:
    """How many of the passengers change for nothing."""
    rule = tariff.transfer
    is_same_bus = last.terminal == trip.terminal and last.deed is not Deed.CANCELLED
    if rule is None or not last.transfers_left or is_same_bus:
        return 0
    if last.line == trip.line and not rule.same_line:
        return 0
    in_time = is_within(last.transfer_until_s - rule.window_s, trip.now_s, rule.window_s)
    return min(trip.passengers, last.party) if in_time else 0


def _pass_of(holder: Holder, trip: Trip, tariff: Tariff) -> int:
    good = (p.product for p in holder.passes if p.product in tariff.passes and p.covers(trip.zone, trip.day))
    return next(good, 0)


def _own(holder: Holder, last: Record, trip: Trip, tariff: Tariff) -> Money:
    """What the holder's own ride costs: the price, or what the day's cap leaves of it."""
    price = tariff.price_for(holder.category_on(trip.day))
    if tariff.cap_day is None:
        return price
    spent = Money(last.cap_spent_minor if last.cap_day == trip.day else 0, EURO)
    return min(price, max(NOTHING, tariff.cap_day - spent))
