"""Identifiers that change by the clock: whoever has a key knows them before, nobody else does.

    temporary key of a period   AES(identity key, 0 x 11 | FF | 0 0 | seconds >> 16)      a period is 65,536 s
    identifier                  AES(temporary key, 0 x 11 | K | seconds, low K bits clear)[:8]
    sealed telemetry            EAX(identity key, nonce = seconds, low K bits clear | salt), 16 bits of its
    check

AES of one block is handed in (`aes(key)` gives what has `encrypt(block)`), because a board has it in
`cryptolib` and a computer in a library. Seconds are Unix time as two halves of 16 bits; the upper half is
the period's number.

Rules:
- `Rotation.turn` and `Sealer.seal` allocate nothing, except once in a period.
- K is 0 to 15, as the specification says.

Source: Eddystone-EID (eid-computation.md), Eddystone encrypted TLM (tlm-encrypted.md); M. Bellare, P.
Rogaway, D. Wagner, "The EAX mode of operation" (2004).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Block(Protocol):
        """AES under one key, one block of 16 bytes at a time; into a buffer where one is given."""

        def encrypt(self, __block: "bytes | bytearray", __into: bytearray = ...) -> "bytes | None":
            """Return 16 bytes, or write them into the buffer."""
            ...


KEY_LENGTH = 16
EXPONENT_MAX = 15
PERIOD_BITS = 16
TELEMETRY_LENGTH = 12
_IDENTIFIER_LENGTH = 8
_HALF = 0xFFFF
_KEY_SALT = 0xFF


def temporary_key(aes: "Callable[[bytes], Block]", identity_key: bytes, number: int) -> bytes:
    """Return a beacon's key of one period.

    Args:
        aes: makes AES of a key.
        identity_key: 16 bytes; the beacon's own.
        number: the period's: Unix seconds >> 16.

    Returns:
        16 bytes.
    """
    block = bytearray(16)
    block[11] = _KEY_SALT
    block[14], block[15] = number >> 8 & 255, number & 255
    return bytes(aes(identity_key).encrypt(block) or b"")


def identifier(aes: "Callable[[bytes], Block]", period_key: bytes, seconds: int, exponent: int) -> bytes:
    """Return what a beacon says at one instant.

    Args:
        aes: makes AES of a key.
        period_key: 16 bytes; the temporary key of the period that the instant lies in.
        seconds: Unix time.
        exponent: K; the identifier changes every 2 to the power of K seconds.

    Returns:
        8 bytes.
    """
    block = bytearray(16)
    _put_time(block, 12, seconds >> PERIOD_BITS & _HALF, seconds & _HALF, exponent)
    block[11] = exponent
    return bytes(aes(period_key).encrypt(block) or b"")[:_IDENTIFIER_LENGTH]


class Rotation:
    """A beacon's identifier through time.

    Args:
        aes: makes AES of a key; what it makes writes into a buffer.
        identity_key: 16 bytes.
        exponent: K.

    Attributes:
        exponent: the same.
    """

    def __init__(self, aes: "Callable[[bytes], Block]", identity_key: bytes, exponent: int) -> None:
        if len(identity_key) != KEY_LENGTH or not 0 <= exponent <= EXPONENT_MAX:
            raise ValueError("a key has 16 bytes, and the exponent is 0 to 15")
        self.exponent = exponent
        self._aes = aes
        self._identity_key = identity_key
        self._high = self._window = -1
        self._block = bytearray(16)
        self._made = bytearray(16)
        self._cipher = aes(identity_key)

    def turn(self, high: int, low: int, into: bytearray, at: int) -> bool:
        """Put the identifier of an instant where it belongs.

        Args:
            high: upper 16 bits of Unix time.
            low: lower 16 bits.
            into: the frame.
            at: where its 8 bytes begin.

        Returns:
            Whether another window has begun, so that it is another identifier than before.
        """
        window = low >> self.exponent
        if high == self._high and window == self._window:
            return False
        if high != self._high:
            self._cipher = self._aes(temporary_key(self._aes, self._identity_key, high))
            self._high = high
        self._window = window
        self._block[11] = self.exponent
        _put_time(self._block, 12, high, low, self.exponent)
        self._cipher.encrypt(self._block, self._made)
        for place in range(_IDENTIFIER_LENGTH):
            into[at + place] = self._made[place]
        return True


class Sealer:
    """EAX as sealed telemetry needs it: no header, a nonce of 6 bytes, 12 bytes, 2 of check.

    Args:
        aes: makes AES of a key; what it makes writes into a buffer.
        identity_key: 16 bytes.
    """

    def __init__(self, aes: "Callable[[bytes], Block]", identity_key: bytes) -> None:
        self._cipher = aes(identity_key)
        self._zero = self._encrypted(0)
        self._two = self._encrypted(2)
        once = _doubled(self._zero)
        self._twice = _doubled(once)
        head = bytearray(once)
        head[15] ^= 1
        self._head = bytearray(16)
        self._cipher.encrypt(head, self._head)
        self._block, self._stream, self._check = bytearray(16), bytearray(16), bytearray(16)
        self._nonce = bytearray(16)

    def seal(self, high: int, low: int, exponent: int, into: bytearray, at: int) -> None:
        """Seal in place.

        Args:
            high: upper 16 bits of Unix time.
            low: lower 16 bits.
            exponent: K.
            into: 12 bytes of telemetry, 2 bytes of salt that differ at every call of one window, 2 bytes for
                the check.
            at: where these begin.
        """
        self._under_nonce(high, low, exponent, into, at)
        for place in range(TELEMETRY_LENGTH):
            into[at + place] ^= self._stream[place]
        self._checked(into, at)
        into[at + 14], into[at + 15] = self._check[0], self._check[1]

    def opened(self, high: int, low: int, exponent: int, frame: bytes) -> "bytes | None":
        """Open what was sealed in a window.

        Args:
            high: upper 16 bits of the Unix time at which it was heard.
            low: lower 16 bits.
            exponent: K.
            frame: sealed bytes, salt and check, 16 bytes.

        Returns:
            12 bytes, or None where key, window or bytes are others.
        """
        into = bytearray(frame)
        self._under_nonce(high, low, exponent, into, 0)
        self._checked(into, 0)
        if into[14] != self._check[0] or into[15] != self._check[1]:
            return None
        return bytes(into[place] ^ self._stream[place] for place in range(TELEMETRY_LENGTH))

    def _under_nonce(self, high: int, low: int, exponent: int, into: bytearray, at: int) -> None:
        """The nonce's own check, which is also where the key stream begins."""
        _put_time(self._block, 0, high, low, exponent)
        self._block[4], self._block[5] = into[at + 12], into[at + 13]
        self._padded(6, self._zero)
        self._cipher.encrypt(self._block, self._nonce)
        self._cipher.encrypt(self._nonce, self._stream)

    def _checked(self, into: bytearray, at: int) -> None:
        for place in range(TELEMETRY_LENGTH):
            self._block[place] = into[at + place]
        self._padded(TELEMETRY_LENGTH, self._two)
        self._cipher.encrypt(self._block, self._check)
        for place in range(16):
            self._check[place] ^= self._nonce[place] ^ self._head[place]

    def _padded(self, length: int, chained: "bytes | bytearray") -> None:
        """Make the last block of a message that does not fill it, after the block that names the message."""
        self._block[length] = 0x80
        for place in range(length + 1, 16):
            self._block[place] = 0
        for place in range(16):
            self._block[place] ^= self._twice[place] ^ chained[place]

    def _encrypted(self, number: int) -> bytearray:
        block, made = bytearray(16), bytearray(16)
        block[15] = number
        self._cipher.encrypt(block, made)
        return made


def _put_time(block: bytearray, at: int, high: int, low: int, exponent: int) -> None:
    low = low >> exponent << exponent
    block[at], block[at + 1] = high >> 8, high & 255
    block[at + 2], block[at + 3] = low >> 8, low & 255


def _doubled(block: "bytes | bytearray") -> bytearray:
    """Twice a block in the field of 2 to the power of 128 elements."""
    made, carry = bytearray(16), 0
    for place in range(15, -1, -1):
        made[place] = (block[place] << 1 & 255) | carry
        carry = block[place] >> 7
    if carry:
        made[15] ^= 0x87
    return made
