"""Attachments: how a body is sealed chunk by chunk, and how a device shows that it speaks of it. Pure.

A body is cut into chunks of 64 KiB. Each is sealed by AES-256-GCM under a key that is drawn for this body
alone, with its index as the nonce and, as associated data, its device, its event, its index, and whether it
is the last. So a chunk cannot change its place, a body cannot lose its end, and neither can move to another
event. The key travels in the event's sealed data, with the hash of the plain body.

Neither side ever holds more than a chunk. A request is bound to what it says by a MAC under the device's key.

Source: docs/PROTOCOL.md, section Attachments; NIST SP 800-38D (GCM).
"""

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.protocol.keys import LinkKey
from shared.protocol.mac import MacError, open_message, seal_message
from shared.protocol.sealing import SealError

CHUNK_BYTES: Final = 64 * 1024
TAG_BYTES: Final = 16
SEALED_CHUNK_BYTES: Final = CHUNK_BYTES + TAG_BYTES
KEY_BYTES: Final = 32
PATH: Final = "/attachments"
SCHEME: Final = "Ventanilla "
OFFSET_HEADER: Final = "Upload-Offset"
LENGTH_HEADER: Final = "Upload-Length"

Read = Callable[[int], bytes]
"""Gives at most so many bytes, none at the end: `file.read`."""


def sealed_size(plain_bytes: int) -> int:
    """Return how long a body is once it is sealed."""
    return plain_bytes + TAG_BYTES * max(1, -(-plain_bytes // CHUNK_BYTES))


def seal_body(key: bytes, device: str, event_id: str, read: Read) -> Iterator[bytes]:
    """Seal a body chunk by chunk.

    Args:
        key: 32 random bytes that seal nothing else.
        device: whose body it is.
        event_id: what it belongs to.
        read: gives the plain body.

    Yields:
        Sealed chunks; each but the last has `SEALED_CHUNK_BYTES`.
    """
    cipher, index = AESGCM(key), 0
    chunk = _read_whole(read, CHUNK_BYTES)
    while True:
        following = _read_whole(read, CHUNK_BYTES)
        last = not following
        yield cipher.encrypt(_nonce(index), chunk, _place(device, event_id, index, last=last))
        if last:
            return
        chunk, index = following, index + 1


def open_body(key: bytes, device: str, event_id: str, read: Read) -> Iterator[bytes]:
    """Open a sealed body chunk by chunk; nothing of a chunk is given before its tag held.

    Args:
        key: from the event's data.
        device: whose body it is.
        event_id: what it belongs to.
        read: gives the sealed body.

    Yields:
        Plain chunks.

    Raises:
        SealError: another key, event or device; damaged, cut short, or longer than it was.
    """
    cipher, index = AESGCM(key), 0
    chunk = _read_whole(read, SEALED_CHUNK_BYTES)
    while True:
        following = _read_whole(read, SEALED_CHUNK_BYTES)
        last = not following
        try:
            yield cipher.decrypt(_nonce(index), chunk, _place(device, event_id, index, last=last))
        except (InvalidTag, ValueError) as error:
            raise SealError(SealError.__doc__) from error
        if last:
            return
        chunk, index = following, index + 1


def body_path(device: str, name: str) -> str:
    """Return where a body is uploaded to, below the hub's address.

    Args:
        device: whose body it is.
        name: SHA-256 of the sealed body, in hex.
    """
    return f"{PATH}/{device}/{name}"


def sign_request(key: LinkKey, method: str, path: str, offset: int, content: bytes) -> str:
    """Return the value of `Authorization` for a request about a body.

    Args:
        key: the device's K_up.
        method: HEAD, PATCH or DELETE.
        path: from `body_path`.
        offset: where the content belongs; 0 where there is none.
        content: of the request.
    """
    said = _said(content)
    line = seal_message(key, _topic(method, path, offset), said)[len(said) :]
    return SCHEME + line.decode()


def check_request(
    keys: Mapping[str, bytes], shown: str, method: str, path: str, offset: int, content: bytes
) -> None:
    """See that a request comes from the device in its path, and says what the device said.

    Args:
        keys: K_up by key id, of the device in the path; none where it is unknown or revoked.
        shown: the value of `Authorization`.
        method: of the request.
        path: of the request.
        offset: of the request.
        content: of the request.

    Raises:
        MacError: it does not.
    """
    if not shown.startswith(SCHEME):
        raise MacError(MacError.__doc__)
    line = shown.removeprefix(SCHEME).encode("ascii", "replace")
    open_message(keys, _topic(method, path, offset), _said(content) + line)


def _topic(method: str, path: str, offset: int) -> str:
    return f"{method} {path} {offset}"


def _said(content: bytes) -> bytes:
    return sha256(content).hexdigest().encode() + b"\n"


def _nonce(index: int) -> bytes:
    return index.to_bytes(12, "big")


def _place(device: str, event_id: str, index: int, *, last: bool) -> bytes:
    return f"vt1 attachment|{device}|{event_id}|{index}|{'last' if last else 'more'}".encode()


def _read_whole(read: Read, count: int) -> bytes:
    """Read until there is as much as asked for, or the end."""
    found = read(count)
    while 0 < len(found) < count and (more := read(count - len(found))):
        found += more
    return found
