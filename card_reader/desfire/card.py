"""The commands to a card: each is a talk, and tells in four words what came of it.

    card = Card(draw)
    yield from card.select(DF_NAME)
    yield from card.authenticate(1, key)
    yield from card.debit(PURSE, 130)
    committed = yield from card.commit()

Rules:
- Before a session only what the card says of itself is asked; all else travels under the session's MAC.
- Any answer that does not hold, and any refusal, ends the session: the next command is `NotSent`. Nothing
  that is not committed counts then, on either side.
- A commit is done only under the card's MAC. A bare status word is anybody's, and whoever believed a false
  refusal would charge twice: of a commit it is `Unknown(UNSIGNED)`.
- What a transaction changed is collected as the card does (`transaction_mac`), to be proven to the hub.

Source: NXP MF2DLHX0, section "Command set"; AN12343. Commands that make cards: `issuing`.
"""

from typing import Final

from card_reader.apdu import exchange
from card_reader.apdu.outcome import Done, Doubt, NotSent, Outcome, Refused, Talk, Unknown
from card_reader.desfire import transaction_mac
from card_reader.desfire.authentication import Draw, authenticated
from card_reader.desfire.crypto import KEY_BYTES, MAC_BYTES
from card_reader.desfire.session import Mode, Session
from card_reader.desfire.transaction_mac import COUNTER_BYTES, UID_BYTES, Committed
from shared.model.errors import InputError

VALUE_MIN: Final = -(2**31)
VALUE_MAX: Final = 2**31 - 1
OFFSET_MAX: Final = 2**24 - 1
GET_VERSION: Final = 0x60
GET_CARD_UID: Final = 0x51
GET_KEY_VERSION: Final = 0x64
READ_DATA: Final = 0xAD
WRITE_DATA: Final = 0x8D
READ_RECORDS: Final = 0xAB
WRITE_RECORD: Final = 0x8B
GET_VALUE: Final = 0x6C
CREDIT: Final = 0x0C
DEBIT: Final = 0xDC
LIMITED_CREDIT: Final = 0x1C
COMMIT: Final = 0xC7
ABORT: Final = 0xA7
VALUE_BYTES: Final = 4
_WITH_MAC: Final = b"\x01"


class Card:
    """One card in the field, from its selection to its removal.

    Args:
        draw: randomness for authentications.
    """

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._session: Session | None = None
        self._input = b""

    @property
    def session(self) -> Session | None:
        """The session, while it lasts."""
        return None if self._session is None or self._session.is_over else self._session

    def select(self, df_name: bytes) -> Talk[Outcome[None]]:
        """Select an application; what was open is lost."""
        self._session, self._input = None, b""
        return (yield from exchange.select(df_name))

    def version(self) -> Talk[Outcome[bytes]]:
        """Ask for hardware, software and production data: 28 bytes, before a session."""
        return (yield from exchange.native(GET_VERSION))

    def key_version(self, number: int) -> Talk[Outcome[int]]:
        """Ask which version of a key the card holds, before a session."""
        said = yield from exchange.native(GET_KEY_VERSION, bytes([number]))
        sized = _sized(said, 1)
        return Done(sized.value[0]) if isinstance(sized, Done) else sized

    def authenticate(self, number: int, key: bytes) -> Talk[Outcome[None]]:
        """Begin a session with a key of the selected application."""
        self._input = b""
        self._session = None
        return (yield from self._begin(number, key, None))

    def authenticate_further(self, number: int, key: bytes) -> Talk[Outcome[None]]:
        """Go on with another key, within the same transaction."""
        before, self._session = self.session, None
        if before is None:
            return NotSent()
        return (yield from self._begin(number, key, before))

    def uid(self) -> Talk[Outcome[bytes]]:
        """Ask for the card's true number, which it may hide in the air: 7 bytes."""
        said = yield from self.ask(GET_CARD_UID, hears=Mode.FULL)
        return _sized(said, UID_BYTES)

    def read(self, file: int, offset: int, length: int, mode: Mode = Mode.FULL) -> Talk[Outcome[bytes]]:
        """Read a part of a data file."""
        header = place(file, offset, length)
        said = yield from self.ask(READ_DATA, header, hears=mode)
        return _sized(said, length)

    def write(self, file: int, offset: int, data: bytes, mode: Mode = Mode.FULL) -> Talk[Outcome[None]]:
        """Write a part of a data file; in a backup file it counts from the commit on."""
        header = place(file, offset, len(data))
        said = yield from self.ask(WRITE_DATA, header, data, sends=mode)
        return self._changed(said, transaction_mac.of_data(WRITE_DATA, header, data))

    def records(
        self, file: int, newest: int, count: int, length: int, mode: Mode = Mode.FULL
    ) -> Talk[Outcome[tuple[bytes, ...]]]:
        """Read records, the oldest of them first.

        Args:
            file: number of the record file.
            newest: how many of the newest to leave out.
            count: how many to read.
            length: of one record.
            mode: of the file.
        """
        header = place(file, newest, count)
        said = _sized((yield from self.ask(READ_RECORDS, header, hears=mode)), count * length)
        if not isinstance(said, Done):
            return said
        return Done(tuple(said.value[at : at + length] for at in range(0, count * length, length)))

    def append(self, file: int, record: bytes, mode: Mode = Mode.FULL) -> Talk[Outcome[None]]:
        """Add a record; it counts from the commit on."""
        header = place(file, 0, len(record))
        said = yield from self.ask(WRITE_RECORD, header, record, sends=mode)
        return self._changed(said, transaction_mac.of_data(WRITE_RECORD, header, record))

    def value(self, file: int, mode: Mode = Mode.FULL) -> Talk[Outcome[int]]:
        """Ask what a value file holds."""
        said = _sized((yield from self.ask(GET_VALUE, bytes([file]), hears=mode)), VALUE_BYTES)
        if not isinstance(said, Done):
            return said
        return Done(int.from_bytes(said.value, "little", signed=True))

    def credit(self, file: int, amount_minor: int, mode: Mode = Mode.FULL) -> Talk[Outcome[None]]:
        """Add to a value file; it counts from the commit on."""
        return (yield from self._move(CREDIT, file, amount_minor, mode))

    def debit(self, file: int, amount_minor: int, mode: Mode = Mode.FULL) -> Talk[Outcome[None]]:
        """Take from a value file; it counts from the commit on. The card refuses below its lower limit."""
        return (yield from self._move(DEBIT, file, amount_minor, mode))

    def credit_back(self, file: int, amount_minor: int, mode: Mode = Mode.FULL) -> Talk[Outcome[None]]:
        """Give back up to what the transaction before took (LimitedCredit); needs no right to credit."""
        return (yield from self._move(LIMITED_CREDIT, file, amount_minor, mode))

    def commit(self) -> Talk[Outcome[Committed]]:
        """Let everything count that the transaction changed, at once or not at all."""
        said = yield from self.ask(COMMIT, _WITH_MAC, sends=Mode.MAC, hears=Mode.MAC)
        if isinstance(said, Refused):
            return Unknown(Doubt.UNSIGNED)
        said = _sized(said, COUNTER_BYTES + MAC_BYTES)
        if not isinstance(said, Done):
            return said
        counter = int.from_bytes(said.value[:COUNTER_BYTES], "little")
        changed, self._input = self._input, b""
        return Done(Committed(counter=counter, mac=said.value[COUNTER_BYTES:], input=changed))

    def abort(self) -> Talk[Outcome[None]]:
        """Let nothing count that the transaction changed."""
        self._input = b""
        said = yield from self.ask(ABORT)
        return Done(None) if isinstance(said, Done) else said

    def ask(
        self,
        instruction: int,
        header: bytes = b"",
        data: bytes = b"",
        *,
        sends: Mode = Mode.MAC,
        hears: Mode = Mode.MAC,
    ) -> Talk[Outcome[bytes]]:
        """Send a command within the session and return what its answer says.

        Args:
            instruction: the command's code.
            header: what travels in the clear.
            data: what it carries.
            sends: how the data travels.
            hears: how the answer travels.
        """
        session = self.session
        if session is None:
            return NotSent()
        said = yield from exchange.native(instruction, session.sealed(instruction, header, data, sends))
        match said:
            case Done(body):
                return session.opened(body, hears)
            case NotSent():
                return said
            case Refused() | Unknown():
                session.end()
                return said

    def _begin(self, number: int, key: bytes, before: Session | None) -> Talk[Outcome[None]]:
        if len(key) != KEY_BYTES:
            raise InputError(f"a key has {KEY_BYTES} bytes; look at the key store")
        begun = yield from authenticated(number, key, self._draw, before)
        if not isinstance(begun, Done):
            return begun
        self._session = begun.value
        return Done(None)

    def _move(self, instruction: int, file: int, amount_minor: int, mode: Mode) -> Talk[Outcome[None]]:
        if not 0 < amount_minor <= VALUE_MAX:
            raise InputError("an amount that moves is above zero; leave the command out where nothing moves")
        amount = amount_minor.to_bytes(VALUE_BYTES, "little")
        said = yield from self.ask(instruction, bytes([file]), amount, sends=mode)
        return self._changed(said, transaction_mac.of_amount(instruction, file, amount))

    def _changed(self, said: Outcome[bytes], adds: bytes) -> Outcome[None]:
        if not isinstance(said, Done):
            return said
        self._input += adds
        return Done(None)


def place(file: int, first: int, second: int) -> bytes:
    """Return a command's header: the file, then offset and length, or number and count.

    Raises:
        InputError: no file has such a place.
    """
    if not (0 <= first <= OFFSET_MAX and 0 < second <= OFFSET_MAX):
        raise InputError("a place in a file is from 0 and at least one byte long; correct the caller")
    return bytes([file]) + first.to_bytes(3, "little") + second.to_bytes(3, "little")


def _sized(said: Outcome[bytes], length: int) -> Outcome[bytes]:
    """An answer of the length that the command has; another one, signed as it may be, is none."""
    if isinstance(said, Done) and len(said.value) != length:
        return Unknown(Doubt.MALFORMED)
    return said
