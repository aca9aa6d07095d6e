"""The kit finds in a device what a tired engineer might write, and nothing in one that keeps the protocol."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from hub.conform.sentences import SENTENCES
from hub.conform.verdicts import Outcome
from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.acknowledgement import Acknowledgement, StreamAck, Welcome, decode_answer
from shared.protocol.delivery import LANES
from shared.protocol.sender import Run, Sender, Verdict
from shared.protocol.session import DeviceSession, Publish
from tests.simulation.device import Device, Happening, Taken
from tests.simulation.disk import Disk
from tests.support.one_device_street import SigningDevice, judged

SIGNATURE_MARK = b',"sig":'


def test_device_that_keeps_the_protocol_holds_every_sentence() -> None:
    assert judged(SigningDevice) == dict.fromkeys(SENTENCES, Outcome.HELD)


# ---- sessions with a bug


class TakesEveryWelcome(DeviceSession):
    def _welcome(self, welcome: Welcome, now_ms: int, wall_ms: int) -> None:
        self._nonce = welcome.nonce
        super()._welcome(welcome, now_ms, wall_ms)


class AsksForNoMac(DeviceSession):
    def receive(self, topic: str, payload: bytes, now_ms: int, wall_ms: int) -> None:
        answer = decode_answer(payload[: payload.rindex(b"~")])
        if isinstance(answer, Welcome):
            self._welcome(answer, now_ms, wall_ms)
        else:
            self._acknowledgement(answer, now_ms, wall_ms)


class NeverPauses(DeviceSession):
    def _welcome(self, welcome: Welcome, now_ms: int, wall_ms: int) -> None:
        super()._welcome(welcome, now_ms, wall_ms)
        self._hold_until_ms = 0


class TakesOldAcknowledgements(DeviceSession):
    def _acknowledgement(self, ack: Acknowledgement, now_ms: int, wall_ms: int) -> None:
        self._newest = (0, -1)
        super()._acknowledgement(ack, now_ms, wall_ms)


class KeepsItsNonce(DeviceSession):
    def will(self) -> Publish:
        nonce = self._nonce
        will = super().will()
        self._nonce = nonce
        return will


class StandsStill(DeviceSession):
    def _birth(self, now_ms: int, session: str | None) -> Any:  # noqa: ANN401  what the parent gives
        self._birth_uptime_ms = 0
        return super()._birth(0, session)


class NeverStartsOver(DeviceSession):
    """A birth follows the link alone."""

    def _begin(self, now_ms: int) -> None:
        if not self._session:
            super()._begin(now_ms)

    def link_up(self, now_ms: int) -> None:
        self._session = ""
        super().link_up(now_ms)


class ForgetsTheHub(DeviceSession):
    def _birth(self, now_ms: int, session: str | None) -> Any:  # noqa: ANN401
        self.incarnation = 0
        return super()._birth(now_ms, session)


def with_sender(sender_class: type[Sender], **more: int) -> type[DeviceSession]:
    """A session whose half of delivery has a bug."""

    class Buggy(DeviceSession):
        def __init__(self, identity: Any, log: Any, *others: Any, **named: Any) -> None:  # noqa: ANN401
            super().__init__(identity, log, *others, **named)
            self._sender = sender_class(log, **more)

    return Buggy


class NeverAgain(Sender):
    def check_timeouts(self, now_ms: int) -> Verdict:
        return Verdict.GO_ON

    def deadline_ms(self) -> int | None:
        return None


class KnowsBetter(Sender):
    """What was acknowledged once is done with."""

    def _take_stream(self, stream: Stream, ack: StreamAck, now_ms: int) -> Verdict:
        views = [view for view in self._log.epochs(stream) if view.epoch == ack.epoch]
        if views and ack.acked < views[0].acked:
            return Verdict.GO_ON
        return super()._take_stream(stream, ack, now_ms)


class HasCredit(Sender):
    def _take_stream(self, stream: Stream, ack: StreamAck, now_ms: int) -> Verdict:
        ample = StreamAck(epoch=ack.epoch, acked=ack.acked, head=ack.head, credit=limits.CREDIT_LINES)
        return super()._take_stream(stream, ample, now_ms)


class ComparesNothing(Sender):
    """Any chain value will do."""

    def _take_stream(self, stream: Stream, ack: StreamAck, now_ms: int) -> Verdict:
        unseen = StreamAck(epoch=ack.epoch, acked=ack.acked, head=None, credit=ack.credit)
        return super()._take_stream(stream, unseen, now_ms)


# ---- disks and devices with a bug


class WritesAnew(Disk):
    """A line is written anew each time that it is sent."""

    sent = 0

    def read(self, stream: Stream, epoch: str, first: int, lines_max: int, bytes_max: int) -> Run:
        run = super().read(stream, epoch, first, lines_max, bytes_max)
        WritesAnew.sent += 1
        again = tuple(line.replace(b'"time":"20', b'"time":"2%d' % (self.sent % 10)) for line in run.lines)
        return Run(first=run.first, prev=run.prev, lines=again, contexts=run.contexts, next=run.next)


class SendsWithoutContexts(Disk):
    def read(self, stream: Stream, epoch: str, first: int, lines_max: int, bytes_max: int) -> Run:
        run = super().read(stream, epoch, first, lines_max, bytes_max)
        return Run(first=run.first, prev=run.prev, lines=run.lines, contexts={}, next=run.next)


class ForgetsEarlierLives(Disk):
    def start(self) -> None:
        super().start()
        self.epochs_of = {stream: [] for stream in LANES}


class DoesNotSign(SigningDevice):
    def compose(self, what: Happening, now_ms: int, event_id: str) -> tuple[Taken, bytes]:
        return Device.compose(self, what, now_ms, event_id)


class TakesMoneyWhileFenced(SigningDevice):
    @property
    def takes_money(self) -> bool:
        return True


def session(bug: type[DeviceSession]) -> type[SigningDevice]:
    class Buggy(SigningDevice):
        session_class = bug

    return Buggy


def disk(bug: type[Disk]) -> type[SigningDevice]:
    class Buggy(SigningDevice):
        disk_class = bug

    return Buggy


BUGS: Sequence[tuple[str, Callable[[], type[SigningDevice]]]] = (
    ("B-2", lambda: session(TakesEveryWelcome)),
    ("T-4", lambda: session(AsksForNoMac)),
    ("B-9", lambda: session(NeverPauses)),
    ("A-2", lambda: session(TakesOldAcknowledgements)),
    ("B-1", lambda: session(KeepsItsNonce)),
    ("B-6", lambda: session(StandsStill)),
    ("A-6", lambda: session(NeverStartsOver)),
    ("B-5", lambda: session(NeverStartsOver)),
    ("B-8", lambda: session(ForgetsTheHub)),
    ("D-2", lambda: session(with_sender(NeverAgain))),
    ("A-4", lambda: session(with_sender(KnowsBetter))),
    ("A-9", lambda: session(with_sender(HasCredit))),
    ("A-5", lambda: session(with_sender(ComparesNothing))),
    ("D-1", lambda: session(with_sender(Sender, frames_in_flight=8))),
    ("L-3", lambda: disk(WritesAnew)),
    ("K-3", lambda: disk(SendsWithoutContexts)),
    ("A-7", lambda: disk(ForgetsEarlierLives)),
    ("K-4", lambda: DoesNotSign),
    ("A-8", lambda: TakesMoneyWhileFenced),
)


@pytest.mark.parametrize(("sentence", "bug"), BUGS, ids=[f"{s}-{n}" for n, (s, _) in enumerate(BUGS)])
def test_bug_breaks_its_sentence(sentence: str, bug: Callable[[], type[SigningDevice]]) -> None:
    assert judged(bug())[sentence] is Outcome.BROKEN
