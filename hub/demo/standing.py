"""What stands in the street, whatever it is: who waits in front of it, the receipts they got, how it does.

A receipt is what the citizen was told, so it is what "taken" means here.

Rules: while the face is closed nobody new is served. Processes are started and ended on one thread.
"""

import subprocess
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hub.demo.town import TownEvent
from shared.edge.home import DeviceHome
from shared.edge.status_socket import OwnerSilentError, ask_owner
from shared.model.event import Stream
from shared.protocol.delivery import PROMISED

FLOWING_LINES_MAX: Final = 40
STATUS_EVERY_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a device answered: the event is on its disk, at this place.

    Attributes:
        named: the event's id is the device's own word; else the hub's register has it by its reference.
    """

    event: TownEvent
    stream: str
    epoch: str
    seq: int
    reference: str | None
    named: bool = True


class Life:
    """From power to no power: the process, and the threads that stand beside it.

    Attributes:
        ended: set when the threads shall end.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        """Begin without threads."""
        self.process = process
        self.ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, *work: Callable[[], None]) -> None:
        """Let each of these go on beside it."""
        for each in work:
            thread = threading.Thread(target=each, daemon=True)
            thread.start()
            self._threads.append(thread)

    def end(self, patience_s: float | None = None) -> None:
        """Wait until they are through; call it when the process has ended."""
        self.ended.set()
        for thread in self._threads:
            thread.join(patience_s)


class Standing(ABC):
    """A device or kiosk, whether it runs or not.

    Attributes:
        id: its name.
        home: its folders.
        future: what will happen in front of it.
        waiting: who stands in front of it now.
        receipts: by event id, the latest.
        refused: answers that were no receipt; those events are offered again.
        status: its newest word on itself; empty while it is stopped.
        open: whether the face serves anybody.
    """

    def __init__(self, home: DeviceHome, name: str, future: deque[TownEvent], backoff_cap_s: float) -> None:
        """Stand in the street, without power."""
        self.id = name
        self.home = home
        self.future = future
        self.planned = len(future)
        self.waiting: deque[TownEvent] = deque()
        self.receipts: dict[str, Receipt] = {}
        self.refused = 0
        self.status: Mapping[str, Any] = {}
        self.open = True
        self._backoff_cap_s = backoff_cap_s

    # ---- the process

    @abstractmethod
    def _running(self) -> Life | None:
        """What it has while it has power."""

    @property
    def runs(self) -> bool:
        """Whether it has power."""
        return self._running() is not None

    @property
    def pid(self) -> int:
        """The process that owns its outbox."""
        life = self._running()
        if life is None:
            raise ProcessLookupError(self.id)
        return life.process.pid

    @abstractmethod
    def start(self) -> None:
        """Give it power."""

    @abstractmethod
    def cut_power(self) -> None:
        """Take its power, in the middle of whatever it does."""

    @abstractmethod
    def stop(self) -> None:
        """Shut it down in order."""

    # ---- the face

    @abstractmethod
    def pump(self) -> None:
        """Serve who stands there, as many as fit in front of it."""

    @property
    @abstractmethod
    def unanswered(self) -> int:
        """Who was offered and has no answer yet."""

    def call(self, count: int) -> None:
        """Let the next ones step up to it."""
        for _ in range(min(count, len(self.future))):
            self.waiting.append(self.future.popleft())

    @property
    def at_rest(self) -> bool:
        """Whether everybody was served."""
        return not (self.unanswered or self.waiting or self.future)

    def highest_told(self) -> dict[tuple[str, str], int]:
        """The highest number of each promised lane's epoch that a citizen was told."""
        highest: dict[tuple[str, str], int] = {}
        for one in list(self.receipts.values()):
            if Stream(one.stream) in PROMISED:
                place = (one.stream, one.epoch)
                highest[place] = max(one.seq, highest.get(place, 0))
        return highest

    # ---- how it stands

    @property
    def outbox_lines(self) -> int:
        """What it holds and the hub has not acknowledged, as it last said."""
        return int(self.status.get("unacknowledged", 0))

    def is_empty(self) -> bool:
        """Ask it now whether the hub has acknowledged everything; what it last said may be older."""
        try:
            return self.runs and not ask_owner(self.home.run)["unacknowledged"]
        except (OwnerSilentError, KeyError):
            return False

    def look(self, life: Life) -> None:
        """Ask it how it stands, while it lives."""
        while not life.ended.wait(STATUS_EVERY_S):
            with suppress(OwnerSilentError):
                self.status = ask_owner(self.home.run)

    @property
    def fenced(self) -> bool:
        """Whether it knows that it may take no new money."""
        return bool(self.status.get("fenced"))

    @property
    def linked(self) -> bool:
        """Whether it is in a session with the hub."""
        return self.status.get("state") == "streaming"

    @property
    def flows(self) -> bool:
        """Whether what it takes reaches the hub."""
        return self.runs and self.linked and self.outbox_lines <= FLOWING_LINES_MAX

    @property
    def log(self) -> Path:
        """Where its processes write."""
        return self.home.path.parent.parent / "log" / f"{self.id}.log"
