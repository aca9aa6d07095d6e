"""Photographs on their way to the core: the port through which a connector gets their addresses.

Which photographs are here is known when a request leaves, not when it was decided; so an effect names the
bodies that belong to it, and a connector asks for their addresses at the last moment. Whoever gives them out
notes it before: what a request named is not told a second time.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from hub.core.port import Effect


class Media(Protocol):
    """Gives out addresses."""

    async def addressed(self, effect: Effect) -> Mapping[str, object]:
        """Return an effect's body with `media_urls` of what is here, noted durably as told."""
        ...

    async def seen(self, effect: Effect, urls: Sequence[str]) -> None:
        """Note that the core has an effect already, with these addresses."""
        ...


class NoMedia:
    """For work without photographs: bodies stay as they are."""

    async def addressed(self, effect: Effect) -> Mapping[str, object]:
        """Return the body."""
        return effect.body

    async def seen(self, effect: Effect, urls: Sequence[str]) -> None:
        """Note nothing."""
