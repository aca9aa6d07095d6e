"""Photographs of one session: upright and bare, in this process's memory alone until they are sealed."""

import threading
from collections.abc import Iterable, Sequence
from hashlib import sha256
from io import BytesIO
from secrets import token_bytes, token_hex
from typing import Final

from shared.model.attachment import ATTACHMENTS_MAX, Attachment, Envelope
from shared.model.errors import CapacityError
from shared.protocol.attachment import KEY_BYTES, seal_body

JPEG: Final = "image/jpeg"
HELD_MAX: Final = ATTACHMENTS_MAX + 1
"""What one report may carry, and a picture that the hub sent."""
_TOKEN_BYTES: Final = 8


class TooManyPhotographsError(CapacityError):
    """One report carries a few photographs; drop one first."""


class PhotographBox:
    """Bodies by token; any thread may call."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = threading.Lock()
        self._bodies: dict[str, bytes] = {}

    def put(self, jpeg: bytes) -> str:
        """Keep a body; returns its token.

        Raises:
            TooManyPhotographsError: there are as many as there may be.
        """
        token = token_hex(_TOKEN_BYTES)
        with self._lock:
            if len(self._bodies) >= HELD_MAX:
                raise TooManyPhotographsError(TooManyPhotographsError.__doc__)
            self._bodies[token] = jpeg
        return token

    def get(self, token: str) -> bytes:
        """Return a body; nothing where it was dropped."""
        return self._bodies.get(token, b"")

    def drop(self, tokens: Iterable[str]) -> None:
        """Forget some."""
        with self._lock:
            for token in tokens:
                self._bodies.pop(token, None)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._bodies.clear()


def seal_photographs(
    device: str, event_id: str, jpegs: Sequence[bytes]
) -> Sequence[tuple[Attachment, bytes]]:
    """Seal an event's photographs; returns each as its event names it, with its sealed body."""
    sealed: list[tuple[Attachment, bytes]] = []
    for jpeg in jpegs:
        key = token_bytes(KEY_BYTES)
        body = b"".join(seal_body(key, device, event_id, BytesIO(jpeg).read))
        envelope = Envelope(sha256=sha256(body).hexdigest(), size=len(body), media_type=JPEG)
        sealed.append((Attachment(envelope=envelope, key=key, plain_sha256=sha256(jpeg).hexdigest()), body))
    return sealed
