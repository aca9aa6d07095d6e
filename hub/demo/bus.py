"""One bus: `ventanilla reader run` as its real process on a pcscd of its own, and passengers with cards.

A passenger holds the card to the reader until the light says something, and looks at the card then: what its
newest record says was taken is the receipt. Nothing of what the terminal or the hub keeps has a part in it.

Rules: who sees no green light holds the card there again; who is turned away for good walks. One passenger at
a time.
"""

import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from card_reader.citizen_card.journal import Record
from hub.demo import processes
from hub.demo.cards import StreetCard
from hub.demo.standing import Life, Receipt, Standing
from hub.demo.town import TownEvent
from shared.edge.home import DeviceHome
from shared.model.event import Stream

PCSCD: Final = "card_reader.virtual_reader"
DAEMON: Final = Path("/usr/sbin/pcscd")
DRIVER: Final = Path(sys.prefix, "share", "ventanilla", "reader", "ventanilla_ifd.so")
SOCKET_NAME: Final = "PCSCLITE_CSOCK_NAME"
DOOR: Final = "door"
LOOK_EVERY_S: Final = 0.05
LIGHT_S: Final = 8.0
"""A passenger waits so long for a light."""
AGAIN_S: Final = 0.5
"""… and so long before the card is held there again."""
TRIES_MAX: Final = 40
REDS_MAX: Final = 3
"""Who has seen a red light so often walks."""
END_S: Final = 10.0
GO: Final = "●"
STOP: Final = "○"
CLOSED: Final = "Fuera de servicio"
"""Whoever sees that waits: the fares have not come yet."""


def can_tap() -> bool:
    """Whether pcscd and its virtual reader are here."""
    return DAEMON.is_file() and DRIVER.is_file()


class _Life(Life):
    """Terminal and pcscd, and what the display has shown."""

    def __init__(self, process: "subprocess.Popen[bytes]", pcscd: "subprocess.Popen[bytes]") -> None:
        super().__init__(process)
        self.pcscd = pcscd
        self.shown: SimpleQueue[str] = SimpleQueue()


class StreetBus(Standing):
    """A bus.

    Attributes:
        shown: what its display said last.
        door: the reader's socket.
        turned_away: passengers who saw a red light to the end.
        through: passengers who rode or walked.
    """

    def __init__(
        self,
        home: DeviceHome,
        name: str,
        future: deque[TownEvent],
        backoff_cap_s: float,
        cards: Sequence[StreetCard],
        sockets: Path,
    ) -> None:
        """Stand in the street, without power.

        Args:
            home: its folders.
            name: its name.
            future: its passengers.
            backoff_cap_s: the longest wait between two attempts to reach the hub.
            cards: those in the town's hands.
            sockets: a folder with a short name, for its reader's.
        """
        super().__init__(home, name, future, backoff_cap_s)
        self.shown = ""
        self.turned_away = 0
        self.through: set[str] = set()
        self._cards = cards
        self.door = sockets / name / f"{DOOR}.sock"
        self._plans: dict[str, Mapping[str, object]] = {}
        self._served: TownEvent | None = None
        self._life: _Life | None = None

    # ---- the processes

    def _running(self) -> Life | None:
        return self._life

    def start(self) -> None:
        """Give it power."""
        folder = self.door.parent
        folder.mkdir(exist_ok=True)
        self.door.unlink(missing_ok=True)
        pcscd = processes.start([str(folder), DOOR], self.log, module=PCSCD)
        words = ["reader", "run", "--home", str(self.home.path), "--backoff-cap-s", str(self._backoff_cap_s)]
        words += ["--line", self.id.rpartition("-")[2], "--language", "es"]
        terminal = processes.start(
            words,
            self.log,
            piped=processes.Pipes.OUTPUT,
            environment={SOCKET_NAME: str(folder / "pcscd.comm")},
        )
        life = _Life(terminal, pcscd)
        life.begin(*(partial(work, life) for work in (self._read_display, self.look, self._serve)))
        self._life = life

    def cut_power(self) -> None:
        """Take the power of terminal and reader, in the middle of whatever they do."""
        if self._life is not None:
            processes.kill(self._life.process)
            processes.kill(self._life.pcscd)
            self._bury(self._life)

    def stop(self) -> None:
        """Shut both down in order."""
        if self._life is not None:
            processes.stop(self._life.process)
            processes.stop(self._life.pcscd)
            self._bury(self._life)

    @property
    def is_served(self) -> bool:
        """Whether it has found its reader and knows what a ride costs."""
        return self.status.get("reader", {}).get("trouble") == "" and self.linked

    # ---- the face

    def pump(self) -> None:
        """Let the next passenger step in."""
        if self._served is None and self.waiting and self.open and self.runs:
            self._served = self.waiting.popleft()

    def let_in(self, passenger: TownEvent, plan: Mapping[str, object] | None = None) -> None:
        """Let somebody board next.

        Args:
            passenger: who.
            plan: what goes wrong when the card is held there for the first time.
        """
        self.planned += 1
        self._plans[passenger.id] = plan or {}
        self.waiting.appendleft(passenger)

    def card_of(self, passenger: TownEvent) -> StreetCard:
        """Return the card in somebody's hand."""
        return self._cards[passenger.card or 0]

    @property
    def unanswered(self) -> int:
        """Whether somebody stands at the reader."""
        return int(self._served is not None)

    def highest_told(self) -> dict[tuple[str, str], int]:
        """A passenger is told no number of a lane."""
        return {}

    # ---- inside

    def _bury(self, life: _Life) -> None:
        life.end(END_S + LIGHT_S)
        if life.process.stdout is not None:
            life.process.stdout.close()
        if self._served is not None:
            self.waiting.appendleft(self._served)
        self._served = None
        self.status = {}
        self._life = None

    def _read_display(self, life: _Life) -> None:
        for line in life.process.stdout or ():
            self.shown = line.decode(errors="replace").strip()
            life.shown.put(self.shown)

    def _serve(self, life: _Life) -> None:
        while not life.ended.wait(LOOK_EVERY_S):
            passenger = self._served
            if passenger is not None and self._ride(life, passenger):
                self._served = None

    def _ride(self, life: _Life, passenger: TownEvent) -> bool:
        """Go with a passenger until they ride or walk; tell whether they are through."""
        card, reds = self.card_of(passenger), 0
        with card.in_hand:
            for _ in range(TRIES_MAX):
                line = self._present(life, card, self._plans.pop(passenger.id, {}))
                if life.ended.is_set() and not line:
                    return False
                if line.startswith(GO):
                    self._take_home(passenger, card)
                    break
                self.refused += 1
                reds += line.startswith(STOP) and CLOSED not in line
                if reds == REDS_MAX:
                    self.turned_away += 1
                    self.planned -= 1
                    break
                time.sleep(AGAIN_S)
        self.through.add(passenger.id)
        return True

    def _present(self, life: _Life, card: StreetCard, plan: Mapping[str, object]) -> str:
        """Hold the card there until a light says something; return what was shown."""
        while not life.shown.empty():
            life.shown.get()
        card.hold(self.door, plan)
        try:
            waited_s = 0.0
            while waited_s < LIGHT_S and not life.ended.is_set():
                with suppress(Empty):
                    return life.shown.get(timeout=LOOK_EVERY_S)
                waited_s += LOOK_EVERY_S
            return ""
        finally:
            card.take_away()

    def _take_home(self, passenger: TownEvent, card: StreetCard) -> None:
        """Read the receipt off the card; a ride that is valid already has none of its own."""
        newest = card.newest()
        if newest.counter <= card.counted:
            self.planned -= 1
            return
        card.counted = newest.counter
        self.receipts[passenger.id] = self._receipt(passenger, card, newest)

    def _receipt(self, passenger: TownEvent, card: StreetCard, newest: Record) -> Receipt:
        paid = -newest.amount_minor
        return Receipt(
            event=replace(passenger, amount_minor=paid, effect=passenger.effect if paid else None),
            stream=Stream.PAYMENTS,
            epoch="0" * 8,
            seq=1,
            reference=tap_reference(self.id, card.subject, newest.counter),
            named=False,
        )


def tap_reference(device: str, subject: str | None, counter: int | None) -> str:
    """Return by what a tap is known to its passenger and to the hub: where, which card, which deed."""
    return f"{device} {subject} {counter}"
