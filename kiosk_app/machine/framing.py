"""Messages over the socket between the two processes of a kiosk: members as strict JSON, a body as bytes.

    4 bytes length of the members | 4 bytes length of the body | members | body

Rules: both lengths are bounded before anything is read. What is cut in the middle is the end of the line, and
nothing of it has an effect. What does not parse ends the line too: the other side is another version, or not
in its right mind, and whoever supervises starts it anew.
"""

import socket
import struct
import threading
from collections.abc import Mapping
from typing import Any, Final

from shared.model.attachment import SEALED_BYTES_MAX
from shared.model.errors import InputError, TransientError
from shared.protocol.parsing import encode, parse_object

MEMBERS_BYTES_MAX: Final = 64 * 1024
"""A line of the outbox with what is said of it has a third of this."""
BODY_BYTES_MAX: Final = SEALED_BYTES_MAX
"""A sealed photograph; a catalogue is far shorter."""
_LENGTHS: Final = struct.Struct("!II")


class LineEndedError(TransientError):
    """The kiosk's other process has gone; it is started again by itself."""


class MessageError(InputError):
    """The kiosk's two processes do not understand each other; install one version and restart the device."""


class MessageLine:
    """One end of the socket; any thread may send, one receives.

    Args:
        end: connected and blocking.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._lock = threading.Lock()

    def send(self, members: Mapping[str, Any], body: bytes = b"") -> None:
        """Send a message; waits while the other side reads slowly.

        Raises:
            MessageError: it is longer than a message may be.
            LineEndedError: there is nobody.
        """
        said = encode(members)
        if len(said) > MEMBERS_BYTES_MAX or len(body) > BODY_BYTES_MAX:
            raise MessageError(MessageError.__doc__)
        try:
            with self._lock:
                self._end.sendall(_LENGTHS.pack(len(said), len(body)) + said)
                if body:
                    self._end.sendall(body)
        except OSError as error:
            raise LineEndedError(LineEndedError.__doc__) from error

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """Wait for the next message.

        Raises:
            LineEndedError: there is nobody, also in the middle of a message.
            MessageError: what came is no message.
        """
        lengths = self._read(_LENGTHS.size)
        members_bytes, body_bytes = _LENGTHS.unpack(lengths)
        if members_bytes > MEMBERS_BYTES_MAX or body_bytes > BODY_BYTES_MAX:
            raise MessageError(MessageError.__doc__)
        members = self._read(members_bytes)
        body = self._read(body_bytes)
        try:
            return parse_object(members), body
        except InputError as error:
            raise MessageError(MessageError.__doc__) from error

    def close(self) -> None:
        """Hang up; whoever waits in `receive` or `send` is let go."""
        try:
            self._end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        finally:
            self._end.close()

    def _read(self, count: int) -> bytes:
        content = bytearray()
        while len(content) < count:
            try:
                block = self._end.recv(min(count - len(content), 1 << 20))
            except OSError as error:
                raise LineEndedError(LineEndedError.__doc__) from error
            if not block:
                raise LineEndedError(LineEndedError.__doc__)
            content += block
        return bytes(content)
