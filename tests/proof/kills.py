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
from tests.proof.tally import STILL_S, EndedError, Tally
from tests.support.device_process import DeviceProcess, report, tap
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually
from tests.support.reference_core import ReferenceCore
from tests.support.town import now_ms

DEVICES: Final = ("bus-1", "bus-2", "kiosk-1")
SHARES: Final = {"device": 0.6, "hub": 0.14, "broker": 0.14, "core": 0.12}
OFFERED: Final = 30
PATIENCE_S: Final = 240.0
WHILE_S: Final = 5.0
DEATH_S: Final = 20.0
"""How long a hub that is ready may go on before it comes to its point."""
EACH_S: Final = 6.0
"""What a kill may take, everybody side by side, on a machine that has other work too."""
LEAST_S: Final = 600.0
POINTS: Final = {
    "before commit": ("fdatasync", (1, 8)),
    "after commit, before the answer": ("write", (2, 25)),
    "between journal and copy": ("fsync", (1, 6)),
}
"""At which call of which kind strace kills the hub; how many of them it lets pass is drawn."""
REACHED: Final = "hub died "
LOG_SHOWN: Final = 1_500
"""Characters of a hub's log that go with a failure."""


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
        untold: effects at the core of events that nobody was told of: the kill came between disk and answer.
        balanced: the books balance and hold what the core has settled; its reports are those of the hub.
    """

    kills: Counter[str]
    taken: int
    committed: int
    lost: int
    lost_recorded: int
    in_core: int
    duplicated: int
    untold: int
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
            f"lost {self.lost}, in core {self.in_core} ({self.untold} of them stored "
            f"by a device that was killed before it said so), duplicated {self.duplicated}, "
            f"the books {'balance' if self.balanced else 'do not balance'}"
        )


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

    def run(self, kills: int, seed: int, *, limit_s: float | None = None) -> Sums:
        """Kill so often, make peace, and add up.

        Args:
            kills: of everybody together.
            seed: of what is drawn.
            limit_s: within which all are killed; None for what so many take on a busy machine.

        Raises:
            AssertionError: something did not come up again, or never came through, or nothing went on.
        """
        wanted = {
            victim: max(1, round(kills * self._shares[victim])) for victim in SHARES if victim in self._shares
        }
        self._tally = Tally(wanted, limit_s=limit_s or max(LEAST_S, EACH_S * kills))
        with ExitStack() as stack:
            self.core = stack.enter_context(ReferenceCore(self._folder / "core", "--plain"))
            urls = {
                f"{name}_url": self.core.base_url for name in ("open311", "settlements", "notices", "mailbox")
            }
            hub = HubProcess(self._folder / "hub", **urls, open311_settle_s=1, core_timeout_s=2)
            self.hub = stack.enter_context(hub)
            self.faces = [Face(self.hub.enrol(name, self._folder / name), name) for name in DEVICES]
            self._tally = Tally(wanted, limit_s=limit_s or max(LEAST_S, EACH_S * kills))
            self._torment(seed)
            self._make_peace()
            return self._add_up()

    def _torment(self, seed: int) -> None:
        """Let everybody be killed side by side; the first who fails ends it for all."""
        works: dict[str, Callable[[Random], None]] = {
            "hub": self._kill_hub,
            "broker": self._kill_broker,
            "core": self._kill_core,
        }
        works = {who: work for who, work in works.items() if who in self._shares}
        works |= {face.name: lambda random, face=face: self._kill_device(face, random) for face in self.faces}

        def work(who: str, random: Random) -> None:
            try:
                works[who](random)
            except EndedError:
                pass
            except Exception as error:
                self._tally.fail(f"{who}: {error}. {self._tally.words}. {self._tally.waits}")
                raise

        with ThreadPoolExecutor(len(works)) as pool:
            futures = [pool.submit(work, who, Random(seed + n)) for n, who in enumerate(works)]
        for future in futures:
            future.result()
        assert not self._tally.failure, self._tally.failure

    # ---- the victims

    def _kill_device(self, face: Face, random: Random) -> None:
        """Devices live and die on while anybody else is still killed: without them nothing is under way."""
        while self._tally.next("device") or self._tally.others_go_on("device"):
            face.live(random.choice((0, 1, 5, 25)))

    def _kill_hub(self, random: Random) -> None:
        ways = cycle((*POINTS, "at random", "while it starts", "at random"))
        while self._tally.next("hub"):
            way = next(ways)
            self._tally.kills[f"hub {way}"] += 1
            if way in POINTS:
                self.hub.kill()
                self._start_to_die(way, random)
            elif way == "at random":
                self._wait_for_hub("its readiness")
                self._let_commit("hub", random.randrange(1, 60))
            else:
                self._wait_for_lines(random.randrange(8))
            self.hub.kill()
            self.hub.start(wait_until_ready=False)

    def _start_to_die(self, way: str, random: Random) -> None:
        """Start a hub that dies at its point; where it comes to none that late, at the first one there is."""
        call, passing = POINTS[way]
        for when in (random.randint(*passing), passing[0]):
            strace = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}"]
            strace += ["-e", f"inject={call}:signal=KILL:when={when}"]  # its faster way sends no signals
            self.hub.start(wait_until_ready=False, around=strace)
            self._wait_for_hub(f"its readiness, or its death {way}", or_death=True)
            if self._tally.may("hub", self.hub.has_ended, what=f"its death {way}", timeout_s=DEATH_S):
                self._tally.kills[f"{REACHED}{way}"] += 1
                return
            self.hub.kill()

    def _wait_for_hub(self, what: str, *, or_death: bool = False) -> None:
        """Wait until it takes what devices say; it ends by itself only where strace ends it.

        Raises:
            AssertionError: it does neither, or it ended; with the newest lines of its log.
        """

        def look() -> bool:
            ended = self.hub.has_ended()
            assert or_death or not ended, "the hub ended by itself"
            return ended or self.hub.is_ready()

        try:
            self._tally.until("hub", look, what=what, timeout_s=STILL_S)
        except EndedError:
            raise
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.hub.log_text()[-LOG_SHOWN:]}") from error

    def _wait_for_lines(self, more: int) -> None:
        """Wait until a hub that starts has come so many lines of its log further, or is ready."""
        goal = self.hub.log_text().count("\n") + more
        self._tally.may(
            "hub",
            lambda: self.hub.log_text().count("\n") >= goal or self.hub.is_ready(),
            what="a line of its log",
            timeout_s=4 * WHILE_S,
        )

    def _let_commit(self, who: str, more: int) -> None:
        """Wait until a hub has committed so many more events, or is not the same any more."""
        first = self._commits()
        self._tally.may(
            who,
            lambda: not first <= self._commits() < first + more,
            what=f"{more} commits",
            timeout_s=WHILE_S,
        )

    def _commits(self) -> float:
        try:
            return self.hub.metrics()["ventanilla_committed_events_total"]
        except (OSError, AssertionError):  # it is being killed, or starts
            return -1

    def _kill_broker(self, random: Random) -> None:
        """The hub dies beside it: a new one may take as long as the hub lives."""
        while self._tally.next("broker"):
            pid = self._tally.until("broker", self._broker_beside, what="a broker", timeout_s=2 * STILL_S)
            self._let_commit("broker", random.choice((0, 5, 20)))
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _broker_beside(self) -> int:
        """The broker that lives: not one that died with its hub, whose number may be another's by now."""
        pids = [int(pid) for pid in re.findall(r'"broker_up",.*"pid": (\d+)', self.hub.log_text())]
        if not pids:
            return 0
        with suppress(OSError):
            words = Path(f"/proc/{pids[-1]}/cmdline").read_bytes()
            return pids[-1] if str(self._folder).encode() in words else 0
        return 0

    def _kill_core(self, random: Random) -> None:
        newest = 0
        while self._tally.next("core"):
            more = random.choice((0, 1, 5))
            while effects := self.core.effects_after(newest):
                newest = effects[-1]
            self._tally.may(
                "core",
                lambda newest=newest, more=more: len(self.core.effects_after(newest)) >= more,
                what=f"{more} effects",
                timeout_s=WHILE_S,
            )
            self.core.kill()
            self.core.start()

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
            kills=self._tally.kills,
            taken=len(taken),
            committed=fates.count("committed"),
            lost=len(fates) - fates.count("committed"),
            lost_recorded=len(self.hub.get("/v1/losses")["items"]),
            in_core=len(settled) + len(reports),
            duplicated=sum(settled.values()) + sum(reports.values()) - len(settled) - len(reports),
            untold=len(settled) + len(reports) - fates.count("committed"),
            balanced=bool(audit["clean"])
            and audit["entries"] == len(settled)
            and wanted <= set(settled)
            and self._reports() == set(reports),
        )

    def _reports(self) -> set[str]:
        """The references of all reports at the hub."""
        references, after = set[str](), ""
        while True:
            page = self.hub.get(f"/v1/service-requests?limit=1000&after={after}")
            references |= {each["reference"] for each in page["items"]}
            if page["next"] is None:
                return references
            after = page["next"]
