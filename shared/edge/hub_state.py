"""The hub's state hint: a retained word of the broker, without a MAC, that gates nothing.

It is worth one thing: a device whose births nobody answered need not wait for its next attempt, up to a
quarter of an hour, when the hub says at this moment that it is there. What the broker had kept from earlier
counts for nothing, and whoever says it, it is heeded no more often than births go out anyway. A birth that is
on its way gets its time to be answered first.

Source: docs/PROTOCOL.md, section Topics.
"""

from dataclasses import dataclass
from typing import Final

from shared.protocol import limits
from shared.protocol.parsing import ParseError, parse_object

HEED_EVERY_MS: Final = limits.BIRTH_TIMEOUT_MS
ANSWER_MS: Final = 1_000
"""What a hub that is there needs at most to answer a birth, on an ordinary day."""


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
