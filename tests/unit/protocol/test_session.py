"""A device's session: what counts is a MAC that holds, the own nonce, and the confirmed session."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shared.model.event import Stream
from shared.protocol import limits, topics
from shared.protocol.acknowledgement import (
    Acknowledgement,
    StreamAck,
    Welcome,
    encode_acknowledgement,
    encode_welcome,
)
from shared.protocol.birth import Birth, decode_birth
from shared.protocol.frame import Frame, decode_frame
from shared.protocol.keys import derive
from shared.protocol.mac import MacError, open_message, seal_message
from shared.protocol.parsing import parse_object
from shared.protocol.session import DeviceSession, Identity, Publish, SessionState
from tests.support.small_outbox import DEVICE, SmallOutbox

KEYS = derive(bytes(32))
HUB_MS = 1_795_255_200_000
PAYMENTS = Stream.PAYMENTS


class Chance:
    """Bytes that look random and are the same in every run."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, length: int) -> bytes:
        self._count += 1
        return hashlib.sha256(b"%d" % self._count).digest()[:length]


@dataclass
class Talk:
    """A session, and the hub's part of the conversation, written by hand."""

    outbox: SmallOutbox = field(default_factory=SmallOutbox)
    now_ms: int = 1_000
    acknowledged: int = 0

    def __post_init__(self) -> None:
        self.chance = Chance()
        identity = Identity(
            device=DEVICE,
            boot=312,
            up_key=KEYS.up,
            down_keys={KEYS.down.id: KEYS.down.key},
            firmware="1.2",
            extra={"slot": "b"},
        )
        self.session = DeviceSession(identity, self.outbox, self.outbox, self.chance, incarnation=7)

    # -- the device ------------------------------------------------------------------------------------------

    def connect(self) -> Birth:
        self.session.will()
        self.session.link_up(self.now_ms)
        return self.birth()

    def said(self, *, room: int = limits.PUBLISHES_OUTSTANDING_MAX) -> list[Birth | Frame]:
        """What the device publishes now, opened as the hub does."""
        return [_opened(each) for each in self.session.tick(self.now_ms, room)]

    def birth(self) -> Birth:
        (message,) = self.said()
        assert isinstance(message, Birth)
        return message

    def frames(self) -> list[Frame]:
        messages = self.said()
        assert all(isinstance(each, Frame) for each in messages)
        return [each for each in messages if isinstance(each, Frame)]

    def wait(self) -> int:
        """Let time pass until the session has something to do."""
        due_ms = self.session.deadline_ms()
        assert due_ms is not None
        waited_ms, self.now_ms = due_ms - self.now_ms, due_ms
        return waited_ms

    # -- the hub ---------------------------------------------------------------------------------------------

    def hear(self, body: bytes, *, wall_ms: int = HUB_MS) -> None:
        topic = topics.ack(DEVICE)
        self.session.receive(topic, seal_message(KEYS.down, topic, body), self.now_ms, wall_ms)

    def welcome(self, nonce: str, session: str = "offered", *, hold_s: int = 0) -> None:
        welcome = Welcome(nonce=nonce, session=session, incarnation=12, time_ms=HUB_MS, hold_s=hold_s)
        self.hear(encode_welcome(welcome))

    def ack(self, streams: dict[Stream, StreamAck] | None = None, **more: Any) -> None:  # noqa: ANN401  any member
        self.acknowledged += 1
        ack = Acknowledgement(
            incarnation=12, n=self.acknowledged, session="offered", streams=streams or {}, time_ms=HUB_MS
        )
        self.hear(encode_acknowledgement(replace(ack, **more)))

    def stream(self, acked: int = 0, *, hold_s: int = 0) -> None:
        """All the way to streaming; what is said on the way is dropped."""
        self.welcome(self.connect().nonce, hold_s=hold_s)
        self.said()
        self.ack(self.outbox.ack(acked) if self.outbox.epochs(PAYMENTS) else None)


def _opened(publish: Publish) -> Birth | Frame:
    body = open_message({KEYS.up.id: KEYS.up.key}, publish.topic, publish.payload)
    kind = topics.parse_up(publish.topic).kind
    return decode_birth(body) if kind is topics.Verb.BIRTH else decode_frame(body)


@pytest.fixture
def talk() -> Talk:
    return Talk()


# ---- birth, welcome, confirmed ----------------------------------------------------------------------------


@pytest.mark.sentence("B-1")
def test_birth_says_who_is_there_and_what_it_holds(talk: Talk) -> None:
    talk.outbox.append(3)
    talk.outbox.restart()
    talk.outbox.append(2)
    birth = talk.connect()
    assert (birth.session, birth.incarnation, birth.boot, birth.uptime_ms) == (None, 7, 312, 1_000)
    assert birth.extra == {"slot": "b"}
    assert [(e.oldest, e.last) for e in birth.lanes[PAYMENTS].epochs] == [(1, 3), (1, 2)]
    assert [e.head for e in birth.lanes[PAYMENTS].epochs] == [v.head for v in talk.outbox.epochs(PAYMENTS)]


@pytest.mark.sentence("B-1")
def test_will_carries_the_nonce_of_the_birth(talk: Talk) -> None:
    will = talk.session.will()
    body = open_message({KEYS.up.id: KEYS.up.key}, will.topic, will.payload)
    talk.session.link_up(talk.now_ms)
    assert will.topic == topics.up(DEVICE, topics.Verb.DEATH)
    assert parse_object(body.removesuffix(b"\n"))["nonce"] == talk.birth().nonce


@pytest.mark.sentence("B-1")
def test_uptime_rises_from_birth_to_birth_though_no_time_passed(talk: Talk) -> None:
    first = talk.connect()
    talk.welcome(first.nonce)
    assert talk.birth().uptime_ms == first.uptime_ms + 1


@pytest.mark.sentence("B-2")
@pytest.mark.sentence("B-3")
def test_welcome_with_the_own_nonce_is_taken_up_by_a_birth_with_its_session(talk: Talk) -> None:
    birth = talk.connect()
    talk.welcome(birth.nonce)
    confirmed = talk.birth()
    assert (confirmed.session, confirmed.nonce, confirmed.incarnation) == ("offered", birth.nonce, 12)
    assert talk.session.state is SessionState.CONFIRMED
    assert talk.frames() == []


@pytest.mark.sentence("B-2")
def test_welcome_with_another_nonce_is_ignored(talk: Talk) -> None:
    talk.connect()
    talk.welcome("another")
    assert talk.said() == []
    assert talk.session.state is SessionState.BIRTH_SENT
    assert talk.session.incarnation == 7


@pytest.mark.sentence("B-2")
def test_welcome_that_is_newer_is_taken_while_nothing_is_confirmed(talk: Talk) -> None:
    birth = talk.connect()
    talk.welcome(birth.nonce, "recorded")
    assert talk.birth().session == "recorded"
    talk.welcome(birth.nonce)
    assert talk.birth().session == "offered"
    talk.ack()
    assert talk.session.state is SessionState.STREAMING


@pytest.mark.sentence("B-2")
def test_welcome_once_streaming_is_ignored(talk: Talk) -> None:
    birth = talk.connect()
    talk.welcome(birth.nonce)
    talk.said()
    talk.ack()
    talk.welcome(birth.nonce, "late")
    assert talk.said() == []
    assert talk.session.state is SessionState.STREAMING


@pytest.mark.sentence("B-2")
def test_nonce_is_another_one_on_every_connection(talk: Talk) -> None:
    before = talk.connect()
    talk.session.link_down()
    after = talk.connect()
    assert before.nonce != after.nonce
    talk.welcome(before.nonce)
    assert talk.session.state is SessionState.BIRTH_SENT


@pytest.mark.sentence("T-4")
def test_word_under_another_key_or_for_another_device_has_no_effect(talk: Talk) -> None:
    birth = talk.connect()
    body = encode_welcome(Welcome(nonce=birth.nonce, session="forged", incarnation=99, time_ms=0))
    for key, sealed_for in ((KEYS.up, DEVICE), (derive(bytes([1]) * 32).down, DEVICE), (KEYS.down, "bus-1")):
        message = seal_message(key, topics.ack(sealed_for), body)
        with pytest.raises(MacError):
            talk.session.receive(topics.ack(DEVICE), message, talk.now_ms, HUB_MS)
    assert talk.said() == []
    assert talk.session.incarnation == 7


@pytest.mark.sentence("B-2")
@pytest.mark.sentence("A-2")
def test_welcome_of_the_session_that_was_spoken_in_brings_no_old_acknowledgement_back(talk: Talk) -> None:
    talk.stream()
    talk.ack(fenced=True)
    talk.ack({PAYMENTS: StreamAck(epoch="ffffffff", acked=0, head=None, credit=1)}, fenced=True)
    nonce = talk.birth().nonce
    talk.welcome(nonce)
    assert talk.said() == []
    talk.ack(n=1, fenced=False)
    assert (talk.session.state, talk.session.fenced) == (SessionState.BIRTH_SENT, True)
    talk.welcome(nonce, "another")
    assert talk.birth().session == "another"


@pytest.mark.sentence("B-2")
def test_offer_that_the_hub_repeats_because_nobody_took_it_up_is_taken(talk: Talk) -> None:
    nonce = talk.connect().nonce
    talk.welcome(nonce)
    assert talk.birth().session == "offered"
    while talk.session.state is not SessionState.BIRTH_SENT:
        talk.wait()
        talk.said()
    talk.welcome(nonce)
    assert talk.birth().session == "offered"


@pytest.mark.sentence("B-9")
def test_welcome_that_asks_for_a_pause_gets_it_before_the_first_frame(talk: Talk) -> None:
    talk.outbox.append(2)
    talk.stream(hold_s=3)
    assert talk.said() == []
    assert talk.wait() == 3_000
    assert [len(f.lines) for f in talk.frames()] == [2]


@pytest.mark.sentence("B-9")
def test_pause_beyond_the_limit_is_cut(talk: Talk) -> None:
    talk.outbox.append(2)
    talk.stream(hold_s=86_400)
    assert talk.wait() == limits.HOLD_S_MAX * 1000


# ---- without an answer ------------------------------------------------------------------------------------


@pytest.mark.sentence("B-7")
def test_births_without_an_answer_end_in_back_off_and_not_recognised(talk: Talk) -> None:
    talk.connect()
    births = 1
    while talk.session.state is not SessionState.BACKOFF:
        talk.wait()
        births += len(talk.said())
    assert births == limits.BIRTHS_UNANSWERED_MAX == 3
    assert not talk.session.recognised


@pytest.mark.sentence("B-7")
def test_back_off_grows_to_a_quarter_of_an_hour_and_births_go_on(talk: Talk) -> None:
    talk.connect()
    pauses: list[int] = []
    while len(pauses) < 14:
        waited = talk.wait()
        if talk.session.state is SessionState.BACKOFF:
            pauses.append(waited)
        talk.said()
    assert max(pauses[-4:]) > 4 * 60_000
    assert all(pause <= limits.BACKOFF_UNRECOGNISED_MS == 900_000 for pause in pauses)


@pytest.mark.sentence("B-7")
def test_event_is_taken_while_the_device_is_not_recognised(talk: Talk) -> None:
    talk.connect()
    while talk.session.state is not SessionState.BACKOFF:
        talk.wait()
        talk.said()
    talk.outbox.append(2)
    talk.session.epoch_opened(talk.now_ms)
    talk.wait()
    assert talk.birth().lanes[PAYMENTS].epochs[0].last == 2


@pytest.mark.sentence("B-7")
def test_answer_after_all_recognises_the_device(talk: Talk) -> None:
    talk.connect()
    while talk.session.state is not SessionState.BACKOFF:
        talk.wait()
        talk.said()
    talk.wait()
    talk.welcome(talk.birth().nonce)
    talk.said()
    talk.ack()
    assert talk.session.recognised
    assert talk.session.state is SessionState.STREAMING


def test_confirmed_birth_without_an_answer_is_said_again_in_its_session(talk: Talk) -> None:
    talk.welcome(talk.connect().nonce)
    talk.said()
    talk.wait()
    assert talk.birth().session == "offered"


def test_link_that_is_gone_takes_the_session_and_what_was_to_be_said(talk: Talk) -> None:
    talk.outbox.append(2)
    talk.stream()
    talk.session.link_down()
    assert talk.said() == []
    assert talk.session.deadline_ms() is None
    talk.ack(talk.outbox.ack(2))
    assert talk.outbox.view().acked == 0
    assert talk.connect().session is None


# ---- streaming --------------------------------------------------------------------------------------------


def test_first_acknowledgement_opens_the_stream(talk: Talk) -> None:
    talk.outbox.append(5)
    talk.stream(acked=2)
    (frame,) = talk.frames()
    assert (frame.session, frame.first, len(frame.lines), frame.boot) == ("offered", 3, 3, 312)


def test_frames_are_as_many_as_the_link_has_room_for(talk: Talk) -> None:
    talk.outbox.append(2 * limits.FRAME_LINES_MAX)
    talk.stream()
    assert len(talk.said(room=1)) == 1
    assert len(talk.said(room=0)) == 0
    assert len(talk.said(room=9)) == 1


@pytest.mark.sentence("A-2")
def test_acknowledgement_of_another_session_is_dropped(talk: Talk) -> None:
    talk.outbox.append(5)
    talk.stream()
    talk.ack(talk.outbox.ack(5), session="another", fenced=True)
    assert talk.outbox.view().acked == 0
    assert not talk.session.fenced


@pytest.mark.sentence("A-2")
@pytest.mark.parametrize(
    ("incarnation", "n", "counts"),
    [(12, 5, False), (12, 4, False), (11, 9, False), (12, 6, True), (13, 1, True)],
)
def test_acknowledgement_counts_only_above_the_last_one(
    talk: Talk, incarnation: int, n: int, counts: bool
) -> None:
    talk.outbox.append(5)
    talk.stream()
    talk.ack(talk.outbox.ack(3), n=5)
    talk.ack(talk.outbox.ack(1), incarnation=incarnation, n=n)
    assert talk.outbox.view().acked == (1 if counts else 3)


@pytest.mark.sentence("A-2")
def test_acknowledgement_before_the_session_is_confirmed_is_dropped(talk: Talk) -> None:
    talk.outbox.append(5)
    talk.connect()
    talk.ack(talk.outbox.ack(5))
    assert talk.outbox.view().acked == 0


@pytest.mark.sentence("A-8")
def test_fence_stands_until_an_acknowledgement_clears_it(talk: Talk) -> None:
    talk.stream()
    talk.ack(fenced=True)
    assert talk.session.fenced
    talk.session.link_down()
    talk.connect()
    assert talk.session.fenced
    talk.welcome(talk.connect().nonce)
    talk.said()
    talk.ack(fenced=False)
    assert not talk.session.fenced


def test_acknowledgement_tells_of_attachments_and_versions(talk: Talk) -> None:
    talk.stream()
    talk.ack(missing=("a1",), versions={"fares": [12, 3]}, incarnation=13)
    assert (talk.session.missing, talk.session.versions) == (("a1",), {"fares": [12, 3]})
    assert talk.session.incarnation == 13


@pytest.mark.sentence("D-4")
def test_clock_is_compared_at_welcomes_and_acknowledgements(talk: Talk) -> None:
    talk.stream()
    assert talk.session.clock.age_s(talk.now_ms + 7_000) == 7
    talk.acknowledged += 1
    ack = Acknowledgement(incarnation=12, n=talk.acknowledged, session="offered", streams={}, time_ms=HUB_MS)
    talk.hear(encode_acknowledgement(ack), wall_ms=HUB_MS - 10 * 365 * 86_400_000)
    assert talk.session.clock.age_s(talk.now_ms) is None


@pytest.mark.sentence("A-6")
def test_acknowledgement_of_an_unknown_epoch_is_answered_by_a_birth(talk: Talk) -> None:
    talk.outbox.append(5)
    talk.stream()
    talk.frames()
    talk.ack({PAYMENTS: StreamAck(epoch="ffffffff", acked=1, head=None, credit=800)})
    assert talk.birth().session is None
    assert talk.session.state is SessionState.BIRTH_SENT


@pytest.mark.sentence("D-2")
def test_silence_three_times_is_answered_by_a_birth(talk: Talk) -> None:
    talk.outbox.append(5)
    talk.stream()
    talk.frames()
    for expected_ms in (5_000, 10_000):
        assert talk.wait() == expected_ms
        assert [f.first for f in talk.frames()[:1]] == [1]
    talk.wait()
    assert talk.birth().session is None


# ---- within the session -----------------------------------------------------------------------------------


@pytest.mark.sentence("B-4")
def test_epoch_that_opens_while_streaming_is_told_within_the_session(talk: Talk) -> None:
    talk.stream()
    talk.outbox.append(1)
    talk.session.epoch_opened(talk.now_ms)
    birth, frame = talk.said()
    assert isinstance(birth, Birth)
    assert isinstance(frame, Frame)
    assert birth.session == "offered"
    assert birth.lanes[PAYMENTS].epochs[-1].epoch == frame.epoch


@pytest.mark.sentence("B-4")
def test_epoch_that_opens_while_the_birth_is_under_way_is_told_once_it_is_confirmed(talk: Talk) -> None:
    talk.welcome(talk.connect().nonce)
    assert not talk.birth().lanes[PAYMENTS].epochs
    talk.outbox.append(1)
    talk.session.epoch_opened(talk.now_ms)
    assert talk.said() == []
    talk.ack()
    birth, frame = talk.said()
    assert isinstance(birth, Birth)
    assert isinstance(frame, Frame)
    assert (birth.session, birth.lanes[PAYMENTS].epochs[-1].epoch) == ("offered", frame.epoch)
    talk.ack(talk.outbox.ack(1))
    assert talk.said() == []


@pytest.mark.sentence("A-7")
def test_outbox_learns_what_a_confirmed_birth_listed_and_no_earlier(talk: Talk) -> None:
    talk.outbox.append(2)
    talk.outbox.restart()
    talk.outbox.append(1)
    (old, _) = talk.outbox.epochs_of[PAYMENTS]
    talk.welcome(talk.connect().nonce)
    talk.said()
    assert not old.newer_listed
    talk.ack(talk.outbox.ack(1))
    assert old.newer_listed
    talk.outbox.expire(talk.now_ms)
    assert [e.epoch for e in talk.outbox.epochs(PAYMENTS)] == [talk.outbox.view().epoch]


@pytest.mark.sentence("B-5")
def test_welcome_that_echoes_the_session_makes_the_device_birth_again(talk: Talk) -> None:
    talk.stream()
    talk.welcome("offered", "after a restart")
    birth = talk.birth()
    assert birth.session is None
    talk.welcome(birth.nonce, "another")
    assert talk.birth().session == "another"


# ---- keep-alive -------------------------------------------------------------------------------------------


@pytest.mark.sentence("L-10")
def test_keepalive_is_sent_when_nothing_was_for_about_a_minute(talk: Talk) -> None:
    talk.outbox.append(2)
    talk.stream(acked=2)
    waits: list[int] = []
    for _ in range(20):
        waits.append(talk.wait())
        (frame,) = talk.frames()
        assert (frame.first, frame.lines, frame.prev) == (3, (), talk.outbox.view().head)
        talk.ack(talk.outbox.ack(2))
    assert all(48_000 <= wait <= 72_000 for wait in waits)
    assert max(waits) - min(waits) > 5_000


@pytest.mark.sentence("L-10")
@pytest.mark.sentence("A-9")
def test_keepalive_is_sent_at_credit_zero_and_its_answer_reopens(talk: Talk) -> None:
    talk.outbox.append(2)
    talk.stream()
    talk.ack(talk.outbox.ack(0, credit=0))
    assert talk.said() == []
    talk.wait()
    assert [f.lines for f in talk.frames()] == [()]
    talk.ack(talk.outbox.ack(0, credit=800))
    assert [len(f.lines) for f in talk.frames()] == [2]


@pytest.mark.sentence("L-10")
def test_keepalive_waits_anew_after_every_frame(talk: Talk) -> None:
    talk.outbox.append(1)
    talk.stream(acked=1)
    talk.now_ms += 40_000
    talk.outbox.append(1)
    assert len(talk.frames()) == 1
    talk.ack(talk.outbox.ack(2))
    assert talk.wait() >= 48_000


def test_keepalives_without_an_answer_are_followed_by_a_birth(talk: Talk) -> None:
    talk.stream()
    for _ in range(3):
        talk.wait()
        assert [f.lines for f in talk.frames()] == [()]
    assert talk.birth().session is None


# ---- the hub's state is a hint ----------------------------------------------------------------------------


@pytest.mark.sentence("T-5")
def test_births_go_on_whatever_the_state_hint_says(talk: Talk) -> None:
    """The session has no ear for `hub/state`: the topic carries no MAC, and a message on it is refused."""
    talk.connect()
    hint = b'{"v":1,"on":false,"incarnation":1,"time_ms":0}'
    with pytest.raises(MacError):
        talk.session.receive(topics.HUB_STATE, hint, talk.now_ms, HUB_MS)
    talk.wait()
    assert isinstance(talk.birth(), Birth)
