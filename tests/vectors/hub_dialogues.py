"""What a hub must do: what a device says, in its order, and where the hub must stand afterwards.

What must follow is written here by hand, from the numbered sentences; only the bytes are made.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from shared.model.event import Stream
from shared.protocol import topics
from shared.protocol.lines import GapReason
from tests.vectors.seeds import DEVICE, Epoch, Vector, birth, token

OTHER = bytes(8)


@dataclass(slots=True)
class HubTalk:
    """A dialogue as the hub hears it."""

    name: str
    why: str
    steps: list[Vector] = field(default_factory=list[Vector])
    session: str = ""
    births: int = 0

    def enter(self, *epochs: Epoch, **must: Any) -> None:  # noqa: ANN401  a vector's members
        """A connection: birth, welcome, the birth again with the offered session."""
        nonce = self._token("nonce")
        body = birth(nonce, None, *epochs, uptime_ms=self._uptime())
        self.say(topics.Verb.BIRTH, body, welcome=self._offer(nonce))
        self.say(topics.Verb.BIRTH, birth(nonce, self.session, *epochs, uptime_ms=self._uptime()), **must)

    def update(self, *epochs: Epoch, **must: Any) -> None:  # noqa: ANN401  a vector's members
        """A birth within the session."""
        body = birth(self._token("nonce"), self.session, *epochs, uptime_ms=self._uptime())
        self.say(topics.Verb.BIRTH, body, **must)

    def frame(
        self,
        epoch: Epoch,
        first: int = 1,
        last: int | None = None,
        *,
        must: Vector,
        **other: Any,  # noqa: ANN401  members of a frame
    ) -> None:
        """A frame of some lines; members of the frame may be given as others."""
        self.say(epoch.stream, epoch.frame(self.session, first, last, **other), **must)

    def replayed(self, step: int) -> None:
        """What was said then is said again, and opens nothing."""
        nonce = self._token("nonce of a replay")
        body = self.steps[step]["body"]
        current, offer = self.session, self._offer(nonce)
        self.session = current
        offer["nonce"] = json.loads(body)["nonce"]
        self.say(topics.Verb.BIRTH, body.encode(), welcome=offer, losses=[], fenced=False)

    def happen(self, what: str, **more: Any) -> None:  # noqa: ANN401  a vector's members
        """Something happens to the hub: `restart`, or `restore` to what it was after a step."""
        self.steps.append({"happen": what, **more})

    def asked_for_a_birth(self, epoch: Epoch, first: int) -> None:
        """A frame in a session that the hub does not know is answered by a welcome that echoes it."""
        body = epoch.frame(self.session, first)
        self.say(epoch.stream, body, welcome=self._offer(self.session))

    def say(self, kind: Stream | topics.Verb, body: bytes, **must: Any) -> None:  # noqa: ANN401  a vector's members
        self.steps.append({"topic": topics.up(DEVICE, kind), "body": body.decode(), "must": must})

    def vector(self) -> Vector:
        return {"name": self.name, "why": self.why, "device": DEVICE, "steps": self.steps}

    def _offer(self, nonce: str) -> Vector:
        self.session = self._token("session")
        return {"nonce": nonce, "session": self.session}

    def _token(self, what: str) -> str:
        return token(f"{self.name} {what} {len(self.steps)}")

    def _uptime(self) -> int:
        self.births += 1
        return self.births


def at(epoch: Epoch, acked: int, *, deciding: bool = False) -> Vector:
    """Where an acknowledgement says that the hub stands in a stream."""
    head = None if deciding else epoch.head(acked).hex()
    return {"stream": epoch.stream.value, "epoch": epoch.epoch, "acked": acked, "head": head}


def lost(first: int, last: int, reason: str, *, more: bool = False) -> list[Any]:
    """A loss record."""
    return [first, last, reason, more]


SIX = Epoch().write("a1", "a2", "a3", "a4", "a5", "a6")
NEXT = Epoch(epoch="0000000b").write("b1", "b2")
FORK = SIX.until(3).write("c4", "c5", "c6", "c7")
CASES = Epoch(stream=Stream.CASES, epoch="0000000d").write("d1", "d2")
TELEMETRY = Epoch(stream=Stream.TELEMETRY, epoch="0000000e").write("e1", "e2", "e3")


def hub_dialogues() -> list[Vector]:
    """Dialogues that a hub must hold."""
    talks = (
        in_order(),
        sent_again(),
        a_hole(),
        two_epochs(),
        gaps(),
        gap_over_what_is_held(),
        expired_first(),
        keep_alive(),
        flipped_bit(),
        fork(),
        rolled_back(),
        birth_while_ids_decide(),
        disk_lost(),
        update(),
        replayed_birth(),
        hub_restarted(),
        another_session(),
        hub_restored(),
        poison(),
        telemetry(),
    )
    return [talk.vector() for talk in talks]


def in_order() -> HubTalk:
    talk = HubTalk("in order", "new lines are taken and acknowledged (H-2, A-1)")
    talk.enter(SIX, at=[at(SIX, 0)], held=0)
    talk.frame(SIX, 1, 4, must={"at": [at(SIX, 4)], "held": 4})
    talk.frame(SIX, 5, 6, must={"at": [at(SIX, 6)], "held": 6, "losses": []})
    return talk


def sent_again() -> HubTalk:
    talk = HubTalk("sent again", "what is below the watermark is skipped (H-2)")
    talk.enter(SIX, at=[at(SIX, 0)])
    talk.frame(SIX, 1, 4, must={"at": [at(SIX, 4)], "held": 4})
    talk.frame(SIX, 1, 4, must={"at": [at(SIX, 4)], "held": 4})
    talk.frame(SIX, 3, 6, must={"at": [at(SIX, 6)], "held": 6})
    return talk


def a_hole() -> HubTalk:
    talk = HubTalk("a hole", "nothing is taken beyond a hole (H-2)")
    talk.enter(SIX, at=[at(SIX, 0)])
    talk.frame(SIX, 4, must={"at": [at(SIX, 0)], "held": 0})
    talk.frame(SIX, 1, must={"at": [at(SIX, 6)], "held": 6})
    return talk


def two_epochs() -> HubTalk:
    talk = HubTalk("two epochs", "the newer one waits for the older one (H-5, A-3)")
    talk.enter(SIX, NEXT, at=[at(SIX, 0)])
    talk.frame(NEXT, must={"at": [at(SIX, 0)], "held": 0})
    talk.frame(SIX, must={"at": [at(NEXT, 0)], "held": 6})
    talk.frame(NEXT, must={"at": [at(NEXT, 2)], "held": 8})
    return talk


def gaps() -> HubTalk:
    talk = HubTalk("gaps", "evicted and corrupt are losses, compacted is none (L-4, H-7)")
    talk.enter(SIX, at=[at(SIX, 0)])
    evicted, corrupt = lost(3, 3, "evicted"), lost(4, 5, "corrupt")
    for first, last, reason, losses in (
        (1, 2, GapReason.COMPACTED, []),
        (3, 3, GapReason.EVICTED, [evicted]),
        (4, 5, GapReason.CORRUPT, [evicted, corrupt]),
    ):
        must = {"at": [at(SIX, last)], "held": 0, "losses": losses}
        talk.frame(SIX, first, lines=(SIX.gap(first, last, reason),), must=must)
    talk.frame(SIX, 6, must={"at": [at(SIX, 6)], "held": 1})
    return talk


def gap_over_what_is_held() -> HubTalk:
    talk = HubTalk("a gap over what is held", "only what the hub lacks is a loss (H-7)")
    talk.enter(SIX, at=[at(SIX, 0)])
    talk.frame(SIX, 1, 3, must={"at": [at(SIX, 3)], "held": 3})
    lines = (SIX.gap(1, 5, GapReason.CORRUPT), SIX.lines[5])
    talk.frame(SIX, lines=lines, must={"at": [at(SIX, 6)], "held": 4, "losses": [lost(4, 5, "corrupt")]})
    return talk


def expired_first() -> HubTalk:
    talk = HubTalk("expired first", "the oldest line left stands above the watermark (H-6)")
    talk.enter(SIX, at=[at(SIX, 0)])
    must = {"at": [at(SIX, 6)], "held": 4, "losses": [lost(1, 2, "expired")]}
    talk.frame(SIX, 3, oldest=3, must=must)
    return talk


def keep_alive() -> HubTalk:
    talk = HubTalk("keep-alive", "a frame without lines is answered with every lane (L-10)")
    talk.enter(SIX, CASES, at=[at(SIX, 0), at(CASES, 0)])
    talk.frame(SIX, must={"at": [at(SIX, 6)]})
    talk.frame(SIX, 7, must={"at": [at(SIX, 6), at(CASES, 0)]})
    return talk


def flipped_bit() -> HubTalk:
    talk = HubTalk("a flipped bit", "a resend that confirms what is held: no fence, no loss (H-8, H-9)")
    talk.enter(SIX, at=[at(SIX, 0)])
    talk.frame(SIX, 1, 4, must={"at": [at(SIX, 4)], "held": 4})
    talk.frame(SIX, 5, prev=OTHER, must={"at": [at(SIX, 0, deciding=True)], "held": 4})
    talk.frame(SIX, 1, 2, must={"at": [at(SIX, 2, deciding=True)], "held": 4})
    talk.frame(SIX, 3, must={"at": [at(SIX, 6)], "held": 6, "losses": [], "fenced": False})
    return talk


def fork() -> HubTalk:
    talk = HubTalk("a fork", "numbers below the watermark name events that the hub lacks (H-10)")
    talk.enter(SIX, at=[at(SIX, 0)])
    talk.frame(SIX, must={"at": [at(SIX, 6)], "held": 6})
    talk.frame(FORK, 7, must={"at": [at(FORK, 0, deciding=True)], "held": 6, "fenced": False})
    must = {"at": [at(FORK, 7)], "held": 10, "losses": [lost(1, 7, "fork", more=True)], "fenced": True}
    talk.frame(FORK, must=must)
    return talk


def rolled_back() -> HubTalk:
    talk = HubTalk(
        "rolled back at rest", "last below the watermark: fenced; what was heard of is lost (H-10)"
    )
    four, three = SIX.until(4), SIX.until(3)
    talk.enter(four, at=[at(four, 0)])
    talk.frame(four, highest=6, must={"at": [at(four, 4)], "held": 4})
    losses = [lost(5, 6, "rolled_back")]
    talk.enter(three, at=[at(three, 0, deciding=True)], losses=losses, fenced=True)
    talk.frame(three, must={"at": [at(three, 3)], "held": 4, "fenced": True})
    return talk


def birth_while_ids_decide() -> HubTalk:
    talk = HubTalk("a birth while ids decide", "the decision starts anew (H-8)")
    talk.enter(SIX, at=[at(SIX, 0)])
    talk.frame(SIX, 1, 4, must={"at": [at(SIX, 4)], "held": 4})
    talk.frame(SIX, 5, prev=OTHER, must={"at": [at(SIX, 0, deciding=True)]})
    talk.frame(SIX, 1, 3, must={"at": [at(SIX, 3, deciding=True)]})
    talk.enter(SIX, at=[at(SIX, 0, deciding=True)])
    talk.frame(SIX, must={"at": [at(SIX, 6)], "held": 6, "losses": [], "fenced": False})
    return talk


def disk_lost() -> HubTalk:
    talk = HubTalk("a disk lost", "an epoch that is listed no more is closed, and may come back (H-12)")
    losses = [lost(5, 6, "gone", more=True)]
    talk.enter(SIX, at=[at(SIX, 0)])
    talk.frame(SIX, 1, 4, must={"at": [at(SIX, 4)], "held": 4})
    talk.enter(NEXT, at=[at(NEXT, 0)], losses=losses, fenced=False)
    talk.frame(NEXT, must={"at": [at(NEXT, 2)], "held": 6})
    talk.enter(SIX, NEXT, at=[at(SIX, 4)], losses=losses)
    talk.frame(SIX, 5, must={"at": [at(NEXT, 2)], "held": 8})
    return talk


def update() -> HubTalk:
    talk = HubTalk("an update", "a birth within the session only adds (B-4)")
    talk.enter(SIX, at=[at(SIX, 0)])
    talk.frame(SIX, must={"at": [at(SIX, 6)], "held": 6})
    talk.update(SIX, NEXT, at=[at(NEXT, 0)])
    talk.update(at=[at(NEXT, 0)], losses=[], fenced=False)
    talk.frame(NEXT, must={"at": [at(NEXT, 2)], "held": 8})
    return talk


def replayed_birth() -> HubTalk:
    talk = HubTalk("a replayed birth", "an old confirmed birth opens nothing (B-2, B-3)")
    talk.enter(at=[])
    talk.enter(SIX, at=[at(SIX, 0)])
    talk.frame(SIX, must={"at": [at(SIX, 6)], "held": 6})
    talk.replayed(1)
    talk.frame(SIX, 7, must={"at": [at(SIX, 6)]})
    return talk


def hub_restarted() -> HubTalk:
    talk = HubTalk(
        "the hub restarted", "a frame of an unknown session is answered by a welcome that echoes it (B-5)"
    )
    talk.enter(SIX, at=[at(SIX, 0)])
    talk.frame(SIX, 1, 4, must={"at": [at(SIX, 4)], "held": 4})
    talk.happen("restart")
    talk.asked_for_a_birth(SIX, 5)
    talk.enter(SIX, at=[at(SIX, 4)])
    talk.frame(SIX, 5, must={"at": [at(SIX, 6)], "held": 6})
    return talk


def another_session() -> HubTalk:
    talk = HubTalk("another session", "a frame of an earlier session is dropped (B-5)")
    talk.enter(SIX, at=[at(SIX, 0)])
    late = SIX.frame(talk.session, 1, 4)
    talk.enter(SIX, at=[at(SIX, 0)])
    talk.say(Stream.PAYMENTS, late, silent=True, held=0)
    return talk


def hub_restored() -> HubTalk:
    talk = HubTalk("the hub restored", "it acknowledges less; the device sends again; nothing twice (A-4)")
    talk.enter(SIX, at=[at(SIX, 0)])
    talk.frame(SIX, 1, 2, must={"at": [at(SIX, 2)], "held": 2})
    talk.frame(SIX, 3, must={"at": [at(SIX, 6)], "held": 6})
    talk.happen("restore", after=2)
    talk.enter(SIX, at=[at(SIX, 2)], held=2)
    talk.frame(SIX, 3, must={"at": [at(SIX, 6)], "held": 6, "losses": [], "fenced": False})
    return talk


def poison() -> HubTalk:
    talk = HubTalk("a line that cannot be read", "it is quarantined and the lane goes on (H-3)")
    bad = SIX.lines[1].replace(b'"boot":1', b'"boot":1,"boot":1')
    here = Epoch(lines=[SIX.lines[0], bad, *SIX.lines[2:]])
    talk.enter(here, at=[at(here, 0)])
    talk.frame(here, must={"at": [at(here, 6)], "held": 6, "quarantined": [2]})
    return talk


def telemetry() -> HubTalk:
    talk = HubTalk("telemetry", "a chain that differs means nothing where not every event counts (H-8)")
    talk.enter(TELEMETRY, at=[at(TELEMETRY, 0)])
    talk.frame(TELEMETRY, 1, 2, must={"at": [at(TELEMETRY, 2)], "held": 2})
    place = {"stream": "telemetry", "epoch": TELEMETRY.epoch, "acked": 3}
    talk.frame(TELEMETRY, 3, prev=OTHER, must={"at": [place], "held": 3, "losses": [], "fenced": False})
    return talk
