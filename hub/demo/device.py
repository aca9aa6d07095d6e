"""One street device as a process, and the face in front of it: offers events, keeps the receipts.

An event without an answer is offered again under the same id after a restart, as a face does when it cannot
tell what came of it.

Rules: receipts that a process has written before its end count, also those still in the pipe.
"""

import json
import subprocess
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, Final

from hub.demo import processes
from hub.demo.standing import STATUS_EVERY_S, Life, Receipt, Standing
from hub.demo.town import TownEvent
from shared.edge.home import DeviceHome

OFFERED_MAX: Final = 48


class _Life(Life):
    """One process of a device; its threads are at the three pipes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        super().__init__(process)
        self.offered: dict[int, TownEvent] = {}
        self.lines = 0
        self.to_write: SimpleQueue[bytes | None] = SimpleQueue()


class StreetDevice(Standing):
    """A device without a screen."""

    def __init__(self, home: DeviceHome, name: str, future: deque[TownEvent], backoff_cap_s: float) -> None:
        """Stand in the street, without power."""
        super().__init__(home, name, future, backoff_cap_s)
        self._lock = threading.Lock()
        self._life: _Life | None = None

    # ---- the process

    def _running(self) -> Life | None:
        return self._life

    def start(self) -> None:
        """Give it power."""
        words = ["device", "run", "--home", str(self.home.path), "--backoff-cap-s", str(self._backoff_cap_s)]
        words += ["--status-every-s", str(STATUS_EVERY_S)]
        life = _Life(processes.start(words, self.log, piped=processes.Pipes.ALL))
        life.begin(*(partial(work, life) for work in (self._listen, self._hear, self._speak)))
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

    @property
    def unanswered(self) -> int:
        """Who was offered and has no answer yet."""
        return 0 if self._life is None else len(self._life.offered)

    # ---- the threads at the pipes

    def _bury(self, life: _Life) -> None:
        """Hear what it said to the end, and let those without an answer stand in line again."""
        life.to_write.put(None)
        life.end()
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
        with self.log.open("ab") as log:
            for line in life.process.stderr or ():
                if line.startswith(b'{"status"') and line.endswith(b"\n"):
                    self.status = json.loads(line)["status"]
                else:
                    log.write(line)
                    log.flush()
