"""The screen's processes one after the other: watched, replaced, started at growing pauses."""

from dataclasses import dataclass, field

import pytest

from kiosk_app.owner.screens import HANG_MS, START_MS, STEADY_MS, Life, Screens, Stage
from shared.model.health import Condition


@dataclass
class Process:
    """A screen's process that a test lets live and die."""

    pid: int
    status: int | None = None
    killed: bool = False

    def ended(self) -> int | None:
        return self.status

    def kill(self) -> None:
        self.killed = True


@dataclass
class Room:
    """A supervisor with a clock of its own."""

    now_ms: int = 1_000
    lives: list[Life] = field(default_factory=list[Life])
    processes: list[Process] = field(default_factory=list[Process])

    def __post_init__(self) -> None:
        self.screens = Screens(self._start, lambda: self.now_ms)

    def _start(self, life: Life) -> Process:
        self.lives.append(life)
        self.processes.append(Process(pid=len(self.processes) + 1))
        return self.processes[-1]

    def beat(self, number: int) -> None:
        self.lives[number].beat_ms = self.now_ms

    def turn(self, ms: int = 100) -> None:
        self.now_ms += ms
        self.screens.turn()

    def front(self) -> int | None:
        return self.screens.status().pid


@pytest.fixture
def room() -> Room:
    room = Room()
    room.turn()
    room.beat(0)
    room.turn()
    return room


def test_screen_that_beats_stays_in_front(room: Room) -> None:
    for _ in range(50):
        room.beat(0)
        room.turn(HANG_MS // 2)
    assert (room.front(), room.screens.status().stage, len(room.processes)) == (1, Stage.SHOWN, 1)
    assert room.screens.status().condition is Condition.OK


def test_screen_that_leaves_is_killed_when_its_successor_is_shown_and_not_before(room: Room) -> None:
    room.lives[0].wants_to_leave = True
    room.turn()
    assert (room.front(), room.screens.status().stage) == (1, Stage.LEAVING)
    assert not room.processes[0].killed
    room.beat(0)
    room.beat(1)
    room.turn()
    assert room.processes[0].killed
    assert (room.front(), room.screens.status().replaced) == (2, 1)
    assert room.screens.status().failed == 0


def test_screen_that_leaves_is_killed_too_where_its_successor_does_not_start(room: Room) -> None:
    room.lives[0].wants_to_leave = True
    room.turn()
    for _ in range(START_MS // 5_000 + 1):
        room.beat(0)
        room.turn(5_000)
    assert room.processes[0].killed
    assert room.processes[1].killed
    room.turn()
    assert room.front() == 3


def test_screen_whose_clock_stands_still_is_killed_and_replaced_at_once(room: Room) -> None:
    room.turn(HANG_MS + 1)
    assert room.processes[0].killed
    assert not room.screens.is_alive
    room.turn()
    assert (room.front(), room.screens.status().failed) == (2, 1)
    assert room.screens.is_alive


def test_screen_that_ends_again_and_again_is_started_at_growing_pauses_and_that_is_said(room: Room) -> None:
    for _ in range(12):
        room.processes[-1].status = 1
        room.turn()
        while room.front() is None and room.now_ms < 10**9:
            room.turn(1_000)
    room.processes[-1].status = 1
    room.turn()
    assert room.screens.status().retry_ms > 0
    assert room.screens.status().condition is Condition.FAILED
    assert "ended with 1" in room.screens.status().why


def test_screen_that_lived_long_is_replaced_without_a_pause_however_often_others_failed(room: Room) -> None:
    for _ in range(5):
        room.processes[-1].status = 1
        room.turn()
        while room.front() is None:
            room.turn(1_000)
    last = len(room.lives) - 1
    for _ in range(STEADY_MS // HANG_MS + 2):
        room.beat(last)
        room.turn(HANG_MS - 1)
    room.processes[-1].status = -11
    room.turn()
    assert room.screens.status().retry_ms == 0


def test_screens_are_all_ended_with_the_owner(room: Room) -> None:
    room.lives[0].wants_to_leave = True
    room.turn()
    room.screens.close()
    assert [process.killed for process in room.processes] == [True, True]
