"""Which words share a context: what one citizen says, and an hour at a reader; nothing else."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from shared.adapters.attachment_store import AttachmentStore
from shared.adapters.outbox import Outbox
from shared.edge.admission import Admission
from shared.edge.attaching import Attaching
from shared.edge.contents import Contents
from shared.edge.device_time import DeviceTime, system_time
from shared.edge.event_lines import EventReader
from shared.edge.faceless import SESSIONS_MAX, TERMINAL_CONTEXT_MS, Faceless
from shared.edge.home import DeviceHome
from shared.edge.line_input import InputLine
from shared.edge.runtime import EdgeRuntime
from shared.model.event import Stream
from shared.protocol.lines import read_line
from shared.protocol.sealing import context_of
from tests.support.device_process import report, tap
from tests.support.edge import running

NO_BROKER = 1


@dataclass
class Desk:
    """A faceless device, and a clock that the test moves."""

    runtime: EdgeRuntime
    faceless: Faceless
    ahead_ms: list[int] = field(default_factory=lambda: [0])

    def stop(self) -> None:
        """Stop the device, so that its outbox can be opened."""
        self.runtime.stop()

    def take(self, *events: Mapping[str, object]) -> list[Mapping[str, object]]:
        lines = [InputLine(n, json.dumps(event).encode()) for n, event in enumerate(events, 1)]
        return [json.loads(answer) for answer in self.faceless.take(lines).splitlines()]


@pytest.fixture
def desk(home: DeviceHome) -> Iterator[Desk]:
    ahead_ms, machine = [0], system_time()
    clock = DeviceTime(wall_ms=machine.wall_ms, uptime_ms=lambda: machine.uptime_ms() + ahead_ms[0])
    admission = Admission(Contents(clock.wall_ms), lambda: 0)
    attaching = Attaching(AttachmentStore(home.attachments, "bus-7"))
    with (
        running(home, port=NO_BROKER) as hand,
        Faceless(hand.teller, EventReader("bus-7", hand.pseudonyms), clock, attaching, admission) as faceless,
    ):
        yield Desk(hand.runtime, faceless, ahead_ms)


def contexts(home: DeviceHome, stream: Stream) -> list[str]:
    """The context of each line of a lane, as the outbox of a stopped device holds them."""
    with Outbox(home.outbox, "bus-7") as outbox:
        (view,) = outbox.epochs(stream)
        lines = outbox.read(stream, view.epoch, 1, 1_000, 10_000_000).lines
    return [context_of(read_line(line, n).members["sealed"]) for n, line in enumerate(lines, 1)]


def test_taps_share_an_hour(desk: Desk, home: DeviceHome) -> None:
    desk.take(tap(1), tap(2))
    desk.ahead_ms[0] = TERMINAL_CONTEXT_MS - 60_000
    desk.take(tap(3))
    desk.ahead_ms[0] = TERMINAL_CONTEXT_MS + 60_000
    desk.take(tap(4))
    desk.stop()
    first, second, third, fourth = contexts(home, Stream.PAYMENTS)
    assert first == second == third != fourth


def test_reports_share_nothing_unless_one_citizen_made_them(desk: Desk, home: DeviceHome) -> None:
    desk.take(
        report("a"), report("b"), report("c", session="s"), report("d", session="s"), report("e", session="t")
    )
    desk.stop()
    found = contexts(home, Stream.CASES)
    assert found[2] == found[3]
    assert len(set(found)) == 4


def test_sessions_that_are_open_at_once_are_bounded(desk: Desk, home: DeviceHome) -> None:
    names = ["first", *(f"s-{n}" for n in range(SESSIONS_MAX)), "first"]
    desk.take(*(report("x", session=name) for name in names))
    desk.stop()
    found = contexts(home, Stream.CASES)
    assert found[0] != found[-1]


def test_answers_are_counted(desk: Desk) -> None:
    answers = desk.take(tap(1), {"type": "nothing", "data": {}}, tap(2))
    assert ["taken" in answer for answer in answers] == [True, False, True]
    assert (desk.faceless.counts.taken, desk.faceless.counts.refused) == (2, 1)
