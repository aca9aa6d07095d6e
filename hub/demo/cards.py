"""Passengers' cards: virtual ones, each a process that can be held to a reader and taken away.

What a card says of itself (`newest`) is the passenger's receipt: it was signed by nobody but the card, and no
terminal and no hub has a hand in it.
"""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from card_reader.citizen_card.journal import Record
from card_reader.citizen_card.layout import JOURNAL
from hub.demo import processes
from shared.model.errors import DeviceError

PROGRAM: Final = "card_reader.virtual_card"
END_S: Final = 5.0


class CardError(DeviceError):
    """A virtual card did not do what it was told; the logs in the demonstration's folder say why."""


class StreetCard:
    """One card in somebody's hand.

    Args:
        uid: its number in the air, 7 bytes.
        log: where its process writes.

    Attributes:
        uid: the same.
        in_hand: held by whoever uses it: a card is in one place at a time.
        subject: what the hub calls it; known once it is issued.
        counted: the counter of its newest deed that somebody has a receipt for.
    """

    def __init__(self, uid: bytes, log: Path) -> None:
        self.uid = uid
        self.in_hand = threading.Lock()
        self.subject = ""
        self.counted = 0
        self._asking = threading.Lock()
        pipes = processes.Pipes.INPUT | processes.Pipes.OUTPUT
        self._process = processes.start([uid.hex()], log, module=PROGRAM, piped=pipes)
        self.port = int(self._line().rpartition(" ")[2])

    def hold(self, door: Path, plan: Mapping[str, object]) -> None:
        """Hold it to a reader.

        Args:
            door: the reader's socket.
            plan: what goes wrong in this presentation.
        """
        if plan:
            self.tell(**plan)
        self.tell(reader=str(door))

    def take_away(self) -> None:
        """Take it away."""
        self.tell(away=True)

    def newest(self) -> Record:
        """Read what it says of its newest deed."""
        return Record.from_bytes(bytes.fromhex(self._ask(newest=JOURNAL)))

    def tell(self, **what: object) -> None:
        """Tell it what is to happen.

        Raises:
            CardError: it does not do that.
        """
        if self._ask(**what) != "ok":
            raise CardError(CardError.__doc__)

    def close(self) -> None:
        """Put it away for good."""
        processes.stop(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _ask(self, **what: object) -> str:
        pipe = self._process.stdin
        if pipe is None:
            raise CardError(CardError.__doc__)
        with self._asking:
            pipe.write(json.dumps(what).encode() + b"\n")
            pipe.flush()
            return self._line()

    def _line(self) -> str:
        pipe = self._process.stdout
        line = b"" if pipe is None else pipe.readline()
        if not line:
            raise CardError(CardError.__doc__)
        return line.decode().strip()


def uid_of(number: int) -> bytes:
    """Return the number in the air of a passenger's card: the maker's first byte, and ours."""
    return b"\x04" + number.to_bytes(6, "big")
