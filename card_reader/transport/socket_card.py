"""A card at the other end of a socket: how tests and the demonstration reach the virtual card.

A message is its length (two bytes, big-endian) and its bytes. One byte alone is for the field, not for the
card: 0 off, 1 on, 2 reset (no answer), 4 asks for the answer to reset.

Source: vsmartcard, `virtualsmartcard/doc/api.txt`: the protocol that a virtual reader of PC/SC speaks too.
"""

import socket
from typing import Final

from card_reader.transport.port import NotSentError, UnansweredError

POWER_OFF: Final = b"\x00"
POWER_ON: Final = b"\x01"
_LENGTH_BYTES: Final = 2


class SocketCard:
    """A card that a peer plays; implements `Transport`.

    Args:
        peer: connected to whoever plays the card; closed by its owner.
    """

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer

    def power(self, *, on: bool) -> None:
        """Bring the card into the field, or take it out: it forgets what it did not commit.

        Raises:
            NotSentError: nobody is there.
        """
        self._send(POWER_ON if on else POWER_OFF)

    def transmit(self, command: bytes) -> bytes:
        """Send a command and wait for its answer; the socket's timeout bounds it."""
        self._send(command)
        try:
            length = int.from_bytes(self._take(_LENGTH_BYTES), "big")
            return self._take(length)
        except OSError:
            raise UnansweredError(UnansweredError.__doc__) from None

    def _send(self, message: bytes) -> None:
        try:
            self._peer.sendall(len(message).to_bytes(_LENGTH_BYTES, "big") + message)
        except OSError:
            raise NotSentError(NotSentError.__doc__) from None

    def _take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            part = self._peer.recv(count - len(taken))
            if not part:
                raise ConnectionResetError
            taken += part
        return taken
