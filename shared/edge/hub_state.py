"""The hub's state hint: a retained word of the broker, without a MAC, that gates nothing.

It is worth one thing: a device that has backed off, because nobody answered its births, need not wait a
quarter of an hour when the hub says that it is back. Once a minute at most, whoever says it.

Source: docs/PROTOCOL.md, section Topics.
"""

from dataclasses import dataclass
from typing import Final

from shared.protocol.parsing import ParseError, parse_object

HEED_EVERY_MS: Final = 60_000


@dataclass(slots=True)
class HubHint:
    """What was heard last.

    Attributes:
        on: the hub says that it is there; None if nothing was heard.
    """

    on: bool | None = None
    _heeded_ms: int = -HEED_EVERY_MS

    def hear(self, payload: bytes) -> None:
        """Take the hint.

        Raises:
            ParseError: it is no hint.
        """
        on = parse_object(payload.removesuffix(b"\n")).get("on")
        if type(on) is not bool:
            message = "The hub's state hint does not say whether it is on."
            raise ParseError(message)
        self.on = on

    def heed(self, uptime_ms: int) -> bool:
        """Tell whether the hub is said to be there, and note that something is done about it."""
        if not self.on or uptime_ms - self._heeded_ms < HEED_EVERY_MS:
            return False
        self._heeded_ms = uptime_ms
        return True
