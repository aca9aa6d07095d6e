"""A firmware's manifest, as it lies on the flash: read line by line, for want of room for all of it.

    {"v":1,"board":"esp32","sequence":12,"minimum":3,"version":"0.2.0","expires_s":…,"files":24,"bytes":61234}
    <bytes> <SHA-256> beacon_node/firmware/air.mpy
    …
    ~rsa-sha256.<key id>.<signature>

The town's public keys lie in `/firmware.keys`: one modulus or two, 384 bytes each. The last line signs all
that stands before it. The larger implementation, with the tools, is shared/protocol/firmware.py.
"""

import json
import os
from binascii import a2b_base64, hexlify, unhexlify
from hashlib import sha256

from beacon_node.firmware import constants as c
from beacon_node.firmware.rsa import DIGEST_BYTES, MODULUS_BYTES, is_signed

NAME = "/manifest"
"""Below a slot."""
CHUNK = 512
_MARK = b"~rsa-sha256."
_SIGNED_LINE = len(_MARK) + 9 + 512 + 1
"""The mark, eight digits and a dot, 384 bytes as base64url, the line's end."""
_NAME_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/."
_NAME_LENGTH_MAX = 64


class RefusedError(Exception):
    """A firmware that this node does not take; the words say why, and the hub is told."""


class Manifest:
    """What the first line says.

    Attributes:
        board: which board it is for.
        sequence: its number.
        minimum: no firmware of a lower number is taken any more.
        version: for people.
        expires_s: Unix seconds; later it is not taken.
        count: its files.
        size: bytes of all of them.
    """

    def __init__(self, path: str, head: dict) -> None:
        self._path = path
        self.board, self.version = head["board"], head["version"]
        self.sequence, self.minimum = _whole(head["sequence"]), _whole(head["minimum"])
        self.expires_s, self.count, self.size = (
            _whole(head[name]) for name in ("expires_s", "files", "bytes")
        )
        if head["v"] != 1 or not isinstance(self.board, str) or not isinstance(self.version, str):
            raise ValueError

    def lies(self, path: str) -> None:
        """Say where it lies from now on."""
        self._path = path

    def files(self):
        """Give each file in order: name, bytes, SHA-256.

        Raises:
            RefusedError: a line is none, or there are other files than the first line says.
        """
        size = 0
        with open(self._path, "rb") as file:
            file.readline(c.FIRMWARE_LINE_BYTES_MAX)
            for _ in range(self.count):
                each = _file(file.readline(c.FIRMWARE_LINE_BYTES_MAX))
                size += each[1]
                yield each
            if size != self.size or file.read(len(_MARK)) != _MARK:
                raise RefusedError("its manifest is malformed")


def read(path: str) -> "Manifest | None":
    """Return a manifest whose signature was checked before; None where there is none."""
    try:
        with open(path, "rb") as file:
            return Manifest(path, json.loads(file.readline(c.FIRMWARE_LINE_BYTES_MAX)))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def opened(path: str, keys: str = c.FIRMWARE_KEYS) -> Manifest:
    """Return a manifest that the town has signed.

    Raises:
        RefusedError: it has not, or it is none.
    """
    if not _is_towns(path, keys):
        raise RefusedError("its signature is not the town's")
    found = read(path)
    if found is None or found.size > c.FIRMWARE_BYTES_MAX or found.count > c.FIRMWARE_FILES_MAX:
        raise RefusedError("its manifest is malformed" if found is None else "it is too large for a slot")
    for _ in found.files():
        pass
    return found


def hashed(path: str, size: "int | None" = None):
    """Return SHA-256, to be gone on with, of a file's first bytes, and how many these are."""
    digest, done = sha256(), 0
    with open(path, "rb") as file:
        while size is None or done < size:
            chunk = file.read(CHUNK if size is None else min(CHUNK, size - done))
            if not chunk:
                break
            digest.update(chunk)
            done += len(chunk)
    return digest, done


def _is_towns(path: str, keys: str) -> bool:
    signed = os.stat(path)[6] - _SIGNED_LINE
    if signed <= 0:
        return False
    digest = hashed(path, signed)[0].digest()
    with open(path, "rb") as file:
        file.seek(signed)
        line = file.read(_SIGNED_LINE)
    if not line.startswith(_MARK) or line[-1:] != b"\n":
        return False
    try:
        signature = a2b_base64(line[len(_MARK) + 9 :].replace(b"-", b"+").replace(b"_", b"/"))
    except ValueError:
        return False
    with open(keys, "rb") as file:
        while True:
            modulus = file.read(MODULUS_BYTES)
            if not modulus:
                return False
            named = hexlify(sha256(modulus).digest()[:4]) + b"."
            if line[len(_MARK) : len(_MARK) + 9] == named and is_signed(modulus, digest, signature):
                return True


def _file(line: bytes) -> tuple:
    try:
        size, digest, name = line.decode().split(" ")
        found = name[:-1], int(size), unhexlify(digest)
    except ValueError:
        raise RefusedError("its manifest is malformed")
    if name[-1:] != "\n" or found[1] < 0 or len(found[2]) != DIGEST_BYTES:
        raise RefusedError("its manifest is malformed")
    if not is_inside(found[0]):
        raise RefusedError("a file of it would lie outside of the slot")
    return found


def is_inside(name: str) -> bool:
    """Return whether a file's name stays below the slot and is one of a firmware."""
    if len(name) > _NAME_LENGTH_MAX or not name.endswith((".mpy", ".py")):
        return False
    return all(each in _NAME_LETTERS for each in name) and not any(
        part in ("", ".", "..") for part in name.split("/")
    )


def _whole(value) -> int:
    if type(value) is not int or not 0 <= value < 1 << 40:
        raise ValueError
    return value
