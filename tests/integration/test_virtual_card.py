"""The virtual card as a process of its own: issued and tapped over a socket, torn, muted, cloned."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from card_reader.apdu.conversing import converse
from card_reader.apdu.outcome import Done
from card_reader.citizen_card.issuing import issued
from card_reader.core.decision import No
from card_reader.core.tap import Verdict, Yes, tap
from card_reader.desfire.card import Card
from card_reader.transport.port import NotSentError, UnansweredError
from card_reader.transport.socket_card import SocketCard
from tests.support.cards import NOW_S, MemoryBook, Town, desk_of, making_of, trip

UID = bytes.fromhex("04782E21801D80")
TIMEOUT_S = 20


class Process:
    """The card's process, and one terminal."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "card_reader.virtual_card", UID.hex()]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.line().removeprefix("port "))
        self.town, self.book = Town(), MemoryBook()

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def tell(self, **what: object) -> str:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return self.line()

    def present(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S)

    def issue(self) -> None:
        with self.present() as peer:
            making = making_of(self.town, UID)
            made = converse(SocketCard(peer), issued(Card(self.town.random.randbytes), bytes(16), making))
        assert isinstance(made, Done)

    def tap(self, timeout_s: float = TIMEOUT_S, **how: int) -> Verdict:
        with self.present() as peer:
            peer.settimeout(timeout_s)
            desk = desk_of(self.town, self.book)
            return converse(SocketCard(peer), tap(UID, trip(**how), desk))

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(TIMEOUT_S)
        self.process.stdout.close()


@pytest.fixture
def card() -> Iterator[Process]:
    process = Process()
    try:
        process.issue()
        yield process
    finally:
        process.close()


def ride_on_a_pass(card: Process) -> None:
    assert card.tap().said is Yes.RIDE


def test_whole_tap_over_a_socket_agrees_with_the_card(card: Process) -> None:
    ride_on_a_pass(card)
    assert card.tap(now_s=NOW_S + 5).said is Yes.ALREADY


def test_card_torn_after_its_commit_is_settled_at_the_next_connection(card: Process) -> None:
    # A pass moves no money: select, authenticate (2), holder, record, add, commit.
    assert card.tell(tear_at=7, after=True) == "ok"
    assert card.tap().said is No.REMOVED
    assert card.book.open
    ride_on_a_pass(card)
    assert not card.book.open
    assert len(card.book.booked) == 1


def test_card_that_says_nothing_is_given_up(card: Process) -> None:
    assert card.tell(mute_at=5) == "ok"
    assert card.tap(timeout_s=0.3).said is No.REMOVED
    ride_on_a_pass(card)


def test_answer_that_is_changed_on_its_way_is_not_believed(card: Process) -> None:
    assert card.tell(wrong_mac_at=4) == "ok"
    assert card.tap().said is No.NOT_GENUINE


def test_clone_goes_on_from_where_it_was_copied(card: Process) -> None:
    assert card.tell(keep="clone") == "ok"
    ride_on_a_pass(card)
    assert card.tell(put="clone") == "ok"
    assert card.tap(terminal=9, line=9).said is Yes.RIDE
    first, second = (intent.record for intent, _ in card.book.booked)
    assert first.counter == second.counter
    assert first.mark != second.mark


def test_line_that_is_no_order_is_not_taken(card: Process) -> None:
    assert card.tell(nonsense=1).startswith("not taken: TypeError")
    assert card.tell(put="nobody").startswith("not taken: KeyError")


def test_card_that_is_gone_before_the_command_is_not_sent_and_after_it_unanswered() -> None:
    here, there = socket.socketpair()
    with here:
        transport = SocketCard(here)
        there.close()
        with pytest.raises((NotSentError, UnansweredError)):
            transport.transmit(b"\x90\x60\x00\x00\x00")
        with pytest.raises(NotSentError):
            transport.transmit(b"\x90\x60\x00\x00\x00")
