"""The retained hint `hub/state`: whether the hub is on, and which life of it this is.

    {"v":1,"on":true,"incarnation":12,"time_ms":1763720000000}

A hint, never a gate: it carries no MAC, a broker may forget it, and the last will of a hub that hung may
overwrite its successor's word. So the hub reads it back and corrects it, at most once a second.

Source: docs/PROTOCOL.md, section Topics.
"""

import threading
from collections.abc import Callable
from typing import Final, Protocol

from hub.ingest.ports import Incarnation
from shared.model.errors import CapacityError, InputError, TransientError
from shared.protocol import topics
from shared.protocol.parsing import encode, parse_object

CORRECT_EVERY_MS: Final = 1_000


class Publisher(Protocol):
    """What hands a message to the broker."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Return the handle that its confirmation will carry."""
        ...


def state_hint(incarnation: int, time_ms: int, *, on: bool) -> bytes:
    """Return the hint's payload; a will is one with `on` false."""
    return encode({"v": 1, "on": on, "incarnation": incarnation, "time_ms": time_ms})


class StateHint:
    """What the hub last said of itself."""

    def __init__(self, incarnation: Incarnation, clock: Callable[[], int]) -> None:
        """Begin with nothing said.

        Args:
            incarnation: this life of the hub.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self._incarnation = incarnation
        self._clock = clock
        self._said_ms = 0
        self._unconfirmed: int | None = None
        self._changed = threading.Condition()

    def say(self, publisher: Publisher, *, on: bool) -> None:
        """Say it; where the link does not take it, the next connection says it again."""
        self._said_ms = self._clock()
        payload = state_hint(self._incarnation.value, self._said_ms, on=on)
        with self._changed:
            try:
                self._unconfirmed = publisher.publish(topics.HUB_STATE, payload, retain=True)
            except (TransientError, CapacityError):
                self._unconfirmed = None

    def is_stale(self, payload: bytes) -> bool:
        """Tell whether what the broker holds is not what is true, and may be corrected now."""
        if 0 <= self._clock() - self._said_ms < CORRECT_EVERY_MS:
            return False
        try:
            members = parse_object(payload)
        except InputError:
            return True
        return members.get("on") is not True or members.get("incarnation") != self._incarnation.value

    def confirmed(self, handle: int) -> None:
        """Learn that the broker has a message of ours."""
        with self._changed:
            if handle == self._unconfirmed:
                self._unconfirmed = None
                self._changed.notify_all()

    def wait_until_confirmed(self, timeout_s: float) -> bool:
        """Wait until the broker has the last hint that the link took; False if it did not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._unconfirmed is None, timeout_s)
