"""Is a report of ours at the core already? The question before anything is sent a second time.

Here: the search by reference where the core offers one, else through the listing of the service around the
time when it can have arrived, page by page, narrowing the window where the core cuts its listing short. Not
here: what follows from the answer (open311.py).

Rules:
- *Absent* is said only after every window was listed whole. A listing that may have been cut short is split
  in half; one that cannot be split any further makes the search blind.
- A core that does not turn pages may have cut its listing short if there are as many rows as it lists at
  most, or exactly one of the round numbers at which servers cut without saying so.
- The window reaches a day beyond both ends: a core's clock, or its idea of a time zone, may be wrong.

Source: Open311 GeoReport v2, "GET Service Requests" (90 days or the first 1,000 requests); `page` and
`page_size` are the extension that most servers have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import assert_never

from hub.core.exchange import Answer, Exchange, Lost, NotSent, Query
from hub.core.meaning import Meaning
from hub.core.open311_wire import Row, format_instant, holds_reference, media_of, name_of, read_rows

PAGE_ROWS = 100
SECOND_PAGE = 2
QUESTIONS_MAX = 200
"""Questions that one search may ask: 20,000 rows of one service within the window."""
WINDOW_MS_MAX = 80 * 86_400_000
"""The standard lists at most 90 days at once."""
MARGIN_MS = 86_400_000
NARROWEST_MS = 1_000
USUAL_CUTS = frozenset({20, 25, 50, PAGE_ROWS, 200, 250, 500})
"""Listings of this length are doubted: a needless split costs two questions, a needless report a crew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The core has it under this name.

    Attributes:
        media: addresses of photographs that it shows with it.
    """

    core_ref: str
    media: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """Every window was listed whole and it is in none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind:
    """This core cannot be searched: it does not list, or not all of it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The search itself failed; it may go better later."""

    reason: str
    after_s: float | None = None


Sighting = Found | Absent | Blind | Failed
_Window = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _CutShort:
    """The listing of a window may lack rows."""


@dataclass(slots=True, kw_only=True)
class _Budget:
    """Questions that a search may still ask."""

    left: int = QUESTIONS_MAX


class Search:
    """The search for one report at one core."""

    def __init__(self, exchange: Exchange, credentials: Query, reference_query: str, rows_max: int) -> None:
        """Prepare searches.

        Args:
            exchange: the way to the core.
            credentials: api_key and jurisdiction_id where the core asks for them.
            reference_query: name of the core's filter by our reference; empty where it has none.
            rows_max: rows that the core lists at most in one answer.
        """
        self._exchange = exchange
        self._credentials = tuple(credentials)
        self._reference_query = reference_query
        self._rows_max = rows_max

    async def find(self, reference: str, service_code: str, since_ms: int, now_ms: int) -> Sighting:
        """Look for a report.

        Args:
            reference: ours, as it was sent.
            service_code: the service that it was filed under.
            since_ms: the earliest instant at which the core can have got it.
            now_ms: the instant of the search.

        Returns:
            Where it is, that it is not there, or why that cannot be told.
        """
        budget = _Budget()
        if self._reference_query:
            rows = await self._ask([(self._reference_query, reference)], budget)
            if not isinstance(rows, (Blind, Failed)):
                seen = _find(rows, reference)
                if seen or not rows:
                    return seen or Absent()
            elif isinstance(rows, Failed):
                return rows
            # Rows, and none of them ours: this core does not know the filter and listed what it likes.
        windows = _windows(since_ms - MARGIN_MS, now_ms + MARGIN_MS)
        while windows:
            start_ms, end_ms = windows.pop()
            seen = await self._search_window(reference, service_code, (start_ms, end_ms), budget)
            match seen:
                case Absent():
                    continue
                case _CutShort():
                    if end_ms - start_ms <= NARROWEST_MS:
                        return Blind(reason="the core lists too few of the requests of one second")
                    half_ms = (start_ms + end_ms) // 2
                    windows += [(start_ms, half_ms), (half_ms, end_ms)]
                case _:
                    return seen
        return Absent()

    async def _search_window(
        self, reference: str, service_code: str, window: _Window, budget: _Budget
    ) -> Sighting | _CutShort:
        """Turn the pages of one window until one brings nothing new."""
        names: set[str] = set()
        for page in count(1):
            rows = await self._ask(
                [
                    ("service_code", service_code),
                    ("start_date", format_instant(window[0])),
                    ("end_date", format_instant(window[1] + 999)),
                    ("extensions", "true"),
                    ("page", str(page)),
                    ("page_size", str(PAGE_ROWS)),
                ],
                budget,
            )
            if isinstance(rows, (Blind, Failed)):
                return rows
            if seen := _find(rows, reference):
                return seen
            fresh = {name_of(row) or repr(row) for row in rows} - names
            if not fresh:
                turns_pages = not rows or page > SECOND_PAGE
                cut = len(rows) >= self._rows_max or len(rows) in USUAL_CUTS
                return _CutShort() if cut and not turns_pages else Absent()
            names |= fresh
        raise AssertionError  # the pages end, or the budget does

    async def _ask(self, query: Query, budget: _Budget) -> Sequence[Row] | Blind | Failed:
        """One page of the listing."""
        if not budget.left:
            return Blind(reason=f"the search needs more than {QUESTIONS_MAX} questions")
        budget.left -= 1
        outcome = await self._exchange.get("/requests.json", [*self._credentials, *query])
        match outcome:
            case NotSent() | Lost():
                return Failed(reason=outcome.reason)
            case Answer():
                return _read_listing(outcome)
            case _:
                assert_never(outcome)


def _read_listing(answer: Answer) -> Sequence[Row] | Blind | Failed:
    match answer.meaning:
        case Meaning.ANSWERED:
            rows = read_rows(answer.body)
            return Failed(reason="the core lists requests in no form that we know") if rows is None else rows
        case Meaning.WRONG:
            return Blind(reason=f"the core does not list requests (status {answer.status})")
        case Meaning.LATER | Meaning.LOCKED_OUT | Meaning.CONFLICT | Meaning.UNSURE:
            return Failed(
                reason=f"the core cannot be searched now (status {answer.status})",
                after_s=answer.retry_after_s,
            )
        case _:
            assert_never(answer.meaning)


def _find(rows: Sequence[Row], reference: str) -> Found | None:
    """The row with our reference, if it is among these."""
    for row in rows:
        if holds_reference(row, reference):
            return Found(core_ref=name_of(row) or f"reference:{reference}", media=media_of(row))
    return None


def _windows(start_ms: int, end_ms: int) -> list[_Window]:
    """The whole stretch in windows that a core lists at once."""
    starts = range(start_ms, end_ms, WINDOW_MS_MAX)
    return [(start, min(start + WINDOW_MS_MAX, end_ms)) for start in starts]
