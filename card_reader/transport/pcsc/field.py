"""A card in a reader's field, as `Transport`: what is known of a command that failed, and how long one waits.

Rules:
- It is `NotSentError` only where pcscd says so *before* it speaks to the reader: the card was taken away or
  reset since. Whatever else fails, the card may have done it.
- What comes after `ANSWER_S` was given up already, and the passenger was told: it is not believed to be the
  answer any more, and nothing further is sent to this card.
"""

import time
from collections.abc import Callable
from typing import Final

from card_reader.transport.pcsc.winscard import Code, Connection, PcscError
from card_reader.transport.port import NotSentError, UnansweredError

ANSWER_S: Final = 2.0
"""A card that thinks longer is mute: eight times what a whole tap takes."""
NUMBER_BYTES_MAX: Final = 10
_NUMBER_COMMAND: Final = bytes.fromhex("FFCA000000")
_OK: Final = b"\x90\x00"
_UNSENT: Final = frozenset({Code.REMOVED, Code.RESET})


class Field:
    """One card, from when it came until it left; implements `Transport`.

    Args:
        connection: to the card; closed by whoever opened it.
        atr: the card's answer to reset.
        monotonic_s: a clock.

    Attributes:
        atr: the same.
        began_s: when the command that is under way was sent; None while none is.
    """

    def __init__(
        self, connection: Connection, atr: bytes = b"", monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.atr = atr
        self.began_s: float | None = None
        self._connection = connection
        self._monotonic_s = monotonic_s
        self._is_over = False

    def transmit(self, command: bytes) -> bytes:
        """Send a command and wait for its answer."""
        if self._is_over:
            raise NotSentError(NotSentError.__doc__)
        began_s = self.began_s = self._monotonic_s()
        try:
            answer = self._connection.transmit(command)
        except PcscError as error:
            self._is_over = True
            if error.code in _UNSENT:
                raise NotSentError(NotSentError.__doc__) from error
            raise UnansweredError(UnansweredError.__doc__) from error
        finally:
            self.began_s = None
        if self._monotonic_s() - began_s > ANSWER_S:
            self._is_over = True
            raise UnansweredError(UnansweredError.__doc__)
        return answer

    def number(self) -> bytes:
        """Return the card's number in the air, which the reader knows; empty where it says none.

        Raises:
            NotSentError, UnansweredError: the card is gone.
        """
        answer = self.transmit(_NUMBER_COMMAND)
        number = answer[: -len(_OK)]
        return number if answer.endswith(_OK) and len(number) <= NUMBER_BYTES_MAX else b""
