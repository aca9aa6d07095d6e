"""What the hub has of the photographs that an effect names: their addresses, and who was told of them.

Rules:
- An address is the same at every attempt (`hub.attachments.links`). One that was revoked is not given out.
- That a photograph is told is durable before the request leaves. A request that did not take place is sent
  again with it; one whose fate is unknown is searched for at the core before anything is sent again.
- A report that the core has already may name photographs in what it lists: those were told. After a restore
  nothing else says so.

Not here: waiting for bodies, which is the outgoing row's instant (`hub.db.attachment_repository`), and what
comes after its report (`hub.jobs.late_photographs`).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from hub.attachments.links import LIFE_MS, MediaLinks
from hub.core.port import Effect
from hub.db.attachment_repository import AttachmentBook, State
from hub.db.engine import Connection
from hub.db.writer import Writer

BODIES = "attachments"
"""Where an effect's body names photographs: device and SHA-256 of each."""


class HubMedia:
    """Gives out the addresses of photographs that are here; implements `hub.core.media.Media`."""

    def __init__(self, writer: Writer, links: MediaLinks, clock: Callable[[], int]) -> None:
        """Take what is needed.

        Args:
            writer: the database.
            links: makes addresses.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self._writer = writer
        self._links = links
        self._clock = clock

    async def addressed(self, effect: Effect) -> Mapping[str, object]:
        """Return an effect's body with `media_urls` of what is here, noted durably as told."""
        if BODIES not in effect.body:
            return effect.body
        return await asyncio.to_thread(self._writer.run, lambda connection: self._address(effect, connection))

    async def seen(self, effect: Effect, urls: Sequence[str]) -> None:
        """Note those photographs of an effect as told whose addresses the core has."""
        named = {self._links.named(url) for url in urls}
        told = [pair for pair in _bodies(effect) if pair in named]
        if told:
            now_ms = self._clock()
            await asyncio.to_thread(
                self._writer.run, lambda connection: AttachmentBook(connection).note_told(told, now_ms)
            )

    def _address(self, effect: Effect, connection: Connection) -> Mapping[str, object]:
        book = AttachmentBook(connection)
        found = [book.find(device, sha256) for device, sha256 in _bodies(effect)]
        here = [one for one in found if one and one.state is State.STORED and not one.revoked]
        book.note_told([(one.device, one.sha256) for one in here], self._clock())
        rest = {name: value for name, value in effect.body.items() if name != BODIES}
        urls = [
            self._links.url(one.device, one.sha256, (effect.created_ms or one.announced_ms) + LIFE_MS)
            for one in here
        ]
        return {**rest, "media_urls": urls} if urls else rest


def _bodies(effect: Effect) -> list[tuple[str, str]]:
    named = cast("Sequence[Mapping[str, str]]", effect.body.get(BODIES, ()))
    return [(one["device"], one["sha256"]) for one in named]
