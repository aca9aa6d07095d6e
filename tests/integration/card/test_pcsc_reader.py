"""Readers on the real pcscd: cards that come, go, are torn, are mute, and a pcscd that dies."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Generator
from queue import Empty, SimpleQueue

import pytest

from card_reader.apdu.conversing import converse
from card_reader.core.decision import No
from card_reader.core.tap import Verdict, Yes, tap
from card_reader.transport.pcsc.field import Field
from card_reader.transport.pcsc.reader import STUCK_S, Cards, Mishap, Reader, Trouble
from card_reader.transport.pcsc.winscard import UNAWARE, Context
from card_reader.transport.port import NotSentError, UnansweredError
from tests.support.cards import NOW_S, MemoryBook, Town, desk_of, trip
from tests.support.pcsc import CardProcess, Pcscd
from tests.support.polling import eventually

pytestmark = pytest.mark.requires("pcscd", "cc", "libpcsclite.so", "libc.so")
TIMEOUT_S = 30
VERSION = bytes.fromhex("9060000000")
Said = Verdict | Mishap | bytes
NewCard = Callable[[], CardProcess]


class Validator(Cards):
    """Taps every card, and tells what came of it."""

    def __init__(self, town: Town) -> None:
        self.town, self.book = town, MemoryBook()
        self.said: SimpleQueue[Said] = SimpleQueue()
        self.troubles: SimpleQueue[Trouble] = SimpleQueue()
        self.now_s = NOW_S

    def serve(self, number: bytes, field: Field) -> None:
        self.now_s += 1
        desk = desk_of(self.town, self.book)
        self.said.put(converse(field, tap(number, trip(now_s=self.now_s), desk)))

    def missed(self, mishap: Mishap) -> None:
        self.said.put(mishap)

    def trouble(self, trouble: Trouble) -> None:
        self.troubles.put(trouble)

    def next(self) -> Said:
        return self.said.get(timeout=TIMEOUT_S)

    def verdict(self) -> Verdict:
        said = self.next()
        assert isinstance(said, Verdict), said
        return said


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture
def validator(town: Town, pcscd: Pcscd) -> Generator[Validator]:
    validator = Validator(town)
    reader = Reader("door", validator)
    reader.start()
    try:
        assert validator.troubles.get(timeout=TIMEOUT_S) is Trouble.NONE
        yield validator
    finally:
        reader.stop()


def test_card_that_comes_is_tapped_and_once_only(
    validator: Validator, pcscd: Pcscd, new_card: NewCard
) -> None:
    card = new_card()
    card.issue(validator.town)
    card.hold(pcscd.door())
    assert validator.verdict().said is Yes.RIDE
    with pytest.raises(Empty):
        validator.said.get(timeout=1.5)  # longer than the thread waits for a change
    card.take_away()
    card.hold(pcscd.door())
    assert validator.verdict().said is Yes.ALREADY


def test_hundred_cards_that_come_and_go_are_each_served(
    validator: Validator, pcscd: Pcscd, new_card: NewCard
) -> None:
    card = new_card()
    card.issue(validator.town)
    for _ in range(100):
        card.hold(pcscd.door())
        assert isinstance(validator.next(), Verdict)
        card.take_away()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("place", range(1, 8))
def test_card_torn_at_any_command_is_charged_once_when_it_is_held_again(
    validator: Validator, pcscd: Pcscd, new_card: NewCard, place: int, after: bool
) -> None:
    card = new_card()
    card.issue(validator.town)
    card.hold(pcscd.door(), tear_at=place, after=after)
    assert validator.verdict().said is No.REMOVED
    assert bool(validator.book.open) is (place == 7)  # torn at the commit, nobody knows
    card.hold(pcscd.door())
    assert validator.verdict().said is Yes.RIDE
    assert len(validator.book.booked) == 1
    assert not validator.book.open


def test_card_that_falls_silent_is_given_up_and_taken_when_it_comes_again(
    validator: Validator, pcscd: Pcscd, new_card: NewCard
) -> None:
    card = new_card()
    card.issue(validator.town)
    card.hold(pcscd.door(), mute_at=5)
    assert validator.verdict().said is No.REMOVED
    eventually(lambda: not card.is_held, timeout_s=TIMEOUT_S)
    card.hold(pcscd.door())
    assert validator.verdict().said is Yes.RIDE


def test_pcscd_that_is_killed_and_started_again_misses_no_card(
    validator: Validator, pcscd: Pcscd, new_card: NewCard
) -> None:
    card = new_card()
    card.issue(validator.town)
    recovered_s: list[float] = []
    for _ in range(3):
        pcscd.kill()
        assert validator.troubles.get(timeout=TIMEOUT_S) is Trouble.NO_SERVICE
        card.hold(pcscd.door())  # while nobody is there
        pcscd.start()
        began_s = time.monotonic()
        assert validator.verdict().said in {Yes.RIDE, Yes.ALREADY}
        recovered_s.append(time.monotonic() - began_s)
        assert validator.troubles.get(timeout=TIMEOUT_S) is Trouble.NONE
        card.take_away()
    assert min(recovered_s) <= 1, recovered_s
    assert len(validator.book.booked) == 1


def test_pcscd_that_is_killed_in_the_middle_of_a_tap_leaves_one_charge(
    validator: Validator, pcscd: Pcscd, new_card: NewCard
) -> None:
    card = new_card()
    card.issue(validator.town)
    card.hold(pcscd.door(), slow_s=0.3)
    eventually(lambda: bool(validator.book.open), timeout_s=TIMEOUT_S)  # the commit is under way
    pcscd.kill()
    assert validator.verdict().said is No.REMOVED
    pcscd.start()  # the card still lies there
    assert validator.verdict().said is Yes.RIDE
    assert len(validator.book.booked) == 1
    assert not validator.book.open


def test_reader_that_is_unplugged_is_said_and_its_return_too(
    validator: Validator, pcscd_folder: object, pcscd: Pcscd
) -> None:
    pcscd.kill()
    assert validator.troubles.get(timeout=TIMEOUT_S) is Trouble.NO_SERVICE
    other = Pcscd(pcscd.folder, "another")
    other.start()
    try:
        assert validator.troubles.get(timeout=TIMEOUT_S) is Trouble.NO_READER
    finally:
        other.close()
    pcscd.start()
    eventually(lambda: validator.troubles.get(timeout=TIMEOUT_S) is Trouble.NONE)


def test_card_that_another_program_holds_is_not_fought_over(
    town: Town, pcscd: Pcscd, new_card: NewCard
) -> None:
    card, validator = new_card(), Validator(town)
    card.issue(town)
    card.hold(pcscd.door())
    with Context() as context:
        (name,) = context.readers()
        eventually(lambda: context.wait(name, UNAWARE, 0).atr == ATR, timeout_s=TIMEOUT_S)
        with context.connect(name):
            reader = Reader("door", validator)
            reader.start()
            try:
                assert validator.next() is Mishap.HELD
                card.take_away()
                card.hold(pcscd.door())
                assert validator.next() is Mishap.HELD
            finally:
                reader.stop()


# -- the driver, and cards that are none ---------------------------------------------------------------


class Impostor:
    """Whoever connects to a reader's socket: says what a test wants of it."""

    def __init__(self, pcscd: Pcscd, answer: Callable[[bytes], bytes | None]) -> None:
        self._peer = socket.socket(socket.AF_UNIX)
        self._peer.connect(str(pcscd.door()))
        self._answer = answer
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._thread.join(TIMEOUT_S)
        self._peer.close()
        assert not self._thread.is_alive()

    def _speak(self) -> None:
        try:
            while (head := self._peer.recv(2)) and len(head) == 2:
                message = self._peer.recv(int.from_bytes(head, "big"))
                said = self._answer(message)
                if said is not None:
                    self._peer.sendall(said)
        except OSError:
            pass


def told(answer: bytes) -> bytes:
    return struct.pack(">H", len(answer)) + answer


ATR = bytes.fromhex("3B8180018080")
WRONG: dict[str, bytes] = {
    "nothing": told(b""),
    "one byte": told(b"\x90"),
    "too long": told(bytes(259)),
    "huge": b"\xff\xff" + bytes(65_535),
    "half": b"\x00\x20" + bytes(4),
    "two": told(b"\x90\x00") + told(b"\x90\x00"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_card_that_says_nonsense_ends_its_presentation_and_harms_nobody(
    validator: Validator, pcscd: Pcscd, new_card: NewCard, wrong: bytes
) -> None:
    def answer(message: bytes) -> bytes | None:
        if message == b"\x04":
            return told(ATR)
        return wrong if len(message) > 1 else None

    impostor = Impostor(pcscd, answer)
    said = validator.next()
    assert said is Mishap.LEFT or isinstance(said, Verdict)
    impostor.close()
    card = new_card()
    card.issue(validator.town)
    card.hold(pcscd.door())
    assert validator.verdict().said is Yes.RIDE


@pytest.mark.parametrize("atr", [b"", b"\x3b", bytes(34), bytes(300)], ids=["none", "one", "34", "300"])
def test_card_without_a_sensible_answer_to_reset_is_mute(
    validator: Validator, pcscd: Pcscd, new_card: NewCard, atr: bytes
) -> None:
    impostor = Impostor(pcscd, lambda message: told(atr) if message == b"\x04" else None)
    impostor.close()
    card = new_card()
    card.issue(validator.town)
    card.hold(pcscd.door())
    eventually(lambda: isinstance(said := validator.next(), Verdict) and said.said is Yes.RIDE)


def test_second_card_waits_until_the_first_has_left(
    validator: Validator, pcscd: Pcscd, new_card: NewCard
) -> None:
    first, second = new_card(), new_card()
    for card in (first, second):
        card.issue(validator.town)
    first.hold(pcscd.door())
    assert validator.verdict().said is Yes.RIDE
    second.hold(pcscd.door())
    first.take_away()
    assert validator.verdict().said is Yes.RIDE
    assert len({intent.card for intent, _ in validator.book.booked}) == 2


def test_card_that_is_gone_is_not_sent_to_any_more(pcscd: Pcscd, new_card: NewCard) -> None:
    card = new_card()
    card.hold(pcscd.door())
    with Context() as context:
        name = context.readers()[0]
        assert name.startswith("door")
        eventually(lambda: context.wait(name, UNAWARE, 0).atr == ATR, timeout_s=TIMEOUT_S)
        with context.connect(name) as connection:
            field = Field(connection)
            assert field.number() == card.uid
            card.tell(away=True)
            with pytest.raises((NotSentError, UnansweredError)):
                field.transmit(VERSION)
            with pytest.raises(NotSentError):
                field.transmit(VERSION)


def test_thread_that_does_not_come_back_is_left_behind_and_another_serves_the_next_card(
    town: Town, pcscd: Pcscd, new_card: NewCard
) -> None:
    validator, ahead_s = Validator(town), [0.0]
    reader = Reader("door", validator, lambda: time.monotonic() + ahead_s[0])
    reader.start()
    try:
        assert validator.troubles.get(timeout=TIMEOUT_S) is Trouble.NONE
        stuck, other = new_card(), new_card()
        for card in (stuck, other):
            card.issue(town)
        stuck.hold(pcscd.door(), slow_s=1.4)
        eventually(lambda: reader.waits_s > 0, timeout_s=TIMEOUT_S)
        reader.turn()
        assert validator.troubles.empty()
        eventually(lambda: reader.waits_s > 0, timeout_s=TIMEOUT_S)
        ahead_s[0] = STUCK_S
        reader.turn()
        assert validator.troubles.get(timeout=TIMEOUT_S) is Trouble.STUCK
        stuck.take_away()
        assert validator.troubles.get(timeout=TIMEOUT_S) is Trouble.NONE
        ahead_s[0] = 0.0
        other.hold(pcscd.door())
        said = validator.next()
        while not isinstance(said, Verdict) or said.said is not Yes.RIDE:
            said = validator.next()
        assert reader.trouble is Trouble.NONE
        assert len(validator.book.booked) == 1
    finally:
        reader.stop()
