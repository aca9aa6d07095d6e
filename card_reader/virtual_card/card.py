"""The card itself: what it answers to each command, with and without power. A subset of DESFire EV2.

    card = VirtualCard(blank(uid), draw)
    card.power(on=True)
    answer = card.transmit(bytes.fromhex("00A4040C07D2760000850100"))

Rules:
- What is not committed is forgotten with the power, with another selection, and with any error.
- A commit is one step. Silicon promises as much; here it is so because it is written so.
- Any error ends the session.
"""

from collections.abc import Callable
from copy import copy
from typing import Final

from card_reader.virtual_card import aes
from card_reader.virtual_card.commands import COMMANDS, Complaint
from card_reader.virtual_card.memory import Application, File, Memory, Open

ROOT: Final = bytes.fromhex("D2760000850100")
OK: Final = b"\x91\x00"
MORE: Final = b"\x91\xaf"
_VERSION: Final = (bytes.fromhex("04010112001805"), bytes.fromhex("04010102011805"))
_MAC: Final = 8


class VirtualCard:
    """One card.

    Args:
        memory: what it holds.
        draw: its randomness.
    """

    def __init__(self, memory: Memory, draw: Callable[[int], bytes]) -> None:
        self.memory = memory
        self._draw = draw
        self.power(on=True)

    def power(self, *, on: bool) -> None:
        """Bring it into the field or take it out; either way it begins anew."""
        self._on = on
        self._name = ROOT
        self._forget()

    def transmit(self, command: bytes) -> bytes:
        """Answer a command; without power, with nothing."""
        if not self._on:
            return b""
        try:
            return self._answer(command)
        except Complaint as complaint:
            self._forget()
            return bytes([0x91, complaint.code])

    @property
    def application(self) -> Application:
        """The one that is selected."""
        return self.memory.applications[self._name]

    @property
    def files(self) -> dict[int, File]:
        """The files as this transaction has them."""
        if self._working is None:
            self._working = {number: copy(file) for number, file in self.application.files.items()}
        return self._working

    @property
    def session(self) -> Open:
        """Who is there, and proved it."""
        if self._session is None:
            raise Complaint(0xAE)
        return self._session

    def sign(self, *parts: bytes) -> None:
        """Add to what this transaction is signed over."""
        self._signed += b"".join(part + bytes(-len(part) % aes.BLOCK) for part in parts)

    def commit(self) -> bytes:
        """Let it all count; the counter and the signature, if there is a seal."""
        self.application.files = self.files
        seal = self.application.seal()
        said = b""
        if seal is not None and self._signed:
            seal.counter += 1
            number = seal.counter.to_bytes(4, "little")
            key = aes.cmac(seal.key, b"\x5a\x00\x01\x00\x80" + number + self.memory.uid)
            seal.mac = aes.cut(aes.cmac(key, self._signed))
            said = number + seal.mac
        self.abort()
        return said

    def abort(self) -> None:
        """Let none of it count."""
        self._working: dict[int, File] | None = None
        self._signed = b""

    def _forget(self) -> None:
        self._session: Open | None = None
        self._asked: tuple[int, int, bytes] | None = None
        self._parts = [b""]
        self.abort()

    def _answer(self, command: bytes) -> bytes:
        if command[:4] == b"\x00\xa4\x04\x0c" and len(command) > 5:
            return self._select(command[5 : 5 + command[4]])
        if len(command) < 5 or command[0] != 0x90:
            return b"\x6e\x00"
        code, data = command[1], command[5 : 5 + command[4]] if len(command) > 5 else b""
        match code:
            case 0x71 | 0x77:
                return self._challenge(code, data)
            case 0xAF if self._asked is not None:
                return self._proof(data)
            case 0x60 if self._session is None:
                self._parts = [_VERSION[1], self.memory.uid + bytes(7)]
                return _VERSION[0] + MORE
            case 0xAF if len(self._parts) > 1 or self._parts[0]:
                part, self._parts = self._parts[0], self._parts[1:] or [b""]
                return part + (MORE if self._parts[0] else OK)
            case 0x64 if self._session is None:
                return bytes([self._version(data)]) + OK
            case _:
                return self._within(code, data)

    def _select(self, name: bytes) -> bytes:
        self._forget()
        if name not in self.memory.applications:
            return b"\x6a\x82"
        self._name = name
        return b"\x90\x00"

    def _version(self, data: bytes) -> int:
        if len(data) != 1 or data[0] >= len(self.application.versions):
            raise Complaint(0x40)
        return self.application.versions[data[0]]

    def _challenge(self, code: int, data: bytes) -> bytes:
        if not data or data[0] >= len(self.application.keys):
            raise Complaint(0x40)
        if code == 0x77 and self._session is None:
            raise Complaint(0xAE)
        number = self._draw(aes.BLOCK)
        self._asked = code, data[0], number
        return aes.enchain(self.application.keys[data[0]], bytes(16), number) + MORE

    def _proof(self, data: bytes) -> bytes:
        code, number, ours = self._asked or (0, 0, b"")
        self._asked = None
        key = self.application.keys[number]
        plain = aes.unchain(key, bytes(16), data)
        theirs, turned = plain[:16], plain[16:]
        if len(plain) != 2 * aes.BLOCK or turned != ours[1:] + ours[:1]:
            raise Complaint(0xAE)
        secret, signing = aes.of_session(key, theirs, ours)
        answer = theirs[1:] + theirs[:1]
        if code == 0x77:
            before = self.session
            self._session = Open(number, secret, signing, before.transaction, before.counter)
        else:
            self.abort()
            self._session = Open(number, secret, signing, self._draw(4))
            answer = self._session.transaction + answer + bytes(12)
        return aes.enchain(key, bytes(16), answer) + OK

    def _within(self, code: int, data: bytes) -> bytes:
        """A command in a session: its MAC first, then what it says, then our own MAC."""
        session = self.session
        if code not in COMMANDS:
            raise Complaint(0x1C)
        command = COMMANDS[code]
        inside, mac = data[:-_MAC], data[-_MAC:]
        if aes.cut(aes.cmac(session.signing, self._place(code) + inside)) != mac:
            raise Complaint(0x1E)
        header, secret = inside[: command.header], inside[command.header :]
        mode = command.mode if command.mode is not None else self._file_of(header).mode
        if secret and mode == 3:
            if len(secret) % aes.BLOCK:
                raise Complaint(0x7E)
            secret = aes.unfill(aes.unchain(session.secret, self._start(b"\xa5\x5a"), secret))
        said = command.run(self, header, secret)
        session.counter += 1
        if code == 0xC4 and header[0] == session.key:
            self._forget()
            return OK
        if said and mode == 3:
            said = aes.enchain(session.secret, self._start(b"\x5a\xa5"), aes.fill(said))
        return said + aes.cut(aes.cmac(session.signing, self._place(0) + said)) + OK

    def _file_of(self, header: bytes) -> File:
        if not header or header[0] not in self.files:
            raise Complaint(0xF0)
        return self.files[header[0]]

    def _place(self, code: int) -> bytes:
        return bytes([code]) + self.session.counter.to_bytes(2, "little") + self.session.transaction

    def _start(self, mark: bytes) -> bytes:
        text = mark + self.session.transaction + self.session.counter.to_bytes(2, "little") + bytes(8)
        return aes.block(self.session.secret, text)


def blank(uid: bytes) -> Memory:
    """A card that holds nothing; its own master key is AES, and zero."""
    return Memory(uid=uid, applications={ROOT: Application(keys=[bytes(16)], versions=[0])})
