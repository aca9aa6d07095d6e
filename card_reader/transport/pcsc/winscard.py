"""libpcsclite, as much of it as a terminal needs, through ctypes: context, status, connection, transmit.

Rules:
- Every call that is not `SCARD_S_SUCCESS` raises `PcscError` with its code; what it means is the caller's.
- On Linux a DWORD is an unsigned long. Codes are compared in 32 bits.
- The library is loaded where a context is made, so that a machine without it can say so.

Which pcscd is spoken to is the library's matter: it reads PCSCLITE_CSOCK_NAME once in a process.

Source: pcsclite.h and winscard.h of pcsclite 1.9; PC/SC Workgroup, part 5.
"""

import ctypes
from ctypes import POINTER, Structure, byref, c_char_p, c_long, c_ubyte, c_ulong, c_void_p
from enum import IntEnum, IntFlag
from typing import Any, Final, NamedTuple, Self

from shared.model.errors import DeviceError, TransientError

ANSWER_MAX: Final = 512
"""Longer than any short answer; a driver that says more is refused by the library."""
READERS_BYTES_MAX: Final = 4_096
ATR_MAX: Final = 33
INFINITE_MS: Final = 0xFFFFFFFF
_LIBRARY: Final = "libpcsclite.so.1"
_SCOPE_SYSTEM: Final = 2
_SHARE_EXCLUSIVE: Final = 1
_PROTOCOL_ANY: Final = 3
_PROTOCOL_T1: Final = 2
_LEAVE_CARD: Final = 0
_COUNTER_SHIFT: Final = 16
_CODE_MASK: Final = 0xFFFFFFFF


class Code(IntEnum):
    """What calls answer, of those that mean something of their own to a terminal."""

    CANCELLED = 0x80100002
    UNKNOWN_READER = 0x80100009
    TIMEOUT = 0x8010000A
    SHARING_VIOLATION = 0x8010000B
    NO_SMARTCARD = 0x8010000C
    NOT_TRANSACTED = 0x80100016
    READER_UNAVAILABLE = 0x80100017
    NO_SERVICE = 0x8010001D
    SERVICE_STOPPED = 0x8010001E
    NO_READERS = 0x8010002E
    COMM_ERROR = 0x80100013
    UNRESPONSIVE = 0x80100066
    UNPOWERED = 0x80100067
    RESET = 0x80100068
    REMOVED = 0x80100069


class State(IntFlag):
    """How a reader stands, of what pcscd tells."""

    UNAWARE = 0
    CHANGED = 0x0002
    UNKNOWN = 0x0004
    UNAVAILABLE = 0x0008
    EMPTY = 0x0010
    PRESENT = 0x0020
    MUTE = 0x0200


class PcscError(TransientError):
    """The card reader did not do what it was asked; look at its cable and at pcscd, and try again.

    Attributes:
        code: what the library said, 32 bits.
    """

    def __init__(self, code: int) -> None:
        self.code = code & _CODE_MASK
        try:
            name = Code(self.code).name.lower().replace("_", " ")
        except ValueError:
            name = "another error"
        first = (PcscError.__doc__ or "").splitlines()[0]
        super().__init__(f"{first} ({name}, {self.code:08x})")


class NoPcscError(DeviceError):
    """This machine cannot speak to card readers; install pcscd and libpcsclite1."""


class Standing(NamedTuple):
    """How a reader stands.

    Attributes:
        state: the flags.
        counter: of cards that came and went, since pcscd knows the reader; 16 bits.
        atr: the answer to reset of the card that is there.
    """

    state: State
    counter: int
    atr: bytes


class _ReaderState(Structure):
    _fields_ = (
        ("name", c_char_p),
        ("user", c_void_p),
        ("current", c_ulong),
        ("event", c_ulong),
        ("atr_length", c_ulong),
        ("atr", c_ubyte * ATR_MAX),
    )


class _Io(Structure):
    _fields_ = (("protocol", c_ulong), ("length", c_ulong))


_SIGNATURES: Final = {
    "SCardEstablishContext": (c_ulong, c_void_p, c_void_p, POINTER(c_long)),
    "SCardReleaseContext": (c_long,),
    "SCardCancel": (c_long,),
    "SCardListReaders": (c_long, c_char_p, c_char_p, POINTER(c_ulong)),
    "SCardGetStatusChange": (c_long, c_ulong, POINTER(_ReaderState), c_ulong),
    "SCardConnect": (c_long, c_char_p, c_ulong, c_ulong, POINTER(c_long), POINTER(c_ulong)),
    "SCardDisconnect": (c_long, c_ulong),
    "SCardTransmit": (c_long, POINTER(_Io), c_char_p, c_ulong, c_void_p, c_char_p, POINTER(c_ulong)),
}


def _loaded() -> Any:  # noqa: ANN401  ctypes gives functions no types
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise NoPcscError(NoPcscError.__doc__) from error
    for name, arguments in _SIGNATURES.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, c_long
    return library


class Context:
    """A connection to pcscd; one thread uses it, any may cancel.

    Raises:
        NoPcscError: the library is not there.
        PcscError: pcscd does not answer.
    """

    def __init__(self) -> None:
        self._library = _loaded()
        handle = c_long()
        _check(self._library.SCardEstablishContext(_SCOPE_SYSTEM, None, None, byref(handle)))
        self._handle = handle.value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._library.SCardReleaseContext(self._handle)  # a pcscd that died meanwhile has nothing to release

    def cancel(self) -> None:
        """Wake whoever waits in `wait`."""
        self._library.SCardCancel(self._handle)

    def readers(self) -> list[str]:
        """Return the names of the readers that are there, in pcscd's order.

        Raises:
            PcscError: pcscd does not answer.
        """
        length, names = c_ulong(READERS_BYTES_MAX), ctypes.create_string_buffer(READERS_BYTES_MAX)
        code = self._library.SCardListReaders(self._handle, None, names, byref(length))
        if code & _CODE_MASK == Code.NO_READERS:
            return []
        _check(code)
        return [name.decode(errors="replace") for name in names.raw[: length.value].split(b"\0") if name]

    def wait(self, reader: str, known: Standing, timeout_ms: int) -> Standing:
        """Wait until a reader stands otherwise than is known; the same after the time.

        Raises:
            PcscError: pcscd does not answer, knows no such reader, or the wait was cancelled.
        """
        row = _ReaderState(name=reader.encode(), current=known.state | known.counter << _COUNTER_SHIFT)
        code = self._library.SCardGetStatusChange(self._handle, timeout_ms, byref(row), 1)
        if code & _CODE_MASK == Code.TIMEOUT:
            return known
        _check(code)
        event = int(row.event)
        flags = event & ((1 << _COUNTER_SHIFT) - 1) & ~State.CHANGED
        atr = bytes(row.atr)[: min(int(row.atr_length), ATR_MAX)]
        return Standing(State(flags), event >> _COUNTER_SHIFT & 0xFFFF, atr)

    def connect(self, reader: str) -> "Connection":
        """Connect to the card that is there, for nobody else meanwhile.

        Raises:
            PcscError: there is none, it is mute, or another program has it.
        """
        handle, protocol = c_long(), c_ulong()
        _check(
            self._library.SCardConnect(
                self._handle, reader.encode(), _SHARE_EXCLUSIVE, _PROTOCOL_ANY, byref(handle), byref(protocol)
            )
        )
        return Connection(self._library, handle.value, protocol.value)


UNAWARE: Final = Standing(State.UNAWARE, 0, b"")
"""Before anything is known of a reader."""


class Connection:
    """One card, connected."""

    def __init__(self, library: Any, handle: int, protocol: int) -> None:  # noqa: ANN401  as `_loaded` gives it
        """Take a connection that `Context.connect` made."""
        self._library = library
        self._handle = handle
        self._send = _Io(protocol=protocol or _PROTOCOL_T1, length=ctypes.sizeof(_Io))
        self._answer = ctypes.create_string_buffer(ANSWER_MAX)
        self._length = c_ulong()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._library.SCardDisconnect(self._handle, _LEAVE_CARD)

    def transmit(self, command: bytes) -> bytes:
        """Send a command and return the answer; blocks as long as the reader's driver does.

        Raises:
            PcscError: no answer came.
        """
        self._length.value = ANSWER_MAX
        _check(
            self._library.SCardTransmit(
                self._handle,
                byref(self._send),
                command,
                len(command),
                None,
                self._answer,
                byref(self._length),
            )
        )
        return ctypes.string_at(self._answer, self._length.value)


def _check(code: int) -> None:
    if code:
        raise PcscError(code)
