"""Taps are held against what their cards signed: behind the inbox, so that no device waits for it.

    the newest lines → opened → judged (`hub.usecases.judge_tap`) → kept, with a case where a clerk is needed

Rules:
- A tap that happened is booked, whatever is found here. What is found is a verdict beside its line, and a
  case.
- One case for each terminal that forges or names cards that nobody issued, and one for each card that is
  cloned or denied, while it is open. All their taps are listed by their verdict.
- A tap of which its terminal does not know (`tap.undecided`) is a case of its own, unless another deed has
  its counter: then it never happened. `hub.jobs.undecided_taps` closes the case when that turns out later.
- A case that says more closes the one that said less: a second tap under a counter opens
  `card_counter_repeat` when it is booked, and here it turns out to be a copy of the card, or a tap that was
  told twice.
- What cannot be checked today, because the key or the card is not there, is looked at again when the hub
  gets its first keys, and at each start.
- A turn takes `BATCH` taps at most: a flood of them delays their judgement, and nothing else.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

import structlog

from hub.db.card_repository import CardRepository
from hub.db.engine import Connection
from hub.db.register_repositories import ExceptionRepository
from hub.db.tap_repository import (
    StoredTap,
    TapRepository,
    Waiting,
    last_judged,
    new_taps,
    taps_to_judge_again,
)
from hub.db.writer import Writer
from hub.domain.cards import cases
from hub.domain.cards.register import Card, CardState
from hub.domain.cards.taps import SOUND, CardCase, JudgedTap, SealKeys, TapVerdict
from hub.domain.payments.service import PaymentException
from hub.usecases.judge_tap import TapLine, judge
from shared.model.event import Event
from shared.protocol.delivery import HubEpoch

EVERY_S: Final = 1.0
BATCH: Final = 200
"""Taps in one turn: some 70 ms of one core in each second at most. No town's buses make 200 a second."""
_RODE: Final = SOUND | {TapVerdict.UNSIGNED}
_PLAIN: Final = _RODE | {TapVerdict.UNCHECKED, TapVerdict.UNDECIDED}
"""Nothing here is anybody's lie."""
_TELLS: Final = frozenset({TapVerdict.GENUINE, TapVerdict.UNSIGNED})

log = structlog.get_logger(__name__)

Judged = tuple[JudgedTap, Card | None]


class OpenedTap(Protocol):
    """A line as far as it could be understood."""

    @property
    def event(self) -> Event | None:
        """What it says; None where it could not be opened."""
        ...


class OpensLines(Protocol):
    """Opens lines with the hub's sealing keys; for this job's thread alone."""

    def read(
        self, device: str, here: HubEpoch, seq: int, raw: bytes, contexts: Mapping[str, str]
    ) -> OpenedTap:
        """Understand a line; one that cannot be is described, never raised."""
        ...


class TapSeals:
    """Judges taps.

    Attributes:
        judged: taps since the start, by their verdict.
    """

    def __init__(
        self,
        writer: Writer,
        opener: OpensLines,
        keys: Callable[[], SealKeys | None],
        clock: Callable[[], int],
    ) -> None:
        """Begin without having looked.

        Args:
            writer: the database.
            opener: opens lines.
            keys: gives those of seals; None while the hub holds no keys of cards.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self.judged: Counter[str] = Counter()
        self._writer = writer
        self._opener = opener
        self._keys = keys
        self._clock = clock
        self._after: int | None = None
        self._had_keys = False
        self._again_after: int | None = None

    def run(self) -> None:
        """Judge what has come since the last turn; where nothing has, some of what could not be checked.

        Raises:
            TransientError: the database cannot be read or written.
            DeviceError: the card keys cannot be read.
        """
        keys = self._keys()
        with self._writer.read() as connection:
            if self._after is None:
                self._after = last_judged(connection)
            waiting = new_taps(connection, self._after, BATCH)
            found = self._judge(connection, waiting.taps, keys)
        self._keep(found)
        self._after = waiting.last
        if keys is not None and not self._had_keys:
            self._had_keys, self._again_after = True, 0
        if not found:
            self._judge_again(keys)

    def _judge_again(self, keys: SealKeys | None) -> None:
        if self._again_after is None or keys is None:
            return
        with self._writer.read() as connection:
            waiting: Waiting = taps_to_judge_again(connection, self._again_after, BATCH)
            found = self._judge(connection, waiting.taps, keys)
        self._keep([one for one in found if one[0].verdict is not TapVerdict.UNCHECKED])
        self._again_after = waiting.last if waiting.taps else None

    def _judge(
        self, connection: Connection, taps: Sequence[StoredTap], keys: SealKeys | None
    ) -> list[Judged]:
        if not taps:
            return []
        lines = [self._opened(tap) for tap in taps]
        subjects = {line.event.subject for line in lines if line.event is not None}
        cards = CardRepository(connection).find_many(sorted(filter(None, subjects)))
        judged: list[Judged] = []
        for line in lines:
            subject = None if line.event is None else line.event.subject
            card = None if subject is None else cards.get(subject)
            judged.append((judge(line, card, keys), card))
        return judged

    def _opened(self, tap: StoredTap) -> TapLine:
        here = HubEpoch(stream=tap.stream, epoch=tap.epoch, chain=None)
        opened = self._opener.read(tap.device, here, tap.seq, tap.line, tap.context)
        return TapLine(
            inbox_id=tap.inbox_id,
            device=tap.device,
            event_id=tap.event_id,
            received_ms=tap.received_ms,
            event=opened.event,
        )

    # ---- on the writer's thread

    def _keep(self, found: Sequence[Judged]) -> None:
        if not found:
            return
        kept = self._writer.run(partial(self._write, found))
        self.judged.update(tap.verdict.value for tap in kept)
        if bad := sum(tap.verdict not in _PLAIN for tap in kept):
            log.warning("taps_doubted", events=bad)

    def _write(self, found: Sequence[Judged], connection: Connection) -> list[JudgedTap]:
        taps, exceptions = TapRepository(connection), ExceptionRepository(connection)
        taps.load([(tap.subject, tap.counter) for tap, _ in found if tap.subject and tap.counter is not None])
        now_ms = self._clock()
        book = _Cases(taps, exceptions, now_ms)
        kept = [_against_others(tap, card, taps, book) for tap, card in found]
        taps.flush()
        exceptions.flush()
        return kept


class _Cases:
    """Opens cases, each once while it is open."""

    def __init__(self, taps: TapRepository, exceptions: ExceptionRepository, now_ms: int) -> None:
        self._taps = taps
        self._exceptions = exceptions
        self._now_ms = now_ms
        self._told: set[tuple[CardCase, str]] = set()

    def of_terminal(self, kind: CardCase, tap: JudgedTap, explanation: str) -> None:
        """Tell of a terminal."""
        if (kind, tap.device) in self._told or self._taps.is_told(kind, device=tap.device):
            return
        self._told.add((kind, tap.device))
        self._open(kind, tap, explanation)

    def of_card(self, kind: CardCase, tap: JudgedTap, explanation: str) -> None:
        """Tell of a card."""
        subject = tap.subject or ""
        if (kind, subject) in self._told or self._taps.is_told(kind, subject=subject):
            return
        self._told.add((kind, subject))
        self._open(kind, tap, explanation)

    def of_tap(self, kind: CardCase, tap: JudgedTap, explanation: str) -> None:
        """Tell of one tap; each is judged once."""
        self._open(kind, tap, explanation)

    def close_repeat(self, tap: JudgedTap) -> None:
        """Close the case that only said that a counter came twice."""
        kind = PaymentException.CARD_COUNTER_REPEAT
        self._taps.close_cases(kind, self._now_ms, event_id=tap.event_id)

    def _open(self, kind: CardCase, tap: JudgedTap, explanation: str) -> None:
        detail = {
            "event_id": tap.event_id,
            "subject": tap.subject,
            "counter": tap.counter,
            "amount_minor": tap.amount_minor,
            "day": tap.day,
            "explanation": explanation,
        }
        self._exceptions.open(kind, tap.device, detail, self._now_ms)


def _undecided(tap: JudgedTap, taps: TapRepository, book: _Cases) -> JudgedTap:
    """Keep a tap of which its terminal does not know; where nobody else knows either, a clerk is told."""
    if tap.subject is not None and tap.counter is not None and taps.is_used(tap.subject, tap.counter):
        tap = replace(tap, why="another deed has its counter: it never happened")
    else:
        book.of_tap(CardCase.TAP_UNDECIDED, tap, cases.undecided(tap.device, tap))
    taps.keep(tap)
    return tap


def _against_others(tap: JudgedTap, card: Card | None, taps: TapRepository, book: _Cases) -> JudgedTap:
    """Hold a tap against the others of its card, keep it, and tell a clerk what must be told."""
    if tap.verdict is TapVerdict.UNDECIDED:
        return _undecided(tap, taps, book)
    first = taps.first_under(tap)
    if first is not None and tap.mark is not None and tap.verdict in _TELLS:
        if first.mark == tap.mark and first.device == tap.device:
            tap = replace(tap, verdict=TapVerdict.TWICE, why="the hub has this tap already")
            book.close_repeat(tap)
        elif first.mark is not None and tap.verdict is TapVerdict.GENUINE and first.verdict in SOUND:
            tap = replace(tap, verdict=TapVerdict.CLONED, why="another genuine tap has the same counter")
            taps.keep(replace(first, verdict=TapVerdict.CLONED, why=tap.why))
            book.close_repeat(tap)
            book.of_card(CardCase.CARD_CLONED, tap, cases.cloned(first, tap))
    taps.keep(tap)
    match tap.verdict:
        case TapVerdict.FORGED:
            book.of_terminal(CardCase.FORGED_TAP, tap, cases.forged(tap))
        case TapVerdict.UNKNOWN_CARD:
            book.of_terminal(CardCase.UNKNOWN_CARD, tap, cases.unknown_card(tap))
        case _:
            pass
    is_denied = card is not None and card.state is not CardState.ISSUED and tap.at_ms > card.state_ms
    if card is not None and is_denied and tap.verdict in _RODE:
        book.of_card(CardCase.TAP_AFTER_BLOCK, tap, cases.after_block(tap, card))
    return tap
