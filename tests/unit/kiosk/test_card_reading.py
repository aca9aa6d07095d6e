"""Readings of cards one after the other: whoever has gone is waited for no more, whatever ends meanwhile."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, cast

import pytest

from card_reader.transport.pcsc.field import Field
from card_reader.transport.pcsc.reader import Mishap
from card_reader.transport.port import Transport
from kiosk_app.devices.card_reader import OneTalk
from kiosk_app.devices.port import WORKS, Health, NoCardHeldError
from kiosk_app.machine.card_reading import NO_CARD, CardNotReadError, CardReading
from kiosk_app.machine.far_owner import FarOwner
from kiosk_app.machine.framing import MessageLine
from shared.protocol.sealing import HubSealingKey

PATIENCE_S = 20.0
FIELD = cast("Field", None)


class SlowReader:
    """A reader to which no card comes; its first wait ends when the test lets it, as a talk under way would.

    Attributes:
        waits: how many began.
        is_in: the first has begun.
        let: ends it.
    """

    def __init__(self) -> None:
        self.waits = 0
        self.is_in = Event()
        self.let = Event()

    def serve(self, talk: Callable[[bytes, Transport], Any], given_up: Event, wait_s: float) -> Any:  # noqa: ANN401 - what the talk returns
        self.waits += 1
        self.is_in.set()
        if not (self.let if self.waits == 1 else given_up).wait(wait_s):
            raise AssertionError("a card is waited for, and nobody is there")
        raise NoCardHeldError(NoCardHeldError.__doc__)

    def open(self) -> None:
        """It is there."""

    def close(self) -> None:
        """Nothing is held."""

    def health(self) -> Health:
        return WORKS


@pytest.fixture
def owner() -> Iterator[FarOwner]:
    near, far = socket.socketpair()
    with near, far:
        yield FarOwner(MessageLine(near), lambda: None)


def test_reading_that_is_given_up_while_the_one_before_ends_waits_for_no_card(owner: FarOwner) -> None:
    reader = SlowReader()
    reading = CardReading("kiosk-1", HubSealingKey.generate().public(), owner, reader, PATIENCE_S)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(reading.read, "", reading.begin())
        assert reader.is_in.wait(PATIENCE_S)
        second = pool.submit(reading.read, "", reading.begin())
        reading.give_up()
        reader.let.set()
        for each in (first, second):
            error = each.exception(PATIENCE_S / 2)
            assert isinstance(error, CardNotReadError)
            assert error.reason == NO_CARD


def test_card_that_comes_when_nobody_waits_any_more_begins_no_talk() -> None:
    talks: list[bytes] = []

    def talk(number: bytes, _: Transport) -> str:
        talks.append(number)
        return "said"

    left, served = OneTalk(talk), OneTalk(talk)
    assert left.withdrawn()
    left.serve(b"1234567", FIELD)
    left.missed(Mishap.MUTE)
    assert (talks, left.came.qsize()) == ([], 0)

    served.serve(b"1234567", FIELD)
    assert not served.withdrawn()
    assert served.came.get_nowait()() == "said"
    assert served.withdrawn()
