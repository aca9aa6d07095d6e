"""Reports go to the core with the addresses of their photographs.

Which photographs are here is known when a report is sent, not when it was taken; so its body names the bodies
that belong to it, and this stands in front of the connector and turns those that are here into addresses.

Rules: an address is the same at every attempt (`hub.attachments.links`). One that was revoked is not given
out. Not here: waiting for bodies, which is the outgoing row's instant (`hub.db.attachment_repository`).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from hub.attachments.links import LIFE_MS, MediaLinks
from hub.core.port import Connector, Effect, Result
from hub.db.attachment_repository import AttachmentBook, State
from hub.db.writer import Writer


class WithMedia:
    """A connector whose effects may name photographs."""

    def __init__(self, connector: Connector, writer: Writer, links: MediaLinks) -> None:
        """Stand in front of a connector.

        Args:
            connector: who delivers; it finds addresses in the body's `media_urls`.
            writer: the database.
            links: makes addresses.
        """
        self.name = connector.name
        self.batch_max = connector.batch_max
        self.parallel_max = connector.parallel_max
        self._connector = connector
        self._writer = writer
        self._links = links

    async def deliver(self, effects: Sequence[Effect]) -> Sequence[Result]:
        """Deliver effects, each with the addresses of what is here of it."""
        if any("attachments" in effect.body for effect in effects):
            effects = await asyncio.to_thread(self._with_addresses, effects)
        return await self._connector.deliver(effects)

    async def close(self) -> None:
        """Give up the connector's connections."""
        await self._connector.close()

    def _with_addresses(self, effects: Sequence[Effect]) -> Sequence[Effect]:
        with self._writer.read() as connection:
            book = AttachmentBook(connection)
            return [replace(effect, body=self._with_address(effect, book)) for effect in effects]

    def _with_address(self, effect: Effect, book: AttachmentBook) -> Mapping[str, object]:
        named = cast("Sequence[Mapping[str, str]]", effect.body.get("attachments", ()))
        urls: list[str] = []
        for one in named:
            body = book.find(one["device"], one["sha256"])
            if body is not None and body.state is State.STORED and not body.revoked:
                urls.append(self._links.url(body.device, body.sha256, effect.created_ms + LIFE_MS))
        rest = {name: value for name, value in effect.body.items() if name != "attachments"}
        return {**rest, "media_urls": urls} if urls else rest
