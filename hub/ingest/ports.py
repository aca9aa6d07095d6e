"""What the ingest needs of the house: keys and fences, and the hub's incarnation."""

from collections.abc import Mapping
from typing import Protocol

from shared.protocol.keys import LinkKey


class KeyBook(Protocol):
    """The key registry, as the ingest sees it. It survives every restore of the database."""

    def keys_of(self, device: str) -> Mapping[str, bytes]:
        """Return the keys under which `device` may speak now, by key id; none if it is unknown or revoked."""
        ...

    def down_key(self, device: str) -> LinkKey:
        """Return the key under which the hub speaks to `device`."""
        ...

    def enrolled_ms(self, device: str) -> int | None:
        """Return when `device` was last enrolled, by the hub's clock; None if that is not known."""
        ...

    def is_fenced(self, device: str) -> bool:
        """Tell whether `device` takes no new money."""
        ...

    def fence(self, device: str, reason: str) -> None:
        """Fence `device`, durably, until a clerk releases it."""
        ...


class Incarnation(Protocol):
    """Which life of the hub this is: a counter fsynced outside the database."""

    @property
    def value(self) -> int:
        """The counter, raised at each start."""
        ...

    def rise_above(self, seen: int) -> None:
        """Go above a value that a device has seen: the whole disk was restored. Not durable yet."""
        ...

    def keep(self) -> None:
        """Make the value durable; nothing before names it to a device.

        Raises:
            OSError: it cannot be written.
        """
        ...
