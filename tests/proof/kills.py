"""Kills with -9 over real processes: devices, hub, broker and core, each at its own pace and all at once.

    sums = Torment(folder).run(kills=1_000, seed=1)

In front of every device stands a face that offers events and keeps the answers; what had no answer is offered
again under its id, as a face does that cannot tell what came of it. Kills fall at random in mid-work, during
starts, and at named points of the hub, where strace ends it: at the sync that makes a commit durable, at a
write to the wire after it, and at a sync of a key file, so between a journal and its copy.

At the end everything runs in peace, and three parties are asked: the answers, the hub, the core.
"""

import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path
from random import Random
from typing import Any, Final

from hub.usecases.take_event import PAYMENT
from shared.edge.home import DeviceHome
from shared.model.ids import effect_key, new_event_id
from tests.support.device_process import DeviceProcess, report, tap
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually
from tests.support.reference_core import ReferenceCore
from tests.support.town import now_ms

DEVICES: Final = ("bus-1", "bus-2", "kiosk-1")
SHARES: Final = {"device": 0.6, "hub": 0.14, "broker": 0.14, "core": 0.12}
OFFERED: Final = 30
TELL_EVERY: Final = 50
PATIENCE_S: Final = 120.0
WHILE_S: Final = 5.0
POINTS: Final = {
    "before commit": ("fdatasync", (1, 8)),
    "after commit, before the answer": ("write", (2, 25)),
    "between journal and copy": ("fsync", (1, 6)),
}
"""At which call of which kind strace kills the hub; how many of them it lets pass is drawn."""
REACHED: Final = "hub died "


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What came of it.

    Attributes:
        kills: by victim, and by point of the hub.
        taken: events that somebody was told are done.
        committed: of those, events that the hub has committed.
        lost: taken and not committed.
        lost_recorded: the hub's loss records.
        in_core: effects at the core.
        duplicated: effects at the core beyond the first of their key.
        unexpected: payments at the core of events that nobody was told of; the kill came before the answer.
        balanced: the books balance, and hold what the core has settled.
    """

    kills: Counter[str]
    taken: int
    committed: int
    lost: int
    lost_recorded: int
    in_core: int
    duplicated: int
    unexpected: int
    balanced: bool

    @property
    def adds_up(self) -> bool:
        """Whether nothing that was told is missing, and nothing is there twice."""
        return self.taken == self.committed and not self.duplicated and self.balanced

    @property
    def words(self) -> str:
        """The sum in a line."""
        return (
            f"taken {self.taken}, committed {self.committed}, lost_recorded {self.lost_recorded}, "
            f"lost {self.lost}, in core {self.in_core}, duplicated {self.duplicated}, "
            f"the books {'balance' if self.balanced else 'do not balance'}"
        )


def wait_a_while(look: Callable[[], object], timeout_s: float = WHILE_S) -> bool:
    """Wait for something that may not come, because everybody is being killed; tell whether it came."""
    try:
        eventually(look, timeout_s=timeout_s)
    except AssertionError:
        return False
    return True


class Face:
    """A device, and who offers events to it."""

    def __init__(self, home: DeviceHome, name: str) -> None:
        self.name = name
        self.taken: dict[str, dict[str, Any]] = {}
        self._home = home
        self._numbers = count(1)
        self._open: dict[str, dict[str, object]] = {}

    def live(self, answers: int, *, killed: bool = True) -> None:
        """Live until so many answers were given, and be killed; or until all is delivered."""
        options = () if killed else ("--until-empty",)
        with DeviceProcess(self._home, "--per-second", "60", *options) as device:
            while killed and len(self._open) < answers + OFFERED:
                self._offer()
            device.give(self._open.values(), end=not killed)
            if killed:
                device.wait_for_answers(answers, timeout_s=PATIENCE_S)
                device.kill()
            else:
                eventually(device.has_ended, timeout_s=PATIENCE_S, what=f"{self.name} empty")
                assert device.wait() == 0, device.complaints
        for answer in device.answers:
            if "taken" in answer:
                self.taken[answer["taken"]["id"]] = dict(answer["taken"])
                self._open.pop(answer["taken"]["id"], None)

    def _offer(self) -> None:
        n = next(self._numbers)
        event_id = new_event_id(now_ms(), os.urandom(10))
        self._open[event_id] = (
            report(f"Farola {n}", id=event_id) if n % 5 == 0 else tap(n, card=self.name, id=event_id)
        )


class Torment:
    """A town hall, its core and its devices, in a folder.

    Args:
        folder: an empty folder.
        shares: how the kills are shared out; who is not named lives.
    """

    def __init__(self, folder: Path, shares: Mapping[str, float] = SHARES) -> None:
        (folder / "core").mkdir(parents=True)
        self._shares = shares
        self._folder = folder
        self._kills: Counter[str] = Counter()
        self._left: dict[str, int] = {}
        self._lock = threading.Lock()

    def run(self, kills: int, seed: int) -> Sums:
        """Kill so often, make peace, and add up.

        Raises:
            AssertionError: something did not come up again, or never came through.
        """
        self._left = dict.fromkeys(SHARES, 0)
        self._left |= {victim: max(1, round(kills * share)) for victim, share in self._shares.items()}
        with ExitStack() as stack:
            self.core = stack.enter_context(ReferenceCore(self._folder / "core", "--plain"))
            urls = {
                f"{name}_url": self.core.base_url for name in ("open311", "settlements", "notices", "mailbox")
            }
            hub = HubProcess(self._folder / "hub", **urls, open311_settle_s=1, core_timeout_s=2)
            self.hub = stack.enter_context(hub)
            self.faces = [Face(self.hub.enrol(name, self._folder / name), name) for name in DEVICES]
            works: list[Callable[[Random], None]] = [self._kill_hub, self._kill_broker, self._kill_core]
            works += [lambda random, face=face: self._kill_device(face, random) for face in self.faces]
            with ThreadPoolExecutor(len(works)) as pool:
                futures = [pool.submit(work, Random(seed + n)) for n, work in enumerate(works)]
                for future in futures:
                    future.result()
            self._make_peace()
            return self._add_up()

    # ---- the victims

    def _next(self, victim: str) -> bool:
        """Whether there is one more kill for this victim."""
        with self._lock:
            self._left[victim] -= 1
            if self._left[victim] < 0:
                return False
            self._kills[victim] += 1
            done = sum(self._kills[each] for each in SHARES)
            if done % TELL_EVERY == 0:
                print(f"  {done} kills", flush=True)
            return True

    def _kill_device(self, face: Face, random: Random) -> None:
        """Devices live and die on while anybody else is still killed: without them nothing is under way."""
        while self._next("device") or any(left >= 0 for who, left in self._left.items() if who != "device"):
            face.live(random.choice((0, 1, 5, 25)))

    def _kill_hub(self, random: Random) -> None:
        ways = cycle((*POINTS, "at random", "while it starts", "at random"))
        while self._next("hub"):
            way = next(ways)
            self._kills[f"hub {way}"] += 1
            if way in POINTS:
                self.hub.kill()
                self._start_to_die(way, random)
            elif way == "at random":
                wait_a_while(self.hub.is_ready)
                self._let_commit(random.randrange(1, 60))
            self.hub.kill()
            self.hub.start(wait_until_ready=False)

    def _start_to_die(self, way: str, random: Random) -> None:
        """Start a hub that dies at its point; where nothing happens for long, at the first one there is."""
        call, passing = POINTS[way]
        for when in (random.randint(*passing), passing[0]):
            strace = [
                "strace",
                "-f",
                "-o",
                "/dev/null",
                "-e",
                f"trace={call}",
            ]  # its faster way sends no signals
            strace += ["-e", f"inject={call}:signal=KILL:when={when}"]
            self.hub.start(wait_until_ready=False, around=strace)
            if wait_a_while(self.hub.has_ended, 6 * WHILE_S):
                self._kills[f"{REACHED}{way}"] += 1
                return
            self.hub.kill()

    def _let_commit(self, more: int) -> None:
        """Wait until a hub has committed so many more events, or is not the same any more."""
        first = self._commits()
        wait_a_while(lambda: not first <= self._commits() < first + more)

    def _commits(self) -> float:
        try:
            return self.hub.metrics()["ventanilla_committed_events_total"]
        except (OSError, AssertionError):  # it is being killed, or starts
            return -1

    def _kill_broker(self, random: Random) -> None:
        killed: set[int] = set()
        while self._next("broker"):
            pid = eventually(lambda: self._broker_beside(killed), timeout_s=PATIENCE_S, what="a new broker")
            self._let_commit(random.choice((0, 5, 20)))
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            killed.add(pid)

    def _broker_beside(self, killed: set[int]) -> int:
        pids = [int(pid) for pid in re.findall(r'"broker_up",.*"pid": (\d+)', self.hub.log_text())]
        return pids[-1] if pids and pids[-1] not in killed else 0

    def _kill_core(self, random: Random) -> None:
        while self._next("core"):
            goal = len(self._journal()) + random.choice((0, 1, 5))
            wait_a_while(lambda goal=goal: len(self._journal()) >= goal)
            self.core.kill()
            self.core.start()

    def _journal(self) -> list[Any]:
        return [*self.core.journal("settlements"), *self.core.journal("requests")]

    # ---- peace

    def _make_peace(self) -> None:
        self.hub.kill()
        self.hub.start()
        for face in self.faces:
            face.live(0, killed=False)
        eventually(self._nothing_waits, timeout_s=PATIENCE_S, what="the core has everything")

    def _nothing_waits(self) -> bool:
        return not self.hub.get("/v1/outgoing?state=waiting")["items"]

    def _add_up(self) -> Sums:
        taken = [(face.name, one) for face in self.faces for one in face.taken.values()]
        asked = [
            {"device": device, "event_id": one["id"], **{k: one[k] for k in ("stream", "epoch", "seq")}}
            for device, one in taken
        ]
        fates: list[str] = []
        for at in range(0, len(asked), 500):
            said = self.hub.post("/v1/reconciliation", asked[at : at + 500])["events"]
            fates += [event["fate"] for event in said]
        settled = self.core.counts("settlements")
        wanted = {
            str(effect_key(device, one["id"], PAYMENT))
            for device, one in taken
            if one["stream"] == "payments"
        }
        reports = self.core.counts("requests")
        audit = self.hub.get("/v1/ledger/audit")
        return Sums(
            kills=self._kills,
            taken=len(taken),
            committed=fates.count("committed"),
            lost=len(fates) - fates.count("committed"),
            lost_recorded=len(self.hub.get("/v1/losses")["items"]),
            in_core=len(settled) + len(reports),
            duplicated=sum(settled.values()) + sum(reports.values()) - len(settled) - len(reports),
            unexpected=len(set(settled) - wanted),
            balanced=bool(audit["clean"]) and audit["entries"] == len(settled) and wanted <= set(settled),
        )
