"""The trials: what is done to the device on purpose, in this order, and which sentence each one judges.

Everything else that the device says is judged by the listener meanwhile. A trial for which the device gives
no occasion (it has no such lane, or takes no events) judges nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from secrets import token_bytes, token_hex
from typing import Final

from hub.conform.counterpart import Counterpart, Said
from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.acknowledgement import StreamAck
from shared.protocol.delivery import LANES, PROMISED

ANSWER_S: Final = 8.0
"""How long a device may take for what it does at once: a slow network is on the way."""
EVENTS_S: Final = 20.0
"""How long to wait for the device's next event."""
STILL_S: Final = 2.5
"""How long to look whether something that should have no effect has one."""
BACK_S: Final = limits.BACKOFF_MAX_MS / 1000 + 5
IDLE_S: Final = limits.KEEPALIVE_MS / 1000 * (1 + limits.KEEPALIVE_JITTER) + 3
SLACK_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Something that is done to the device.

    Attributes:
        title: what, for whoever watches.
        run: does it.
        long: it takes more than a minute; done on request.
    """

    title: str
    run: Callable[[Counterpart], None]
    long: bool = False


def strangers(hub: Counterpart) -> None:
    """Offer sessions that the device must not take up; then no answer at all."""
    hub.welcomes = False
    first = hub.until(_is_birth, EVENTS_S)
    if first is None:
        return
    nonce = _nonce(first)
    misleading = hub.welcome("A" * len(nonce), misleads=True)
    forged = hub.welcome(nonce, forged=True)
    taken = {_session(said) for said in hub.during(STILL_S)}
    hub.verdicts.judge("B-2", misleading not in taken, "it took up a welcome to another nonce")
    hub.verdicts.judge("T-4", forged not in taken, "it took up a forged welcome")
    again = hub.until(_is_birth, 2 * limits.BIRTH_TIMEOUT_MS / 1000)
    hub.verdicts.judge("B-7", again is not None, "one birth without an answer, and no other in 20 s")


def pause(hub: Counterpart) -> None:
    """Welcome the device, and ask for a pause."""
    hub.welcomes, hub.hold_s = True, 3
    birth = hub.until(_is_birth, 3 * limits.BIRTH_TIMEOUT_MS / 1000)
    began_s = hub.now_s()
    confirmed = hub.until(lambda said: _session(said) == hub.session, ANSWER_S)
    same = bool(_nonce(birth)) and _nonce(birth) == _nonce(confirmed)
    hub.verdicts.judge("B-2", same, "it did not take up the welcome to its nonce")
    frame = hub.until(_is_frame, EVENTS_S)
    if frame is not None:
        waited_s = frame.at_s - began_s
        hub.verdicts.judge(
            "B-9", waited_s > hub.hold_s - SLACK_S, f"a frame {waited_s:.1f} s after the welcome"
        )
    hub.hold_s = 0


def silence(hub: Counterpart) -> None:
    """Do not acknowledge what comes, until it comes again."""
    hub.acknowledges = False
    first = hub.until(_has_lines, EVENTS_S)
    if first is not None:
        frames = [
            first,
            *(said for said in hub.during(limits.RESEND_FIRST_MS / 1000 + 3) if _has_lines(said)),
        ]
        mine = [said for said in frames if said.stream is first.stream]
        flights, again = _flights(mine)
        hub.verdicts.judge("D-1", flights <= limits.FRAMES_IN_FLIGHT, f"{flights} batches in flight")
        late = again is None or again.at_s - first.at_s < limits.RESEND_FIRST_MS / 1000 - SLACK_S
        hub.verdicts.judge("D-2", not late, "not sent again between 4 s and 8 s without an acknowledgement")
    hub.acknowledges = True
    hub.acknowledge()


def no_effect(hub: Counterpart) -> None:
    """Say less in acknowledgements that do not count: an old one, one of another session, a forged one."""
    lane = _lane_with_lines(hub)
    if lane is None:
        return
    less = {lane: _before_last(hub, lane)}
    for sentence, what, say in (
        ("A-2", "an old acknowledgement", lambda: hub.say(less, n=0)),
        ("A-2", "an acknowledgement of another session", lambda: hub.say(less, n=10**6, session="B" * 22)),
        ("T-4", "a forged acknowledgement", lambda: hub.say(less, n=10**6, forged=True)),
    ):
        last = _watermark(hub, lane)
        say()
        again = [said for said in hub.during(STILL_S) if _begins_at_or_below(said, lane, last)]
        hub.verdicts.judge(sentence, not again, f"{what} made it send again")


def less(hub: Counterpart) -> None:
    """Say less than before, as a restored hub does."""
    lane = _lane_with_lines(hub)
    if lane is not None:
        last = _watermark(hub, lane)
        hub.acknowledge({lane: _before_last(hub, lane)})
        again = hub.until(lambda said: _begins_at_or_below(said, lane, last), ANSWER_S)
        hub.verdicts.judge("A-4", again is not None, f"{lane}: nothing was sent again from {last}")


def contradiction(hub: Counterpart) -> None:
    """Acknowledge lines under another chain value than theirs: the device must go on holding them."""
    hub.acknowledges = False
    taken = hub.until(lambda said: _has_lines(said) and said.stream in PROMISED, EVENTS_S)
    if taken is not None and taken.frame is not None and taken.stream is not None:
        epoch, last = taken.frame.epoch, taken.frame.first + taken.lines - 1
        claimed = StreamAck(epoch=epoch, acked=last, head=token_bytes(8), credit=hub.credit)
        hub.acknowledge({taken.stream: claimed}, lanes=())
        held = hub.until(
            lambda said: _begins_at_or_below(said, taken.stream, last),
            limits.RESEND_FIRST_MS / 1000 + ANSWER_S,
        )
        hub.verdicts.judge("A-5", held is not None, f"{taken.stream}: it let go of lines up to {last}")
    hub.acknowledges = True
    hub.acknowledge()


def unknown_epoch(hub: Counterpart) -> None:
    """Acknowledge an epoch that the device does not have."""
    lane = _lane_with_lines(hub)
    if lane is not None:
        hub.acknowledge(
            {lane: StreamAck(epoch=token_hex(4), acked=1, head=token_bytes(8), credit=hub.credit)}
        )
        born = hub.until(_is_birth, ANSWER_S)
        hub.verdicts.judge("A-6", born is not None, "no birth")
        hub.until(_has_lines, EVENTS_S)


def no_credit(hub: Counterpart) -> None:
    """Give no credit, then give it back."""
    lane = _lane_with_lines(hub)
    if lane is None:
        return
    hub.credit = 0
    hub.acknowledge()
    hub.during(SLACK_S)  # what was under way
    sent = [said for said in hub.during(2 * STILL_S) if _has_lines(said)]
    hub.credit = limits.CREDIT_LINES
    hub.acknowledge()
    if hub.until(_has_lines, EVENTS_S) is not None or sent:
        hub.verdicts.judge("A-9", not sent, f"{len(sent)} frames at credit 0")


def fence(hub: Counterpart) -> None:
    """Say that the device is fenced, then clear it."""
    before = _heard_of(hub, Stream.PAYMENTS)
    if not before:
        return
    hub.fenced = True
    hub.acknowledge()
    hub.during(2 * SLACK_S)  # whoever has begun is served
    at_fence = _heard_of(hub, Stream.PAYMENTS)
    hub.during(2 * STILL_S)
    after = _heard_of(hub, Stream.PAYMENTS)
    hub.fenced = False
    hub.acknowledge()
    taken = hub.until(lambda said: said.stream is Stream.PAYMENTS and _has_lines(said), EVENTS_S)
    if taken is not None or after > at_fence:
        hub.verdicts.judge("A-8", after == at_fence, f"{after - at_fence} new payments while fenced")


def forgotten(hub: Counterpart) -> None:
    """Do not know the session any more, as a hub that was restarted."""
    hub.acknowledges = False
    frame = hub.until(_is_frame, EVENTS_S)
    hub.acknowledges = True
    if frame is not None and frame.frame is not None:
        hub.welcome(frame.frame.session)
        born = hub.until(lambda said: _is_birth(said) and _session(said) is None, ANSWER_S)
        hub.verdicts.judge("B-5", born is not None, "no birth after a welcome to its session")
        hub.until(_has_lines, EVENTS_S)


def idle(hub: Counterpart) -> None:
    """Give no credit for longer than a device may be silent."""
    hub.credit = 0
    hub.acknowledge()
    alive = hub.until(lambda said: _is_frame(said) and not _has_lines(said), IDLE_S)
    hub.verdicts.judge("L-10", alive is not None, f"silent for {IDLE_S:.0f} s at credit 0")
    hub.credit = limits.CREDIT_LINES
    hub.acknowledge()


def cut(hub: Counterpart, cut_it: Callable[[], None]) -> None:
    """Cut the connection, and see the device come back under another nonce."""
    nonces: set[str] = set()
    lane = _lane_with_lines(hub)
    hub.welcomes = False
    if lane is not None:  # a birth within the session tells the nonce in use
        hub.acknowledge({lane: StreamAck(epoch=token_hex(4), acked=1, head=token_bytes(8), credit=1)})
        told = hub.until(_is_birth, ANSWER_S)
        nonces = {_nonce(told)} - {""}
    cut_it()
    hub.welcomes = True
    back = hub.until(_is_birth, BACK_S)
    hub.verdicts.judge("D-3", back is not None, f"it did not come back within {BACK_S:.0f} s")
    if back is not None and nonces:
        hub.verdicts.judge("B-1", _nonce(back) not in nonces, "the nonce of the connection before")
    hub.until(_has_lines, EVENTS_S)


def restarted(hub: Counterpart, start_again: Callable[[], None]) -> None:
    """Kill the device and start it again: what it took is there, in the same bytes and places."""
    hub.acknowledges = False
    hub.until(_has_lines, EVENTS_S)
    start_again()
    hub.acknowledges = True
    back = hub.until(_is_birth, BACK_S)
    hub.verdicts.judge("D-3", back is not None, f"it did not come back within {BACK_S:.0f} s")
    hub.until(_has_lines, EVENTS_S)
    hub.during(STILL_S)


TRIALS: Final[Sequence[Trial]] = (
    Trial(title="Welcomes that are not meant for it, and no answer", run=strangers),
    Trial(title="A welcome, and a pause", run=pause),
    Trial(title="No acknowledgement", run=silence),
    Trial(title="Acknowledgements that do not count", run=no_effect),
    Trial(title="An acknowledgement that says less", run=less),
    Trial(title="Another chain value", run=contradiction),
    Trial(title="An epoch that it does not have", run=unknown_epoch),
    Trial(title="No credit", run=no_credit),
    Trial(title="Fenced, and cleared", run=fence),
    Trial(title="A hub that has forgotten the session", run=forgotten),
    Trial(title="Nothing to say for a minute", run=idle, long=True),
)


# ---- what was said


def _is_birth(said: Said) -> bool:
    return said.birth is not None


def _is_frame(said: Said) -> bool:
    return said.frame is not None


def _has_lines(said: Said) -> bool:
    return said.lines > 0


def _session(said: Said) -> str | None:
    """The session that a birth names."""
    return said.birth.session if said.birth is not None else None


def _nonce(said: Said | None) -> str:
    """The nonce of a birth."""
    return said.birth.nonce if said is not None and said.birth is not None else ""


def _first(said: Said) -> int:
    """The number at which a frame begins."""
    return said.frame.first if said.frame is not None else 0


def _begins_at_or_below(said: Said, lane: Stream | None, last: int) -> bool:
    return said.stream is lane and _has_lines(said) and _first(said) <= last


def _flights(frames: Sequence[Said]) -> tuple[int, Said | None]:
    """How many batches followed one another, and the frame that began again."""
    flights, end = 0, 0
    for said in frames:
        if _first(said) <= end:
            return flights, said
        flights, end = flights + 1, _first(said) + said.lines - 1
    return flights, None


# ---- where the device stands


def _lane_with_lines(hub: Counterpart) -> Stream | None:
    """The first lane of which the hub holds a line; waits for one."""
    for _ in range(2):
        for lane in LANES:
            here = hub.standing(lane)
            if here is not None and here.watermark > 0 and here.chain is not None:
                return lane
        hub.until(_has_lines, EVENTS_S)
    return None


def _watermark(hub: Counterpart, lane: Stream) -> int:
    here = hub.standing(lane)
    return here.watermark if here is not None else 0


def _before_last(hub: Counterpart, lane: Stream) -> StreamAck:
    """An acknowledgement of all but the last line."""
    here = hub.standing(lane)
    epoch, acked = (here.epoch, here.watermark - 1) if here is not None else ("", 0)
    head = hub.listener.heard(lane, epoch).values.get(acked)
    return StreamAck(epoch=epoch, acked=acked, head=head, credit=hub.credit)


def _heard_of(hub: Counterpart, lane: Stream) -> int:
    return sum(known.highest for (stream, _), known in hub.listener.epochs.items() if stream is lane)
