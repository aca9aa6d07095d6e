"""The teller: takes what a citizen says, seals it to the hub at once, and hands it to the owner.

    with teller.session() as session:          # one citizen
        taken = session.take(happening, timeout_s=5)

A session holds a context key in memory alone; when it is closed, only the hub can read what was said in it.
Lines are composed for a place that is not reserved. Several may be under way at once (`offer`), each for the
place behind the one before; where another teller was faster, a line is composed again.

Rules: a happening is checked before it gets here (`happenings`). What `take` returns is on the disk. After a
time-out the outcome is either known to be *not taken*, or the same id may be given again.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from secrets import token_bytes
from typing import Final, Self

from shared.adapters.outbox import StaleSlotError
from shared.edge.device_time import DeviceTime, stamp
from shared.edge.errors import NotTakenError, OutcomeUnknownError
from shared.edge.happenings import Happening
from shared.edge.seam import Owner, Place, SealedLine, Taken
from shared.model.errors import InputError
from shared.model.event import Stream
from shared.model.ids import EVENT_ID_RANDOM_BYTES, new_event_id
from shared.protocol.delivery import PROMISED
from shared.protocol.lines import compose
from shared.protocol.parsing import encode
from shared.protocol.sealing import CONTEXT_KEY_BYTES, HubSealingPublicKey, SealingContext, place_of

PLACE_TIMEOUT_S: Final = 5.0
"""For the owner's answer to where the next line stands; it may be in the middle of a slow sync."""
_CONTEXT_ID_BYTES: Final = 6


class Teller:
    """The sealing end of one device; its sessions may be used from several threads.

    Args:
        device: the device's id.
        sealing_key: what is said is sealed to this.
        owner: who keeps it.
        clock: the device's clocks.
        random_bytes: a cryptographic source.
    """

    def __init__(
        self,
        device: str,
        sealing_key: HubSealingPublicKey,
        owner: Owner,
        clock: DeviceTime,
        random_bytes: Callable[[int], bytes] = token_bytes,
    ) -> None:
        self._device = device
        self._sealing_key = sealing_key
        self._owner = owner
        self._clock = clock
        self._random_bytes = random_bytes
        self._lock = threading.Lock()
        self._places: dict[Stream, Place] = {}

    def seal_to(self, key: HubSealingPublicKey) -> None:
        """Seal to another key of the hub from the next session on; from any thread."""
        self._sealing_key = key

    def session(self) -> "CitizenSession":
        """Open a citizen's session."""
        context_id = self._random_bytes(_CONTEXT_ID_BYTES).hex()
        context_key = self._random_bytes(CONTEXT_KEY_BYTES)
        return CitizenSession(self, SealingContext(self._sealing_key, self._device, context_id, context_key))

    def new_event_id(self) -> str:
        """Draw the id of an event."""
        return new_event_id(self._clock.wall_ms(), self._random_bytes(EVENT_ID_RANDOM_BYTES))

    def can_take(self, stream: Stream) -> str | None:
        """Return why nothing is taken on a stream now, to be said before a citizen starts; None if it is."""
        return self._owner.can_take(stream)

    def hand_in(self, happening: Happening, context: SealingContext) -> Future[Taken]:
        """Compose a line for the place that comes next, and hand it to the owner."""
        stream = happening.kind.stream
        with self._lock:
            place = self._places.get(stream) or self._ask_place(stream)
            line = self._compose(happening, place, context)
            future = self._owner.append(line)
            self._places[stream] = replace(place, seq=place.seq + 1)
        return future

    def learn(self, taken: Taken) -> None:
        """Take note of the place that the owner names next, unless more is under way already."""
        if (place := taken.next) is not None:
            with self._lock:
                known = self._places.get(place.stream)
                if known is None or known.epoch != place.epoch or known.seq <= place.seq:
                    self._places[place.stream] = place
                elif known.offset_ms != place.offset_ms:
                    self._places[place.stream] = replace(place, seq=known.seq)

    def forget_place(self, stream: Stream) -> None:
        """Ask the owner again: the place that was thought to be next is taken."""
        with self._lock:
            self._places.pop(stream, None)

    def _ask_place(self, stream: Stream) -> Place:
        try:
            return self._owner.place(stream).result(PLACE_TIMEOUT_S)
        except TimeoutError:
            raise NotTakenError(NotTakenError.__doc__) from None

    def _compose(self, happening: Happening, place: Place, context: SealingContext) -> SealedLine:
        kind = happening.kind
        sealed: tuple[str, str] | None = None
        payload: tuple[str, object] = ("data", happening.data)
        if kind.stream in PROMISED:
            sealed = (context.context.id, context.context.sealed)
            bound_to = place_of(
                self._device, place.stream, place.epoch, place.seq, happening.event_id, happening.type
            )
            payload = ("sealed", context.seal(bound_to, encode(happening.data)))
        line = compose(
            place.seq,
            happening.event_id,
            happening.type,
            stamp(place, self._clock, happening.at_ms),
            happening.subject,
            payload,
            happening.envelopes,
        )
        return SealedLine(place, happening.event_id, line, sealed, happening.key)


class CitizenSession:
    """What one citizen says, from the first word to the last."""

    def __init__(self, teller: Teller, context: SealingContext) -> None:
        """Begin with a context that was opened for this session."""
        self._teller = teller
        self._context: SealingContext | None = context

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the key: what was said stays closed to everyone but the hub."""
        self._context = None

    def take(self, happening: Happening, timeout_s: float) -> Taken:
        """Take an event; when this returns it is on the disk.

        Raises:
            InputError: the line would be too long, or the session is closed.
            CapacityError: fenced, full, or stopping; nothing was taken.
            DeviceError: the storage has failed; nothing was taken.
            NotTakenError: it could not be stored in time; nothing was taken.
            OutcomeUnknownError: give it again with the same id.
        """
        return self.offer(happening).result(timeout_s)

    def offer(self, happening: Happening) -> "Offer":
        """Hand an event in without waiting; raises as `take` does."""
        if self._context is None:
            raise InputError("the citizen's session is closed; open a new one")
        return Offer(self._teller, happening, self._context)


class Offer:
    """An event on its way to the disk; whoever makes several asks for their results in the same order."""

    def __init__(self, teller: Teller, happening: Happening, context: SealingContext) -> None:
        """Hand the event in."""
        self.happening = happening
        self._teller = teller
        self._context = context
        self._future = teller.hand_in(happening, context)

    def result(self, timeout_s: float) -> Taken:
        """Wait until the event is on the disk; raises as `CitizenSession.take` does."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                taken = self._future.result(max(0.0, deadline_s - time.monotonic()))
            except StaleSlotError:
                self._teller.forget_place(self.happening.kind.stream)
                self._future = self._teller.hand_in(self.happening, self._context)
            except TimeoutError:
                if self._future.cancel():
                    self._teller.forget_place(self.happening.kind.stream)
                    raise NotTakenError(NotTakenError.__doc__) from None
                raise OutcomeUnknownError(OutcomeUnknownError.__doc__) from None
            else:
                self._teller.learn(taken)
                return taken
