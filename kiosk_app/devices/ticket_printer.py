"""The ticket printer: asked for paper before anything needs it, and asked whether the ticket is on paper.

    printer = EscPosPrinter("usb:/dev/usb/lp0")
    printer.health()                     # paper out, cover open, switched off: each in its own sentence
    printer.print_ticket(ticket)         # returns when the printer has worked off every byte

Rules:
- Status is asked in real time, so that it comes while the printer stands still, too.
- "Printed" is said by the printer: its answer to a question that it reads after the ticket's last byte.
- A printer that is gone is looked for again at the next question.

Source: Epson, ESC/POS Command Reference: DLE EOT n (status in real time), GS r n (status after the data
before it).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kiosk_app.core.words import say
from kiosk_app.devices.port import WORKS, Health, State
from kiosk_app.devices.wires import Wire, open_wire
from shared.model.errors import DeviceError

ANSWER_TIMEOUT_S: Final = 1.5
PRINT_TIMEOUT_S: Final = 20.0
"""A long ticket takes five seconds; what is not on paper by then is told as not printed."""
_ASK: Final = b"\x10\x04"
_ASK_AFTER: Final = b"\x1dr\x01"
_FIXED, _FIXED_VALUE = 0x93, 0x12
_AFTER_FIXED: Final = 0x90
_NO_PAPER: Final = say("La impresora no tiene papel.")
_NOT_NOW: Final = say("La impresora no funciona ahora.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a printer says of itself.

    Attributes:
        offline: it takes no data.
        cover_open: of the paper.
        paper_out: none is left.
        paper_low: little is left.
        broken: cutter or head; a hand is wanted.
    """

    offline: bool = False
    cover_open: bool = False
    paper_out: bool = False
    paper_low: bool = False
    broken: bool = False

    @classmethod
    def parse(cls, printer: int, cause: int, error: int, paper: int) -> "Status":
        """Read the four answers to DLE EOT 1 to 4."""
        return cls(
            offline=bool(printer & 0x08),
            cover_open=bool(cause & 0x04),
            paper_out=bool(cause & 0x20 or paper & 0x60),
            paper_low=bool(paper & 0x0C),
            broken=bool(cause & 0x40 or error & 0x68),
        )

    def health(self, name: str) -> Health:
        """Return it as a device's health."""
        if self.cover_open:
            remedy = f"the cover of the printer {name} is open; close it"
        elif self.paper_out:
            return Health(
                state=State.BROKEN,
                remedy=f"the printer {name} is out of paper; put a roll in",
                why=_NO_PAPER,
            )
        elif self.broken:
            remedy = f"the printer {name} reports an error; clear its cutter, then switch it off and on"
        elif self.offline:
            remedy = f"the printer {name} is offline; press its feed button, then switch it off and on"
        elif self.paper_low:
            return Health(state=State.SOON, remedy=f"the paper of the printer {name} ends soon; bring a roll")
        else:
            return WORKS
        return Health(state=State.BROKEN, remedy=remedy, why=_NOT_NOW)


class EscPosPrinter:
    """A printer that speaks ESC/POS.

    Args:
        name: how it is attached; see `wires`.
        opens: opens its wire.
    """

    def __init__(self, name: str, opens: Callable[[str], Wire] = open_wire) -> None:
        self._name = name
        self._opens = opens
        self._wire: Wire | None = None
        self._turn = threading.Lock()

    def open(self) -> None:
        """Open its wire and ask how it is.

        Raises:
            DeviceError: nobody answers.
        """
        with self._turn:
            self._status()

    def close(self) -> None:
        """Close its wire."""
        with self._turn:
            self._drop()

    def health(self) -> Health:
        """Ask how it is."""
        try:
            with self._turn:
                return self._status().health(self._name)
        except DeviceError as error:
            return Health(state=State.AWAY, remedy=str(error), why=_NOT_NOW)

    def print_ticket(self, ticket: bytes) -> None:
        """Print, and return when the ticket is on paper.

        Raises:
            DeviceError: it is not.
        """
        with self._turn:
            health = self._status().health(self._name)
            if not health.is_usable:
                raise DeviceError(health.remedy)
            wire = self._connected()
            try:
                wire.write(ticket + _ASK_AFTER)
                self._await_end(wire)
            except DeviceError:
                self._drop()
                raise

    def _await_end(self, wire: Wire) -> None:
        until_s = time.monotonic() + PRINT_TIMEOUT_S
        while time.monotonic() < until_s:
            if any(answer & _AFTER_FIXED == 0 for answer in wire.read(ANSWER_TIMEOUT_S)):
                return
            health = self._asked(wire).health(self._name)
            if not health.is_usable:
                raise DeviceError(health.remedy)
        raise DeviceError(f"the printer {self._name} does not finish; switch it off and on")

    def _status(self) -> Status:
        """Ask how it is; a wire that was closed at the other end meanwhile is opened once more."""
        is_kept = self._wire is not None
        try:
            wire = self._connected()
            wire.drain()
            return self._asked(wire)
        except DeviceError:
            self._drop()
            if not is_kept:
                raise
        return self._status()

    def _asked(self, wire: Wire) -> Status:
        return Status.parse(*(self._answer(wire, number) for number in (1, 2, 3, 4)))

    def _answer(self, wire: Wire, number: int) -> int:
        """Ask one question; what comes and is no answer to it is passed over."""
        wire.write(_ASK + bytes([number]))
        until_s = time.monotonic() + ANSWER_TIMEOUT_S
        while (left_s := until_s - time.monotonic()) > 0:
            for answer in wire.read(left_s):
                if answer & _FIXED == _FIXED_VALUE:
                    return answer
        raise DeviceError(f"the printer {self._name} does not answer; switch it off and on")

    def _connected(self) -> Wire:
        if self._wire is None:
            self._wire = self._opens(self._name)
        return self._wire

    def _drop(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
