"""A device without a face: takes events from lines, and answers each with one line.

    with Faceless(teller, reader, clock, attaching, admission) as faceless:
        for batch in lines.batches():
            write(faceless.take(batch))

Rules: answers come in the order of the lines, and "taken" only after the disk has it. What is there at once
is stored together. A line that is wrong is refused and the rest goes on. Where the device's storage is down
for longer than a citizen would wait, `take` gives up: lines without an answer are of unknown outcome.
"""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final, Self

from shared.edge.admission import Admission
from shared.edge.attaching import Attaching
from shared.edge.device_time import DeviceTime
from shared.edge.errors import OutcomeUnknownError
from shared.edge.event_lines import (
    EventReader,
    Question,
    Submission,
    notices_line,
    read_question,
    refused_line,
    taken_line,
)
from shared.edge.line_input import INPUT_LINE_BYTES_MAX, InputLine
from shared.edge.teller import CitizenSession, Offer, Teller
from shared.model.errors import CapacityError, InputError, VentanillaError

TAKE_TIMEOUT_S: Final = 30.0
TERMINAL_CONTEXT_MS: Final = 3_600_000
SESSIONS_MAX: Final = 64
"""Named sessions that are open at once; the one that was silent longest is closed first."""


class CannotTakeError(CapacityError):
    """Nothing is taken on this lane now."""


@dataclass(slots=True)
class Counts:
    """What was answered so far."""

    taken: int = 0
    refused: int = 0


class Faceless:
    """Takes lines through one teller.

    Args:
        teller: seals.
        reader: reads events.
        clock: the device's clocks.
        attaching: keeps the photographs that go with events.
        admission: what the town's bundles say, and let it take.

    Attributes:
        counts: of answers to events.
    """

    def __init__(
        self,
        teller: Teller,
        reader: EventReader,
        clock: DeviceTime,
        attaching: Attaching,
        admission: Admission,
    ) -> None:
        self.counts = Counts()
        self._teller = teller
        self._reader = reader
        self._clock = clock
        self._attaching = attaching
        self._admission = admission
        self._named: OrderedDict[str, CitizenSession] = OrderedDict()
        self._terminal: CitizenSession | None = None
        self._terminal_until_ms = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as closing:
            for session in self._named.values():
                closing.enter_context(session)
            if self._terminal is not None:
                closing.enter_context(self._terminal)

    def take(self, batch: Sequence[InputLine]) -> bytes:
        """Take some lines and return the answers.

        Raises:
            OutcomeUnknownError: the storage did not answer; the batch may be given again with the same ids.
        """
        offers = [(line.number, self._offer(line)) for line in batch]
        return b"".join(self._answer(number, offer) for number, offer in offers)

    def _offer(self, line: InputLine) -> Offer | Question | VentanillaError:
        try:
            if line.raw is None:
                raise InputError(f"a line has at most {INPUT_LINE_BYTES_MAX} bytes; shorten the text")
            question = read_question(line.raw)
            if question is not None:
                return question
            return self._submit(self._reader.read(line.raw, self._teller.new_event_id()))
        except VentanillaError as error:
            return error

    def _submit(self, submission: Submission) -> Offer:
        refusal = self._teller.can_take(submission.happening.kind.stream)
        if refusal is not None:
            raise CannotTakeError(refusal)
        admitted = self._admission.admit(submission.happening)
        try:
            return self._hand_in(self._attaching.attach(replace(submission, happening=admitted)))
        except VentanillaError:
            self._admission.withdraw(admitted)
            raise

    def _answer(self, number: int, offer: Offer | Question | VentanillaError) -> bytes:
        if isinstance(offer, Question):
            return notices_line(self._admission.contents.notices(), offer, number)
        try:
            if isinstance(offer, VentanillaError):
                raise offer
            taken = offer.result(TAKE_TIMEOUT_S)
        except OutcomeUnknownError:
            raise
        except VentanillaError as error:
            if isinstance(offer, Offer):
                self._attaching.discard(offer.happening)
                self._admission.withdraw(offer.happening)
            self.counts.refused += 1
            return refused_line(error, number)
        self.counts.taken += 1
        return taken_line(taken, offer.happening, number)

    def _hand_in(self, submission: Submission) -> Offer:
        if submission.session is not None:
            return self._of(submission.session).offer(submission.happening)
        if submission.happening.kind.of_terminal:
            return self._terminal_session().offer(submission.happening)
        with self._teller.session() as session:
            return session.offer(submission.happening)

    def _of(self, name: str) -> CitizenSession:
        session = self._named.pop(name, None) or self._teller.session()
        self._named[name] = session
        if len(self._named) > SESSIONS_MAX:
            self._named.popitem(last=False)[1].close()
        return session

    def _terminal_session(self) -> CitizenSession:
        now_ms = self._clock.uptime_ms()
        if self._terminal is None or now_ms >= self._terminal_until_ms:
            self._terminal = self._teller.session()
            self._terminal_until_ms = now_ms + TERMINAL_CONTEXT_MS
        return self._terminal
