"""One street device as a process, and the face in front of it: offers events, keeps the receipts.

A receipt is what the citizen was told, so it is what "taken" means here. An event without an answer is
offered again under the same id after a restart, as a face does when it cannot tell what came of it.

Rules: receipts that a process has written before its end count, also those still in the pipe. While the face
is closed nobody new is served.
"""

import json
import subprocess
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from hub.demo import processes
from hub.demo.town import TownEvent
from shared.edge.home import DeviceHome
from shared.edge.status_socket import OwnerSilentError, ask_owner
from shared.model.event import Stream
from shared.protocol.delivery import PROMISED

OFFERED_MAX: Final = 48
STATUS_EVERY_S: Final = 0.5
FLOWING_LINES_MAX: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a device answered: the event is on its disk, at this place."""

    event: TownEvent
    stream: str
    epoch: str
    seq: int
    reference: str | None


class _Life:
    """One process of a device, and the threads at its three pipes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.offered: dict[int, TownEvent] = {}
        self.lines = 0
        self.to_write: SimpleQueue[bytes | None] = SimpleQueue()
        self.threads: list[threading.Thread] = []


class StreetDevice:
    """A device, whether it runs or not.

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
        self._lock = threading.Lock()
        self._life: _Life | None = None

    # ---- the process

    @property
    def runs(self) -> bool:
        """Whether it has power."""
        return self._life is not None

    @property
    def pid(self) -> int:
        """Its process."""
        if self._life is None:
            raise ProcessLookupError(self.id)
        return self._life.process.pid

    def start(self) -> None:
        """Give it power."""
        words = ["device", "run", "--home", str(self.home.path), "--backoff-cap-s", str(self._backoff_cap_s)]
        words += ["--status-every-s", str(STATUS_EVERY_S)]
        life = _Life(processes.start(words, self._log, piped=True))
        for work in (self._listen, self._hear, self._speak):
            thread = threading.Thread(target=work, args=(life,), daemon=True)
            thread.start()
            life.threads.append(thread)
        self._life = life

    def cut_power(self) -> None:
        """Take its power, in the middle of whatever it does."""
        if self._life is not None:
            processes.kill(self._life.process)
            self._bury(self._life)

    def stop(self) -> None:
        """Shut it down in order."""
        if self._life is not None:
            processes.stop(self._life.process)
            self._bury(self._life)

    # ---- the face

    def pump(self) -> None:
        """Serve who stands there, as many as fit in front of it."""
        life = self._life
        if life is None or not self.open:
            return
        payers: list[TownEvent] = []
        while self.waiting and len(life.offered) < OFFERED_MAX:
            event = self.waiting.popleft()
            if self.fenced and event.amount_minor:
                payers.append(event)  # the screen says so before anybody pays
                continue
            with self._lock:
                life.lines += 1
                life.offered[life.lines] = event
            life.to_write.put(event.line + b"\n")
        self.waiting.extendleft(reversed(payers))

    def call(self, count: int) -> None:
        """Let the next ones step up to it."""
        for _ in range(min(count, len(self.future))):
            self.waiting.append(self.future.popleft())

    @property
    def unanswered(self) -> int:
        """Who was offered and has no answer yet."""
        return 0 if self._life is None else len(self._life.offered)

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

    # ---- the threads at the pipes

    @property
    def _log(self) -> Path:
        return self.home.path.parent.parent / "log" / f"{self.id}.log"

    def _bury(self, life: _Life) -> None:
        """Hear what it said to the end, and let those without an answer stand in line again."""
        life.to_write.put(None)
        for thread in life.threads:
            thread.join()
        for pipe in (life.process.stdin, life.process.stdout, life.process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self.waiting.extendleft(reversed(life.offered.values()))
        self.status = {}
        self._life = None

    def _speak(self, life: _Life) -> None:
        pipe = life.process.stdin
        while pipe is not None and (line := life.to_write.get()) is not None:
            with suppress(OSError):  # it has no power any more; the event stays unanswered
                pipe.write(line)
                pipe.flush()

    def _listen(self, life: _Life) -> None:
        for line in life.process.stdout or ():
            if line.endswith(b"\n"):  # half an answer was not given
                self._read_answer(life, json.loads(line))

    def _read_answer(self, life: _Life, answer: Mapping[str, Any]) -> None:
        with self._lock:
            event = life.offered.pop(answer["line"])
        if "taken" not in answer:
            self.refused += 1
            self.waiting.append(event)
            return
        place = answer["taken"]
        self.receipts[event.id] = Receipt(
            event=event,
            stream=place["stream"],
            epoch=place["epoch"],
            seq=place["seq"],
            reference=answer.get("reference"),
        )

    def _hear(self, life: _Life) -> None:
        with self._log.open("ab") as log:
            for line in life.process.stderr or ():
                if line.startswith(b'{"status"') and line.endswith(b"\n"):
                    self.status = json.loads(line)["status"]
                else:
                    log.write(line)
                    log.flush()
