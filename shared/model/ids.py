"""Identifiers: events, effects, and the reference that a citizen takes home.

- An **event id** is a UUID of version 7, in lower case with hyphens: it sorts by the device's clock, but
  nothing may rely on that order. Source: RFC 9562, section 5.7.
- An **effect key** names one effect of one event towards the ledger or the core, the same at every attempt
  and after every restore. Source: RFC 9562, section 5.5 (version 5).
- A **reference** is what a citizen reads out over the telephone: 12 characters without vowels (no words) and
  without look-alikes, in groups of four. The last one is a check character: a weighted sum modulo a prime,
  the scheme of ISBN-10 (ISO 2108:1992) with 23 in place of 11. Each weight is invertible and no two are
  equal, so every single wrong character and every transposition of two, adjacent or not, is caught.

Pure: the clock and the random bytes are given by the caller.
"""

import re
from hashlib import sha1
from uuid import UUID

from shared.model.errors import InputError

EVENT_ID_RANDOM_BYTES = 10
REFERENCE_RANDOM_BYTES = 16

_EVENT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_DEVICE_ID = re.compile(r"[a-z0-9-]{1,32}")
_TIME_MS_MAX = 2**48 - 1
_VERSION_7 = 7 << 76
_VARIANT = 2 << 62
_RANDOM_BITS = ~(15 << 76 | 3 << 62)

REFERENCE_ALPHABET = "23456789CDFHJKMNPRTVWXY"
REFERENCE_LENGTH = 12
_PRIME = len(REFERENCE_ALPHABET)
_VALUES = {character: value for value, character in enumerate(REFERENCE_ALPHABET)}
_WEIGHTS = range(REFERENCE_LENGTH, 0, -1)
_SEPARATORS = str.maketrans("", "", "- \u2013\u00a0")


def new_event_id(now_ms: int, random_bytes: bytes) -> str:
    """Makes the id of an event.

    Args:
        now_ms: Unix time in milliseconds; a clock before 1970 counts as 0.
        random_bytes: `EVENT_ID_RANDOM_BYTES` from a cryptographic source.

    Raises:
        InputError: the number of random bytes is wrong.
    """
    if len(random_bytes) != EVENT_ID_RANDOM_BYTES:
        raise InputError(f"an event id takes {EVENT_ID_RANDOM_BYTES} random bytes")
    time_ms = min(max(now_ms, 0), _TIME_MS_MAX)
    random_bits = int.from_bytes(random_bytes, "big") & _RANDOM_BITS
    digits = f"{time_ms << 80 | _VERSION_7 | _VARIANT | random_bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def check_event_id(text: object) -> str:
    """Returns the event id if it is one, in its canonical form.

    Raises:
        InputError: it is no UUID of version 7 in lower case with hyphens.
    """
    if type(text) is not str or not _EVENT_ID.fullmatch(text):
        raise InputError("an event id is a UUID of version 7, in lower case with hyphens")
    return text


def check_device_id(text: object) -> str:
    """Returns the device id if it is one.

    Raises:
        InputError: it is not 1 to 32 lower-case letters, digits and hyphens.
    """
    if type(text) is not str or not _DEVICE_ID.fullmatch(text):
        raise InputError("a device id is 1 to 32 lower-case letters, digits and hyphens")
    return text


def effect_key(device: str, event_id: str, effect: str) -> UUID:
    """The key under which an effect of an event is known everywhere, for ever.

    The device is part of it: two devices that come up with one id (a cloned disk) do not collide.

    Args:
        device: the device id.
        event_id: a canonical event id.
        effect: what is effected, e.g. `payment`.
    """
    named = bytes.fromhex(event_id.replace("-", "")) + f"{device}/{effect}".encode()
    return UUID(
        bytes=sha1(named, usedforsecurity=False).digest()[:16], version=5
    )  # as uuid5, at half its cost


def new_reference(random_bytes: bytes) -> str:
    """Makes a citizen's reference, e.g. `7KXM-2PRT-94VW`.

    Args:
        random_bytes: `REFERENCE_RANDOM_BYTES` from a cryptographic source; 23^11 references (50 bits) exist.

    Raises:
        InputError: the number of random bytes is wrong.
    """
    if len(random_bytes) != REFERENCE_RANDOM_BYTES:
        raise InputError(f"a reference takes {REFERENCE_RANDOM_BYTES} random bytes")
    drawn, body = int.from_bytes(random_bytes, "big"), ""
    while len(body) < REFERENCE_LENGTH - 1:
        drawn, value = divmod(drawn, _PRIME)
        body += REFERENCE_ALPHABET[value]
    return _grouped(body + REFERENCE_ALPHABET[-_weighted_sum(body) % _PRIME])


def check_reference(text: str) -> str:
    """Reads a reference as a person types it and returns its canonical form.

    Args:
        text: upper or lower case, with or without hyphens and spaces.

    Raises:
        InputError: a character is missing, foreign, wrong or in the wrong place.
    """
    plain = text.translate(_SEPARATORS).upper()
    if len(plain) != REFERENCE_LENGTH or not _VALUES.keys() >= set(plain):
        raise InputError(
            "a reference has 12 letters and digits, such as 7KXM-2PRT-94VW; check what is missing"
        )
    if _weighted_sum(plain) % _PRIME:
        raise InputError("this reference has a wrong or swapped character; compare it with the receipt")
    return _grouped(plain)


def _weighted_sum(characters: str) -> int:
    return sum(weight * _VALUES[character] for weight, character in zip(_WEIGHTS, characters, strict=False))


def _grouped(plain: str) -> str:
    return f"{plain[:4]}-{plain[4:8]}-{plain[8:]}"
