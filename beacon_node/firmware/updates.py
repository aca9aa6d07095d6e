"""When a node asks its hub for a firmware, and what the hub hears of it.

A node that has the town's key (`/firmware.keys`) asks once after the first session of each start, and then
once a day, at times that it draws. It has one TLS socket: it asks while it is not connected to a broker.

    device.state of the key `firmware`: `ok` what runs; `degraded` what was refused, and why

Not here: what is taken (`ota`).
"""

import os

from beacon_node.firmware import constants as c
from beacon_node.firmware import manifest, ota, slots
from beacon_node.firmware.hub_files import Files
from beacon_node.firmware.manifest import RefusedError
from beacon_node.firmware.ring import RingFullError

_HOUR_MS = 3_600_000


class Updates:
    """A node's questions.

    Args:
        url: of the hub.
        me: who asks: `device`, `up_key`.
        node: has `board`, `clock` and `guard`.
        context: returns a TLS context; None for a hub in the clear (tests on one machine).
    """

    def __init__(self, url: str, me, node, context) -> None:
        self._url = url
        self._me = me
        self._node = node
        self._context = context
        self._at_ms = None
        self._pause_ms = c.FIRMWARE_ASK_AGAIN_MS
        self._told = None

    def due(self, now_ms: int) -> bool:
        """Return whether to ask now; asked from the first confirmed session of a start on.

        Args:
            now_ms: since the start.
        """
        if self._at_ms is None:
            self._at_ms = now_ms + _drawn(c.FIRMWARE_ASK_FIRST_MS)
        return now_ms >= self._at_ms and self._node.clock.trusted and not slots.on_trial()

    async def run(self, say, now_ms: int) -> None:
        """Ask, and take what is offered: the node starts again, and tries it.

        Args:
            say: keeps a line for the hub.
            now_ms: since the start.
        """
        self._at_ms = now_ms + c.FIRMWARE_ASK_EVERY_MS * 4 // 5 + _drawn(c.FIRMWARE_ASK_EVERY_MS // 5 * 2)
        try:
            taken = await self._take()
        except RefusedError as reason:
            offered = manifest.read(ota.OFFER) or manifest.read("/" + slots.other() + manifest.NAME)
            self._tell(say, "degraded", "%s: %s" % (offered.sequence if offered else "?", reason))
        except (OSError, MemoryError):
            self._at_ms = now_ms + self._pause_ms // 2 + _drawn(self._pause_ms // 2)
            self._pause_ms = min(2 * self._pause_ms, _HOUR_MS)
        else:
            self._pause_ms = c.FIRMWARE_ASK_AGAIN_MS
            self._tell(say, "ok", "%d runs" % ota.running() if taken is None else "%d is tried" % taken)
            if taken is not None:
                import machine

                machine.reset()

    async def _take(self) -> "int | None":
        node = self._node
        files = Files(self._url, self._me.device, self._me.up_key, self._context())
        return await ota.take(
            files, node.board["board"], node.clock.unix_s(), lambda: node.guard.moved("link")
        )

    def _tell(self, say, state: str, detail: str) -> None:
        if detail == self._told:
            return
        try:
            say("health", "device.state", {"key": "firmware", "state": state, "detail": detail})
            self._told = detail
        except RingFullError:
            pass  # the flash takes nothing; it is told at the next time


def version_of(slot: str, otherwise: str) -> str:
    """Return what a node calls the firmware of a slot: version and sequence, `0.2.0+12`."""
    found = manifest.read("/" + slot + manifest.NAME)
    return otherwise if found is None else "%s+%d" % (found.version, found.sequence)


def _drawn(below_ms: int) -> int:
    return int.from_bytes(os.urandom(3), "big") * below_ms >> 24
