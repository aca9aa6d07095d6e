"""What each command does to the card's memory. How commands travel is not here, nor who may end a session."""

import zlib
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol, TypeVar

from card_reader.virtual_card import aes
from card_reader.virtual_card.memory import Application, Backup, Cyclic, File, Memory, Open, Seal, Value

READ, WRITE, BOTH = 0, 1, 2
_PERMISSION, _PARAMETER, _BOUNDARY, _DUPLICATE = 0x9D, 0x9E, 0xBE, 0xDE
Kind = TypeVar("Kind", bound=File)


class Complaint(Exception):  # noqa: N818  a card does not raise errors, it says no
    """The card says no.

    Attributes:
        code: the second byte of the status word.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"91{code:02x}")
        self.code = code


class Inside(Protocol):
    """The card, as a command finds it."""

    memory: Memory

    @property
    def application(self) -> Application:
        """The one that is selected, as it counts."""
        ...

    @property
    def files(self) -> dict[int, File]:
        """Its files, as this transaction has them."""
        ...

    @property
    def session(self) -> Open:
        """Who is there."""
        ...

    def sign(self, *parts: bytes) -> None:
        """Add to what the transaction is signed over."""
        ...

    def commit(self) -> bytes:
        """Let it all count."""
        ...

    def abort(self) -> None:
        """Let none of it count."""
        ...


class Command(NamedTuple):
    """One command.

    Attributes:
        header: how many bytes of it travel in the clear; the rest is data.
        mode: how its data travels; None: as the file has it.
        run: does it, and returns what the card says.
    """

    header: int
    mode: int | None
    run: Callable[[Inside, bytes, bytes], bytes]


def _file(card: Inside, header: bytes, kind: type[Kind], *places: int) -> Kind:
    """The file that a command is about, if it is one of this kind and the session may."""
    found = card.files.get(header[0]) if header else None
    if not isinstance(found, kind):
        raise Complaint(0xF0)
    if not found.may(card.session.key, *places):
        raise Complaint(_PERMISSION)
    return found


def _range(header: bytes) -> tuple[int, int]:
    if len(header) != 7:
        raise Complaint(0x7E)
    return int.from_bytes(header[1:4], "little"), int.from_bytes(header[4:7], "little")


def _amount(data: bytes) -> int:
    amount = int.from_bytes(data, "little", signed=True)
    if len(data) != 4 or amount < 0:
        raise Complaint(_PARAMETER)
    return amount


def _uid(card: Inside, header: bytes, data: bytes) -> bytes:
    return card.memory.uid


def _read(card: Inside, header: bytes, data: bytes) -> bytes:
    file = _file(card, header, File, READ, BOTH)
    offset, length = _range(header)
    match file:
        case Backup():
            stored = card.application.files[header[0]]
            whole = stored.data if isinstance(stored, Backup) else b""
        case Seal():
            whole = file.counter.to_bytes(4, "little") + file.mac
        case _:
            raise Complaint(_PARAMETER)
    if offset + length > len(whole):
        raise Complaint(_BOUNDARY)
    return whole[offset : offset + length]


def _write(card: Inside, header: bytes, data: bytes) -> bytes:
    file = _file(card, header, Backup, WRITE, BOTH)
    offset, length = _range(header)
    if length != len(data) or offset + length > len(file.data):
        raise Complaint(_BOUNDARY)
    file.data = file.data[:offset] + data + file.data[offset + length :]
    card.sign(b"\x8d" + header, data)
    return b""


def _records(card: Inside, header: bytes, data: bytes) -> bytes:
    _file(card, header, Cyclic, READ, BOTH)
    stored = card.application.files[header[0]]
    kept = stored.records if isinstance(stored, Cyclic) else []
    skipped, count = _range(header)
    end = len(kept) - skipped
    if count < 1 or end - count < 0:
        raise Complaint(_BOUNDARY)
    return b"".join(kept[end - count : end])


def _append(card: Inside, header: bytes, data: bytes) -> bytes:
    file = _file(card, header, Cyclic, WRITE, BOTH)
    offset, length = _range(header)
    if length != len(data) or offset + length > file.length:
        raise Complaint(_BOUNDARY)
    stored = card.application.files[header[0]]
    before = stored.records if isinstance(stored, Cyclic) else []
    record = bytes(offset) + data + bytes(file.length - offset - length)
    file.records = [*before, record][-(file.room - 1) :]
    card.sign(b"\x8b" + header, data)
    return b""


def _value(card: Inside, header: bytes, data: bytes) -> bytes:
    _file(card, header, Value, READ, WRITE, BOTH)
    stored = card.application.files[header[0]]
    return (stored.value if isinstance(stored, Value) else 0).to_bytes(4, "little", signed=True)


def _credit(card: Inside, header: bytes, data: bytes) -> bytes:
    file, amount = _file(card, header, Value, BOTH), _amount(data)
    if file.value + amount > file.highest:
        raise Complaint(_BOUNDARY)
    file.value += amount
    card.sign(b"\x0c" + header + data)
    return b""


def _debit(card: Inside, header: bytes, data: bytes) -> bytes:
    file, amount = _file(card, header, Value, READ, WRITE, BOTH), _amount(data)
    if file.value - amount < file.lowest:
        raise Complaint(_BOUNDARY)
    file.value -= amount
    file.taken_last = amount
    card.sign(b"\xdc" + header + data)
    return b""


def _give_back(card: Inside, header: bytes, data: bytes) -> bytes:
    file, amount = _file(card, header, Value, WRITE, BOTH), _amount(data)
    if not file.gives_back or amount > file.taken_last:
        raise Complaint(_BOUNDARY)
    file.value, file.taken_last = file.value + amount, 0
    card.sign(b"\x1c" + header + data)
    return b""


def _commit(card: Inside, header: bytes, data: bytes) -> bytes:
    return card.commit()


def _abort(card: Inside, header: bytes, data: bytes) -> bytes:
    card.abort()
    return b""


def _change_key(card: Inside, header: bytes, data: bytes) -> bytes:
    number, session, application = header[0] if header else 99, card.session, card.application
    if session.key not in (0, number) or number >= len(application.keys):
        raise Complaint(_PERMISSION)
    if number == session.key:
        if len(data) != 17:
            raise Complaint(0x7E)
        new, version = data[:16], data[16]
    else:
        if len(data) != 21:
            raise Complaint(0x7E)
        new, version = aes.xor(data[:16], application.keys[number]), data[16]
        if ~zlib.crc32(new) & 0xFFFFFFFF != int.from_bytes(data[17:], "little"):
            raise Complaint(0x1E)
    application.keys[number], application.versions[number] = new, version
    return b""


def _new_application(card: Inside, header: bytes, data: bytes) -> bytes:
    if len(header) < 8 or card.session.key != 0:
        raise Complaint(_PARAMETER)
    name, count = header[7:], header[4] & 0x0F
    if name in card.memory.applications:
        raise Complaint(_DUPLICATE)
    made = Application(keys=[bytes(16)] * count, versions=[0] * count, number=header[:3])
    card.memory.applications[name] = made
    return b""


def _no_application(card: Inside, header: bytes, data: bytes) -> bytes:
    named = [name for name, held in card.memory.applications.items() if held.number == header]
    if card.session.key != 0 or card.application.number:
        raise Complaint(_PERMISSION)
    if not named or not header:
        raise Complaint(0xA0)
    del card.memory.applications[named[0]]
    return b""


def _new_file(card: Inside, header: bytes, data: bytes, make: Callable[[int, bytes], File]) -> bytes:
    if card.session.key != 0:
        raise Complaint(_PERMISSION)
    if header[0] in card.application.files:
        raise Complaint(_DUPLICATE)
    card.application.files[header[0]] = make(header[1], header[4:])
    card.abort()
    return b""


def _rights(header: bytes) -> tuple[int, int, int, int]:
    both, change, read, write = header[2] >> 4, header[2] & 15, header[3] >> 4, header[3] & 15
    return read, write, both, change


def _signed(four: bytes) -> int:
    return int.from_bytes(four, "little", signed=True)


def _new_backup(card: Inside, header: bytes, data: bytes) -> bytes:
    def make(mode: int, rest: bytes) -> File:
        return Backup(mode, _rights(header), data=bytes(int.from_bytes(rest, "little")))

    return _new_file(card, header, data, make)


def _new_value(card: Inside, header: bytes, data: bytes) -> bytes:
    def make(mode: int, rest: bytes) -> File:
        lowest, highest, value = (_signed(rest[at : at + 4]) for at in (0, 4, 8))
        return Value(mode, _rights(header), lowest, highest, value, gives_back=bool(rest[12]))

    return _new_file(card, header, data, make)


def _new_cyclic(card: Inside, header: bytes, data: bytes) -> bytes:
    def make(mode: int, rest: bytes) -> File:
        length, room = int.from_bytes(rest[:3], "little"), int.from_bytes(rest[3:6], "little")
        return Cyclic(mode, _rights(header), length, room)

    return _new_file(card, header, data, make)


def _new_seal(card: Inside, header: bytes, data: bytes) -> bytes:
    if len(data) != 17:
        raise Complaint(0x7E)

    def make(mode: int, rest: bytes) -> File:
        return Seal(mode, _rights(header), key=data[:16], version=data[16])

    return _new_file(card, header, data, make)


COMMANDS: Final = {
    0x51: Command(0, 3, _uid),
    0xAD: Command(7, None, _read),
    0x8D: Command(7, None, _write),
    0xAB: Command(7, None, _records),
    0x8B: Command(7, None, _append),
    0x6C: Command(1, None, _value),
    0x0C: Command(1, None, _credit),
    0xDC: Command(1, None, _debit),
    0x1C: Command(1, None, _give_back),
    0xC7: Command(1, 1, _commit),
    0xA7: Command(0, 1, _abort),
    0xC4: Command(1, 3, _change_key),
    0xCA: Command(99, 1, _new_application),
    0xDA: Command(3, 1, _no_application),
    0xCB: Command(7, 1, _new_backup),
    0xCC: Command(17, 1, _new_value),
    0xC0: Command(10, 1, _new_cyclic),
    0xCE: Command(5, 3, _new_seal),
}
"""By their codes."""
