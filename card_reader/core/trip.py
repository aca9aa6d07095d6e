"""Where a terminal stands when a card comes: place, time, and what the driver keyed."""

from dataclasses import dataclass

from card_reader.citizen_card.journal import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """A tap that the driver takes back.

    Attributes:
        card: keyed hash of its card.
        ride: its record; it happened.
    """

    card: bytes
    ride: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """The moment of one tap.

    Attributes:
        terminal: this one, by its number.
        line: of the bus.
        stop: where it is.
        zone: the stop's, 1 to 16.
        now_s: Unix seconds by the terminal's clock.
        day: of the town's calendar, as `citizen_card.holder.day_of` counts.
        passengers: how many ride on this card.
        is_keyed: somebody keyed the passengers for this very tap.
        undoing: the tap that the driver takes back, if its card is the one that comes.
    """

    terminal: int
    line: int
    stop: int
    zone: int
    now_s: int
    day: int
    passengers: int = 1
    is_keyed: bool = False
    undoing: Undoing | None = None
