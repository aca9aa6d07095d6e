"""A node's session with its hub, and what goes next on the wire: a microcontroller's delivery. Pure.

    OFF -> BIRTH_SENT -> CONFIRMED -> STREAMING;  births unanswered -> BACKOFF;  link down -> OFF

It turns three things (the link's ups and downs, messages, the passing of time) into messages to publish. It
keeps nothing durable; lines are the ring's. One batch is in flight, of `health` before `telemetry`, every
tenth of the lowest lane that waits. What counts is a MAC that holds, its own nonce, and the session that it
confirmed.

Not here: sockets (`link`), what lines say (`telemetry`), the desired twin and commands (`twin`).

Source: docs/PROTOCOL.md, sections Session, Acknowledgement, The device's sending. The larger implementation,
with the reasons, is shared/protocol/session.py and sender.py.
"""

import json
from binascii import hexlify

from beacon_node.firmware import constants as c
from beacon_node.firmware.answers import ForgedError, MessageError, checked_answer
from beacon_node.firmware.mac import CHAIN, mac_line, opened, token

OFF = 0
BIRTH_SENT = 1
CONFIRMED = 2
STREAMING = 3
BACKOFF = 4

_LINES = (c.MICRO_FRAME_LINES_MAX, 6, 1)
"""Lines of a batch, by how often it was sent again."""
_HEADER_BYTES = 320
"""Room for a frame's header and MAC line."""


class Session:
    """The state machine of one node."""

    def __init__(self, me, ring, random_bytes, incarnation: int = 0) -> None:
        """Begin without a link.

        Args:
            me: has `device`, `boot`, `reset`, `firmware`, `up_key`, `down_keys` and `extra` (of the birth).
            ring: what there is to say.
            random_bytes: `os.urandom`, or a test's own.
            incarnation: the highest of the hub that the node has seen.
        """
        self.state = OFF
        self.recognised = True
        self.incarnation = incarnation
        self.session = ""
        self.offset_ms = None
        """The hub's time minus the node's uptime, as the hub last said; None before its first word."""
        self.confirmed = 0
        """How many sessions the hub has confirmed in this boot."""
        self._agreed_ms = None
        self._me = me
        self._ring = ring
        self._random_bytes = random_bytes
        self._out = []
        self._nonce = self._token()
        self._spent = ""
        self._newest = (0, 0)
        self._births = self._backoffs = self._keepalives = self._batches = 0
        self._birth_uptime_ms = -1
        self._due_ms = self._hold_until_ms = self._keepalive_ms = self._update_ms = 0
        self._untold = False
        self._forget_flights(0)

    # -- what happens

    def will(self) -> tuple:
        """Draw the nonce of the next connection and return its last will: topic and payload."""
        self._nonce = self._token()
        self._spent = ""
        return self.signed("death", b'{"v":1,"nonce":"%s"}\n' % self._nonce.encode())

    def link_up(self, now_ms: int) -> None:
        """The link is connected and subscribed: say who is there."""
        self._births = 0
        self._begin(now_ms)

    def link_down(self) -> None:
        """The link is gone, and the session with it."""
        self.state = OFF
        self._out = []

    def epoch_opened(self, now_ms: int) -> None:
        """An epoch was opened: tell the hub, within the session, now or as soon as it is open."""
        if self.state == STREAMING:
            self._birth(now_ms)
        else:
            self._untold = True

    def open(self, topic: str, payload: bytes):
        """Return the members of a message under one of the hub's keys.

        Raises:
            MessageError: forged or malformed.
        """
        for key in self._me.down_keys:
            body = opened(key, topic, payload)
            if body is not None:
                break
        else:
            raise ForgedError("The message is under none of the hub's keys; it had no effect.")
        try:  # an older MicroPython reads what is cut as if it were whole
            members = json.loads(body) if body.endswith(b"}\n") else None
        except ValueError:
            members = None
        if not isinstance(members, dict) or members.get("v") != 1:
            raise MessageError("The message is forged or malformed; it had no effect.")
        return members

    def receive(self, topic: str, payload: bytes, now_ms: int, wall_ms: int) -> None:
        """Take a message of the acknowledgement topic.

        Args:
            topic: as the broker delivered it.
            payload: with its MAC line.
            now_ms: monotonic time since the boot.
            wall_ms: the node's clock, Unix epoch.

        Raises:
            MessageError: it is forged or malformed, and had no effect.
        """
        answer = checked_answer(self.open(topic, payload))
        if "nonce" in answer:
            self._welcome(answer, now_ms, wall_ms)
        else:
            self._acknowledgement(answer, now_ms, wall_ms)

    def tick(self, now_ms: int) -> list:
        """Let time pass and return what to publish, in order: topics and payloads."""
        if self.state in (BIRTH_SENT, CONFIRMED) and now_ms >= self._due_ms:
            self._unanswered(now_ms)
        elif self.state == BACKOFF and now_ms >= self._due_ms:
            self._begin(now_ms)
        elif self.state == STREAMING:
            self._stream(now_ms)
        out, self._out = self._out, []
        return out

    def deadline_ms(self):
        """Return when `tick` has something to do without anything happening; None: never."""
        if self.state == OFF:
            return None
        if self.state != STREAMING:
            return self._due_ms
        soonest = self._keepalive_ms
        if self._flight is not None:
            soonest = min(soonest, self._since_ms + _patience_ms(self._resends))
        return self._hold_until_ms or soonest

    def clock_age_s(self, now_ms: int):
        """Return the seconds since the node's clock last agreed with the hub's; None: not in this boot."""
        return None if self._agreed_ms is None else (now_ms - self._agreed_ms) // 1000

    def signed(self, verb: str, *pieces: bytes) -> tuple:
        """Return topic and payload of a message of the node."""
        topic = c.TOPIC_UP % (self._me.device, verb)
        return topic, b"".join(pieces) + mac_line(self._me.up_key, topic, *pieces)

    # -- births

    def _begin(self, now_ms: int) -> None:
        self.session = ""
        self.state = BIRTH_SENT
        self._birth(now_ms)
        self._due_ms = now_ms + c.BIRTH_TIMEOUT_MS

    def _birth(self, now_ms: int) -> None:
        self._birth_uptime_ms = max(now_ms, self._birth_uptime_ms + 1)
        self._untold = False
        members = {
            "v": 1,
            "nonce": self._nonce,
            "incarnation": self.incarnation,
            "boot": self._me.boot,
            "reset": self._me.reset,
            "uptime_ms": self._birth_uptime_ms,
            "firmware": self._me.firmware,
            "streams": {stream: _listed(self._ring.lanes[stream]) for stream in self._ring.streams},
        }
        if self.session:
            members["session"] = self.session
        members.update(self._me.extra)
        self._out.append(self.signed("birth", json.dumps(members).encode(), b"\n"))

    def _unanswered(self, now_ms: int) -> None:
        self._births += 1
        if self._births >= c.BIRTHS_UNANSWERED_MAX:
            self._births = 0
            self.recognised = False
            self.state = BACKOFF
            ceiling = min(c.BACKOFF_UNRECOGNISED_MS, c.BACKOFF_FIRST_MS << min(self._backoffs, 20))
            self._backoffs += 1
            self._due_ms = now_ms + max(c.BACKOFF_FIRST_MS // 4, self._random(ceiling))
        elif self.state == CONFIRMED:
            self._birth(now_ms)
            self._due_ms = now_ms + c.BIRTH_TIMEOUT_MS
        else:
            self._begin(now_ms)

    # -- the hub's word

    def _welcome(self, welcome, now_ms: int, wall_ms: int) -> None:
        awaiting = self.state in (BIRTH_SENT, CONFIRMED)
        # An offer counts once: taken up again, what was acknowledged before could be said again.
        if welcome["nonce"] == self._nonce and awaiting and welcome["session"] != self._spent:
            self._heard(welcome, now_ms, wall_ms)
            self.session, self._newest = welcome["session"], (0, 0)
            self._forget_flights(now_ms)
            hold_ms = 1000 * min(welcome["hold_s"], c.HOLD_S_MAX)
            self._hold_until_ms = now_ms + hold_ms if hold_ms else 0
            self.state = CONFIRMED
            self._birth(now_ms)
            self._due_ms = now_ms + c.BIRTH_TIMEOUT_MS
        elif self.session and welcome["nonce"] == self.session and not awaiting:
            self._begin(now_ms)  # the hub does not know this session: it was restarted

    def _acknowledgement(self, ack, now_ms: int, wall_ms: int) -> None:
        place = (ack["incarnation"], ack["n"])
        speaking = self.state in (CONFIRMED, STREAMING)
        if not speaking or ack["session"] != self.session or place <= self._newest:
            return
        self._newest = place
        self._heard(ack, now_ms, wall_ms)
        if self.state == CONFIRMED:
            self.state = STREAMING
            self._spent = self.session
            self.confirmed += 1
            if self._untold:  # an epoch was opened since the birth that was just confirmed
                self._birth(now_ms)
            self._keep_alive(now_ms)
        self._births = self._backoffs = self._keepalives = 0
        self.recognised = True
        birth = update = False
        for stream in self._ring.streams:
            if stream in ack["streams"]:
                verdict = self._take(stream, ack["streams"][stream], now_ms)
                birth = birth or verdict == "birth"
                update = update or verdict == "update"
        if birth:
            self._begin(now_ms)
        elif update and now_ms >= self._update_ms:
            self._update_ms = now_ms + c.RESEND_FIRST_MS
            self._birth(now_ms)

    def _heard(self, answer, now_ms: int, wall_ms: int) -> None:
        self.incarnation = max(self.incarnation, answer["incarnation"])
        self.offset_ms = answer["time_ms"] - now_ms
        agrees = abs(answer["time_ms"] - wall_ms) <= c.CLOCK_AGREE_MS
        self._agreed_ms = now_ms if agrees else None

    def _take(self, stream: str, ack, now_ms: int):
        """Take the hub's word on a stream: the newest is authoritative, even where it says less."""
        lane = self._ring.lanes[stream]
        self._credit[stream] = ack["credit"]
        epochs = lane.epochs()
        names = [each[0] for each in epochs]
        here = names.index(ack["epoch"]) if ack["epoch"] in names else None
        if here is None or ack["acked"] > epochs[here][2]:
            return "birth"
        before = [each[4] for each in epochs]
        lane.acknowledge(ack["epoch"], ack["acked"])
        moved = [each[4] for each in lane.epochs()] != before
        flight = self._flight
        if flight is not None and flight[0] == stream:
            reached = (names.index(flight[1]), flight[2]) if flight[1] in names else (-1, 0)
            if reached <= (here, ack["acked"]):
                self._land(now_ms)
            elif moved or self._repeated != (stream, ack["epoch"], ack["acked"]):
                self._repeated = (stream, ack["epoch"], ack["acked"])
                if moved:
                    self._resends = 0
                self._flight = None  # it said less than was sent: again from there, once a word
        if ack["acked"] == epochs[here][2] and here < len(epochs) - 1:
            return "update"
        return None

    # -- sending

    def _stream(self, now_ms: int) -> None:
        if now_ms < self._hold_until_ms:
            return
        self._hold_until_ms = 0
        if self._flight is not None and now_ms - self._since_ms >= _patience_ms(self._resends):
            self._flight = None
            self._resends += 1
            self._since_ms = now_ms
        if self._resends >= c.RESENDS_BEFORE_BIRTH or self._keepalives >= c.RESENDS_BEFORE_BIRTH:
            self._resends = self._keepalives = 0
            self._begin(now_ms)
            return
        if self._flight is None:
            self._send_next(now_ms)
        if now_ms >= self._keepalive_ms:
            self._send_keepalive()
            self._keepalives += 1
            self._keep_alive(now_ms)

    def _send_next(self, now_ms: int) -> None:
        streams = self._ring.streams
        if (self._batches + 1) % c.LOWEST_LANE_EVERY == 0:
            streams = tuple(reversed(streams))
        for stream in streams:
            lines_max = min(_LINES[min(self._resends, 2)], self._credit.get(stream, c.CREDIT_LINES))
            if lines_max < 1:
                continue
            lane = self._ring.lanes[stream]
            for name, oldest, last, _, acked in lane.epochs():
                first = max(acked + 1, oldest)
                if first > last:
                    continue
                prev, lines, following = lane.read(
                    name, first, lines_max, c.MICRO_FRAME_BYTES_MAX - _HEADER_BYTES
                )
                if not lines:
                    return
                self._batches += 1
                if not self._resends:
                    self._since_ms = now_ms
                self._flight = (stream, name, following - 1)
                self._frame(stream, (name, first, prev), oldest, last, lines, now_ms)
                self._keep_alive(now_ms)
                return

    def _send_keepalive(self) -> None:
        for stream in self._ring.streams:
            epochs = self._ring.lanes[stream].epochs()
            if epochs:
                name, oldest, last, head, _ = epochs[-1]
                self._frame(stream, (name, last + 1, head), oldest, last, (), self._keepalive_ms)
                return
        self._frame(self._ring.streams[0], ("", 1, bytes(CHAIN)), 1, 0, (), self._keepalive_ms)

    def _frame(self, stream, place, oldest, highest, lines, now_ms) -> None:
        epoch, first, prev = place
        header = (
            '{"v":1,"session":"%s","epoch":"%s","first":%d,"count":%d,"prev":"%s",'
            '"oldest":%d,"highest":%d,"boot":%d,"uptime_ms":%d}'
            % (
                self.session,
                epoch,
                first,
                len(lines),
                hexlify(prev).decode(),
                oldest,
                highest,
                self._me.boot,
                now_ms,
            )
        )  # fmt: skip
        pieces = [header.encode(), b"\n"]
        for line in lines:
            pieces.append(line)
            pieces.append(b"\n")
        self._out.append(self.signed(stream, *pieces))

    def _land(self, now_ms: int) -> None:
        self._flight = None
        self._resends = 0
        self._repeated = None
        self._since_ms = now_ms

    def _forget_flights(self, now_ms: int) -> None:
        self._flight = None
        """Stream, epoch and last number of the batch that is under way."""
        self._credit = {}
        self._resends = 0
        self._repeated = None
        self._since_ms = now_ms

    def _keep_alive(self, now_ms: int) -> None:
        swing = int(2 * c.KEEPALIVE_MS * c.KEEPALIVE_JITTER)
        self._keepalive_ms = now_ms + c.KEEPALIVE_MS - swing // 2 + self._random(swing)

    def _random(self, below: int) -> int:
        return int.from_bytes(self._random_bytes(3), "big") * below >> 24

    def _token(self) -> str:
        return token(self._random_bytes(16)).decode()


def _listed(lane):
    epochs = lane.epochs()
    return {
        "epochs": [
            {"epoch": name, "oldest": oldest, "last": last, "head": hexlify(head).decode()}
            for name, oldest, last, head, _ in epochs
        ],
        "acked": {each[0]: each[4] for each in epochs},
        "waiting_ms": 0,
        "bytes": sum(segment.size for segment in lane.segments),
        "capacity": lane.capacity,
    }


def _patience_ms(resends: int) -> int:
    return min(c.RESEND_MAX_MS, c.RESEND_FIRST_MS << resends)
