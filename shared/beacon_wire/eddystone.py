"""Eddystone's frames, written into a buffer that the caller keeps, and read from what a scanner hands over.

A frame stands in an advertisement of at most 31 bytes: flags, the service's number, the service's data. What
is written is the whole advertisement; what is read is the service's data alone, as scanners give it.

Rules:
- A buffer has the length of its frame (`UID_LENGTH` and so on): what is handed to a radio is then the buffer
  itself.
- Writing allocates nothing.
- What is malformed is a `ValueError` with a sentence, never a frame.

Source: Eddystone protocol specification (github.com/google/eddystone: eddystone-uid, -url, -tlm, -eid);
Bluetooth Core Supplement, part A (flags, service lists, service data).
"""

SERVICE = 0xFEAA
UID, URL, TLM, EID = 0x00, 0x10, 0x20, 0x30
PLAIN, ENCRYPTED = 0x00, 0x01
"""Versions of a TLM frame."""
NAMESPACE_LENGTH, INSTANCE_LENGTH, IDENTIFIER_LENGTH = 10, 6, 8
ENCODED_URL_MAX = 17
ADVERTISEMENT_MAX = 31
_HEAD = b"\x02\x01\x06\x03\x03\xaa\xfe"
"""Flags: general discovery, no classic Bluetooth; and the service."""
_DATA = 11
"""Where the service's data begins."""
UID_LENGTH, EID_LENGTH, TLM_LENGTH, ETLM_LENGTH = _DATA + 20, _DATA + 10, _DATA + 14, _DATA + 18
IDENTIFIER_AT = _DATA + 2
SEALED_AT = _DATA + 2
"""Where the twelve sealed bytes of an encrypted TLM begin; salt and check follow."""
NO_TEMPERATURE = -0x8000
_SCHEMES = ("http://www.", "https://www.", "http://", "https://")
_DOMAINS = (".com", ".org", ".edu", ".net", ".info", ".biz", ".gov")
_ENDINGS = tuple(domain + "/" for domain in _DOMAINS) + _DOMAINS
_PRINTABLE_FIRST, _PRINTABLE_LAST = 0x21, 0x7E


class Uid:
    """A lasting identity: `namespace` (10 bytes, the town), `instance` (6, the device), dBm at 0 m."""

    def __init__(self, tx_dbm_0m: int, namespace: bytes, instance: bytes) -> None:
        self.tx_dbm_0m = tx_dbm_0m
        self.namespace = namespace
        self.instance = instance


class Eid:
    """A passing identity: `identifier` (8 bytes), power at 0 m in dBm."""

    def __init__(self, tx_dbm_0m: int, identifier: bytes) -> None:
        self.tx_dbm_0m = tx_dbm_0m
        self.identifier = identifier


class Url:
    """An address that phones without an app may show."""

    def __init__(self, tx_dbm_0m: int, url: str) -> None:
        self.tx_dbm_0m = tx_dbm_0m
        self.url = url


class Tlm:
    """How a beacon does: `battery_mv` (0: none), degrees or None, frames sent, seconds since its start."""

    def __init__(self, battery_mv: int, temperature_c: "float | None", sent: int, uptime_s: float) -> None:
        self.battery_mv = battery_mv
        self.temperature_c = temperature_c
        self.sent = sent
        self.uptime_s = uptime_s


class SealedTlm:
    """The same, for who has the beacon's key: 12 sealed bytes, salt and check of 2 bytes each."""

    def __init__(self, sealed: bytes, salt: bytes, check: bytes) -> None:
        self.sealed = sealed
        self.salt = salt
        self.check = check


def write_uid(into: bytearray, tx_dbm_0m: int, namespace: bytes, instance: bytes) -> None:
    """Write a UID frame.

    Args:
        into: `UID_LENGTH` bytes.
        tx_dbm_0m: power at 0 m, -100 to 20.
        namespace: 10 bytes.
        instance: 6 bytes.
    """
    _begin(into, UID_LENGTH, UID, tx_dbm_0m)
    _put(into, _DATA + 2, namespace, NAMESPACE_LENGTH)
    _put(into, _DATA + 12, instance, INSTANCE_LENGTH)
    into[_DATA + 18] = into[_DATA + 19] = 0


def write_eid(into: bytearray, tx_dbm_0m: int) -> None:
    """Write an EID frame around an identifier that is put at `IDENTIFIER_AT` at each turn."""
    _begin(into, EID_LENGTH, EID, tx_dbm_0m)


def write_url(tx_dbm_0m: int, url: str) -> bytearray:
    """Return the whole advertisement of an address.

    Raises:
        ValueError: It does not fit, or is no address of the web.
    """
    encoded = encode_url(url)
    into = bytearray(_DATA + 2 + len(encoded))
    _begin(into, len(into), URL, tx_dbm_0m)
    _put(into, _DATA + 2, encoded, len(encoded))
    return into


def write_tlm(into: bytearray) -> None:
    """Write a plain TLM frame that says nothing yet; `tell` fills it."""
    _begin(into, TLM_LENGTH, TLM, PLAIN)
    tell(into, _DATA + 2, 0, NO_TEMPERATURE)


def write_etlm(into: bytearray) -> None:
    """Write an encrypted TLM frame around what is sealed into `SEALED_AT` afterwards."""
    _begin(into, ETLM_LENGTH, TLM, ENCRYPTED)


def tell(into: bytearray, at: int, battery_mv: int, temperature_8_8: int) -> None:
    """Put what changes slowly: millivolts (0: none), degrees Celsius times 256 (`NO_TEMPERATURE`: none)."""
    into[at] = battery_mv >> 8 & 255
    into[at + 1] = battery_mv & 255
    into[at + 2] = temperature_8_8 >> 8 & 255
    into[at + 3] = temperature_8_8 & 255


def count_up(into: bytearray, at: int, by: int) -> None:
    """Add to one of the two counters of 32 bits, in place: no number of 32 bits is ever made.

    Args:
        into: what carries it.
        at: where its four bytes begin; sent frames four bytes after battery and temperature, tenths of a
            second eight.
        by: below 2 to the power of 22.
    """
    place = at + 3
    while by and place >= at:
        by += into[place]
        into[place] = by & 255
        by >>= 8
        place -= 1


def read(data: "bytes | bytearray") -> "Uid | Eid | Url | Tlm | SealedTlm":
    """Read the service's data of one advertisement.

    Raises:
        ValueError: It is no frame of Eddystone's.
    """
    if len(data) < 2:
        raise ValueError("not a frame: it is shorter than two bytes")
    data = bytes(data)
    kind, power = data[0], data[1]
    power -= (power & 0x80) << 1
    if kind == UID and len(data) in {18, 20}:  # older beacons leave out the two bytes of reserve
        return Uid(power, data[2:12], data[12:18])
    if kind == EID and len(data) == 10:
        return Eid(power, data[2:10])
    if kind == URL and 3 <= len(data) <= 3 + ENCODED_URL_MAX:
        return Url(power, decode_url(data[2:]))
    if kind == TLM and data[1] == PLAIN and len(data) == 14:
        degrees = int.from_bytes(data[4:6], "big")
        degrees -= (degrees & 0x8000) << 1
        celsius = None if degrees == NO_TEMPERATURE else degrees / 256
        sent, tenths = int.from_bytes(data[6:10], "big"), int.from_bytes(data[10:14], "big")
        return Tlm(int.from_bytes(data[2:4], "big"), celsius, sent, tenths / 10)
    if kind == TLM and data[1] == ENCRYPTED and len(data) == 18:
        return SealedTlm(data[2:14], data[14:16], data[16:18])
    raise ValueError("not a frame: its kind and its length do not belong together")


def service_data(advertisement: "bytes | bytearray") -> "bytes | None":
    """Return Eddystone's service data of a whole advertisement; None where it has none, or is malformed."""
    at = 0
    while at + 1 < len(advertisement):
        length = advertisement[at]
        end = at + 1 + length
        if not length or end > len(advertisement):
            return None
        if length >= 3 and bytes(advertisement[at + 1 : at + 4]) == b"\x16\xaa\xfe":
            return bytes(advertisement[at + 4 : end])
        at = end
    return None


def encode_url(url: str) -> bytes:
    """Return an address as the frame carries it: the scheme's byte, then the rest, usual endings as one byte.

    Raises:
        ValueError: It is longer than 17 bytes after the scheme, has a sign that may not stand in it, or no
            scheme.
    """
    number = next((at for at, scheme in enumerate(_SCHEMES) if url.startswith(scheme)), None)
    if number is None:
        raise ValueError("an address begins with http:// or https://")
    rest = url[len(_SCHEMES[number]) :]
    encoded = bytearray([number])
    while rest:
        code = next((at for at, ending in enumerate(_ENDINGS) if rest.startswith(ending)), None)
        if code is None:
            code, length = ord(rest[0]), 1
            if not _PRINTABLE_FIRST <= code <= _PRINTABLE_LAST:
                raise ValueError(
                    "an address has letters, digits and signs of ASCII alone; write others with %"
                )
        else:
            length = len(_ENDINGS[code])
        encoded.append(code)
        rest = rest[length:]
    if not 1 < len(encoded) <= 1 + ENCODED_URL_MAX:
        raise ValueError("an address has 1 to 17 bytes after its scheme; take a shorter one")
    return bytes(encoded)


def decode_url(encoded: bytes) -> str:
    """Return the address that a frame carries.

    Raises:
        ValueError: A byte has no meaning.
    """
    if not encoded or encoded[0] >= len(_SCHEMES):
        raise ValueError("not an address: its scheme has no meaning")
    url = _SCHEMES[encoded[0]]
    for code in encoded[1:]:
        if code < len(_ENDINGS):
            url += _ENDINGS[code]
        elif _PRINTABLE_FIRST <= code <= _PRINTABLE_LAST:
            url += chr(code)
        else:
            raise ValueError("not an address: a byte in it has no meaning")
    return url


def _begin(into: bytearray, length: int, kind: int, second: int) -> None:
    if len(into) != length:
        raise ValueError("a buffer has exactly the length of its frame")
    _put(into, 0, _HEAD, len(_HEAD))
    into[7] = length - 8
    into[8] = 0x16
    into[9] = SERVICE & 255
    into[10] = SERVICE >> 8
    into[_DATA] = kind
    into[_DATA + 1] = second & 255


def _put(into: bytearray, at: int, part: "bytes | bytearray", length: int) -> None:
    if len(part) != length:
        raise ValueError("a part of a frame has another length than the specification says")
    for place in range(length):
        into[at + place] = part[place]
