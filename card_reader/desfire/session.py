"""EV2 secure messaging: what a session adds to a command, and what it demands of an answer. Pure.

    session = Session(session_keys(key, ours, cards), transaction_id)
    data = session.sealed(0xDC, header, amount, Mode.FULL)
    outcome = session.opened(body, Mode.FULL)

    command   MAC over  instruction ‖ counter ‖ transaction id ‖ header ‖ data (encrypted in full mode)
    answer    MAC over  00 ‖ counter + 1 ‖ transaction id ‖ data

Rules:
- An answer counts only under its MAC, and that is checked before anything is decrypted.
- The counter moves with each answer that counts. An answer that does not ends the session: nothing more is
  sent in it, and nothing of it is believed.
- The counter never comes round: at its end the session is over.

Source: NXP MF2DLHX0, sections "EV2 authentication" and "EV2 secure messaging"; vectors: AN12343, AN12196.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from card_reader.apdu.outcome import Done, Doubt, Outcome, Unknown
from card_reader.desfire import crypto

TRANSACTION_ID_BYTES: Final = 4
COUNTER_MAX: Final = 0xFFFF
_TO_CARD: Final = b"\xa5\x5a"
_FROM_CARD: Final = b"\x5a\xa5"
_LENGTHS: Final = b"\x00\x01\x00\x80"


class Mode(IntEnum):
    """How a file's data travels; the card knows it by these numbers."""

    PLAIN = 0
    MAC = 1
    FULL = 3


class SessionKeys(NamedTuple):
    """The two keys of one session."""

    encrypting: bytes
    signing: bytes


def session_keys(key: bytes, ours: bytes, cards: bytes) -> SessionKeys:
    """Derive a session's keys from the two random numbers of its authentication.

    Args:
        key: the card's, with which both sides proved themselves.
        ours: RndA, 16 bytes.
        cards: RndB, 16 bytes.
    """
    drawn = ours[:2] + crypto.mixed(ours[2:8], cards[:6]) + cards[6:] + ours[8:]
    signer = crypto.Signer(key)
    return SessionKeys(
        encrypting=signer.cmac(_TO_CARD + _LENGTHS + drawn),
        signing=signer.cmac(_FROM_CARD + _LENGTHS + drawn),
    )


class Session:
    """One authenticated session with one card.

    Args:
        keys: of this session.
        transaction_id: the card's, 4 bytes.
        counter: of commands so far.

    Attributes:
        transaction_id: the same.
        counter: of commands that were answered.
        is_over: nothing more may be sent.
    """

    def __init__(self, keys: SessionKeys, transaction_id: bytes, counter: int = 0) -> None:
        self._signer = crypto.Signer(keys.signing)
        self._chain = crypto.Chain(keys.encrypting)
        self.transaction_id = transaction_id
        self.counter = counter
        self.is_over = False

    def end(self) -> None:
        """End it: the card has, or may have."""
        self.is_over = True

    def sealed(self, instruction: int, header: bytes, data: bytes, mode: Mode) -> bytes:
        """Return a command's data as it goes out: header, data, MAC. Asking again gives the same bytes.

        Args:
            instruction: the command's code.
            header: what travels in the clear: file number, offset, length.
            data: what it carries; may be empty.
            mode: of the data.
        """
        if mode is Mode.PLAIN:
            return header + data
        if mode is Mode.FULL and data:
            vector = self._vector(_TO_CARD, self.counter)
            data = self._chain.encrypt(vector, crypto.padded(data))
        return header + data + self._mac(instruction, self.counter, header + data)

    def opened(self, body: bytes, mode: Mode) -> Outcome[bytes]:
        """Judge an answer's body and return what it says; the session ends with one that does not hold."""
        outcome = self._judged(body, mode)
        if isinstance(outcome, Done):
            self.counter += 1
        if not isinstance(outcome, Done) or self.counter >= COUNTER_MAX:
            self.end()
        return outcome

    def _judged(self, body: bytes, mode: Mode) -> Outcome[bytes]:
        if mode is Mode.PLAIN:
            return Done(body)
        data, mac, counter = body[: -crypto.MAC_BYTES], body[-crypto.MAC_BYTES :], self.counter + 1
        if len(mac) < crypto.MAC_BYTES:
            return Unknown(Doubt.MALFORMED)
        if not crypto.is_same(mac, self._mac(0, counter, data)):
            return Unknown(Doubt.FORGED)
        if mode is Mode.MAC or not data:
            return Done(data)
        if len(data) % crypto.BLOCK_BYTES:
            return Unknown(Doubt.MALFORMED)
        plain = crypto.unpadded(self._chain.decrypt(self._vector(_FROM_CARD, counter), data))
        return Unknown(Doubt.MALFORMED) if plain is None else Done(plain)

    def _mac(self, code: int, counter: int, data: bytes) -> bytes:
        place = bytes([code]) + counter.to_bytes(2, "little") + self.transaction_id
        return self._signer.short_mac(place + data)

    def _vector(self, direction: bytes, counter: int) -> bytes:
        place = direction + self.transaction_id + counter.to_bytes(2, "little")
        return self._chain.encrypt(crypto.ZERO_BLOCK, place.ljust(crypto.BLOCK_BYTES, b"\0"))
