"""A card in a field, as whoever speaks to it sees it: bytes in, bytes out.

    answer = transport.transmit(bytes.fromhex("9060000000"))

Rules:
- One verb. What lies behind (a reader, a socket, a relay to the hub) is nobody's business above.
- Who fails says what is known of the command: `NotSentError`, the card cannot have seen it;
  `UnansweredError`, it may have carried it out. In doubt it is the second.
- The bytes are not judged here: whatever a card says goes up as it came.
"""

from typing import Protocol

from shared.model.errors import TransientError


class NotSentError(TransientError):
    """The command never left; present the card again."""


class UnansweredError(TransientError):
    """The command may have reached the card, and no answer came; read the card before you repeat it."""


class Transport(Protocol):
    """One card in one field."""

    def transmit(self, command: bytes) -> bytes:
        """Send a command APDU and return the response APDU, status word included.

        Raises:
            NotSentError: the card cannot have seen the command.
            UnansweredError: the card may have carried it out.
        """
        ...
