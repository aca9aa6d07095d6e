"""The driver's place: where the bus is, and what is keyed for the next card. Any thread may ask and key.

What is keyed is for the next card that rides, and for a minute: a group that did not board must not be
charged to whoever comes next. A tap that is taken back waits as long for its own card; others ride meanwhile.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from card_reader.citizen_card.holder import day_of
from card_reader.citizen_card.journal import terminal_number
from card_reader.core.trip import Trip, Undoing
from shared.model.errors import InputError

KEYED_S: Final = 60
PASSENGERS_MAX: Final = 99
PLACE_MAX: Final = 0xFFFF
ZONE_MAX: Final = 16
REASON_LENGTH_MAX: Final = 32
REASONS_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the bus is.

    Attributes:
        line: by its number.
        stop: the same.
        zone: the stop's, 1 to 16.
    """

    line: int
    stop: int
    zone: int

    def __post_init__(self) -> None:
        if not (0 <= self.line <= PLACE_MAX and 0 <= self.stop <= PLACE_MAX and 1 <= self.zone <= ZONE_MAX):
            raise InputError(
                f"line and stop are numbers up to {PLACE_MAX}, a zone is 1 to {ZONE_MAX}; correct the trip"
            )


class Cab:
    """What the driver and the bus say.

    Args:
        device: the terminal's name.
        place: where the bus is at first.
        now_s: the best time that there is, Unix seconds.
    """

    def __init__(self, device: str, place: Place, now_s: Callable[[], int]) -> None:
        self._terminal = terminal_number(device)
        self._place = place
        self._now_s = now_s
        self._lock = threading.Lock()
        self._passengers: int | None = None
        self._undoing: Undoing | None = None
        self._keyed_s = 0
        self._free_rides: dict[str, int] = {}

    def trip(self) -> Trip:
        """Return the moment of the tap that begins now."""
        now_s = self._now_s()
        with self._lock:
            keyed, undoing = self._keyed(now_s)
            place = self._place
        return Trip(
            terminal=self._terminal,
            line=place.line,
            stop=place.stop,
            zone=place.zone,
            now_s=now_s,
            day=day_of(datetime.fromtimestamp(now_s, tz=UTC).astimezone().date()),
            passengers=keyed or 1,
            is_keyed=keyed is not None,
            undoing=undoing,
        )

    def move(self, place: Place) -> None:
        """The bus is elsewhere."""
        with self._lock:
            self._place = place

    def key(self, passengers: int) -> None:
        """So many ride on the next card.

        Raises:
            InputError: it is no number of people.
        """
        if not 1 <= passengers <= PASSENGERS_MAX:
            raise InputError(f"passengers is a number from 1 to {PASSENGERS_MAX}; key it again")
        with self._lock:
            self._passengers, self._undoing, self._keyed_s = passengers, None, self._now_s()

    def undo(self, undoing: Undoing) -> None:
        """This tap is taken back when its card comes."""
        with self._lock:
            self._passengers, self._undoing, self._keyed_s = None, undoing, self._now_s()

    def clear(self) -> None:
        """Nothing is keyed any more: the driver thought better of it."""
        with self._lock:
            self._passengers = self._undoing = None

    def used(self, trip: Trip, counter: int | None) -> None:
        """A card rode, or its tap was taken back: what was keyed for it is over.

        Args:
            trip: what was keyed as it came.
            counter: of the card's newest deed now.
        """
        with self._lock:
            if trip.undoing is None:
                self._passengers = None
            elif trip.undoing is self._undoing and counter == trip.undoing.ride.counter + 1:
                self._undoing = None

    def ride_free(self, reason: str) -> dict[str, int]:
        """Somebody rides without a card; return the counters since the start.

        Raises:
            InputError: the reason is no short word, or there are too many of them.
        """
        if not (0 < len(reason) <= REASON_LENGTH_MAX and reason.isidentifier()):
            raise InputError(
                f"a reason is one word of at most {REASON_LENGTH_MAX} letters; choose one that the town knows"
            )
        with self._lock:
            if reason not in self._free_rides and len(self._free_rides) >= REASONS_MAX:
                raise InputError(f"there are {REASONS_MAX} reasons already; choose one of them")
            self._free_rides[reason] = self._free_rides.get(reason, 0) + 1
            by_reason = {f"free_ride.{name}": count for name, count in self._free_rides.items()}
            return {"free_ride": sum(self._free_rides.values()), **by_reason}

    def lapsed(self) -> bool:
        """Tell, once, that what was keyed is over without a card that used it."""
        with self._lock:
            was_keyed = self._passengers is not None or self._undoing is not None
            if not was_keyed or self._keyed(self._now_s()) != (None, None):
                return False
            self._passengers = self._undoing = None
            return True

    def members(self) -> dict[str, int | None]:
        """Return how it stands, as a JSON object's members."""
        with self._lock:
            place, (keyed, undoing) = self._place, self._keyed(self._now_s())
        said = {"line": place.line, "stop": place.stop, "zone": place.zone, "passengers": keyed}
        return said if undoing is None else {**said, "gives_back_minor": -undoing.ride.amount_minor}

    def _keyed(self, now_s: int) -> tuple[int | None, Undoing | None]:
        is_fresh = 0 <= now_s - self._keyed_s <= KEYED_S
        return (self._passengers, self._undoing) if is_fresh else (None, None)
