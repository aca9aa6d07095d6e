"""The hub's state hint: said, read back, corrected at most once a second, and believed by nobody blindly."""

import threading
from dataclasses import dataclass, field

import pytest

from hub.ingest.state_hint import CORRECT_EVERY_MS, StateHint, state_hint
from shared.model.errors import TransientError
from shared.protocol import topics
from shared.protocol.parsing import parse_object
from tests.simulation.hub import Life

NOW_MS = 1_795_255_200_000


@dataclass
class Wire:
    """A link that takes every message, or none."""

    up: bool = True
    said: list[tuple[str, bytes, bool]] = field(default_factory=list[tuple[str, bytes, bool]])

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        if not self.up:
            raise TransientError("no link; try again")
        self.said.append((topic, payload, retain))
        return len(self.said)


@dataclass
class Clock:
    now_ms: int = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


def test_hint_is_retained_and_says_which_life_of_the_hub_this_is() -> None:
    wire = Wire()
    StateHint(Life(12), Clock()).say(wire, on=True)
    ((topic, payload, retain),) = wire.said
    assert (topic, retain) == (topics.HUB_STATE, True)
    assert parse_object(payload) == {"v": 1, "on": True, "incarnation": 12, "time_ms": NOW_MS}


@pytest.mark.sentence("T-5")
@pytest.mark.parametrize(
    ("payload", "stale"),
    [
        (state_hint(12, 0, on=True), False),
        (state_hint(12, 0, on=False), True),
        (state_hint(11, 0, on=True), True),
        (b"", True),
        (b"{", True),
        (b'{"v":1,"on":1,"incarnation":12}', True),
    ],
)
def test_hint_that_is_not_true_is_corrected(payload: bytes, stale: bool) -> None:
    assert StateHint(Life(12), Clock()).is_stale(payload) is stale


def test_hint_is_corrected_once_a_second_at_most() -> None:
    clock, wire = Clock(), Wire()
    hint = StateHint(Life(12), clock)
    hint.say(wire, on=True)
    clock.now_ms += CORRECT_EVERY_MS - 1
    assert not hint.is_stale(b"")
    clock.now_ms += 1
    assert hint.is_stale(b"")


def test_hint_is_corrected_though_the_clock_was_set_back() -> None:
    clock, wire = Clock(), Wire()
    hint = StateHint(Life(12), clock)
    hint.say(wire, on=True)
    clock.now_ms -= 86_400_000
    assert hint.is_stale(b"")


def test_wait_ends_when_the_broker_has_the_hint() -> None:
    wire = Wire()
    hint = StateHint(Life(12), Clock())
    hint.say(wire, on=False)
    assert not hint.wait_until_confirmed(0.01)
    threading.Timer(0.01, hint.confirmed, (1,)).start()
    assert hint.wait_until_confirmed(5)


def test_hint_that_the_link_did_not_take_is_not_waited_for() -> None:
    hint = StateHint(Life(12), Clock())
    hint.say(Wire(up=False), on=False)
    assert hint.wait_until_confirmed(0)
