"""What came of an attempt: into which rows it goes, how it is counted, and what it says of the endpoint.

Here: one place for each of the five results of hub/core/port.py. Not here: when to try again (schedule.py),
and SQL.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from hub.core.port import Done, Refused, Result, Retry, Undecidable, Unknown
from hub.db.engine import Connection
from hub.db.outgoing_repository import OutgoingEffect, OutgoingRepository
from hub.db.register_repositories import ExceptionRepository
from hub.forwarder.schedule import Schedule

UNDECIDED = "outgoing_undecided"
"""The kind of the exception that tells a clerk."""


class Failure(StrEnum):
    """Why an attempt did not end well; the labels of a counter."""

    RETRY = "retry"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    UNDECIDABLE = "undecidable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """An effect and what came of its attempt."""

    effect: OutgoingEffect
    result: Result


def write_results(
    connection: Connection, connector: str, settled: Iterable[Settled], schedule: Schedule, now_ms: int
) -> None:
    """Write results into their rows; written a second time they say the same.

    Args:
        connection: in a transaction of the writer.
        connector: whose effects they are.
        settled: the effects and their results.
        schedule: when what did not take place is tried again.
        now_ms: wall clock.
    """
    done: list[tuple[int, str]] = []
    again: list[tuple[int, int, str]] = []
    dead: list[tuple[int, str]] = []
    undecided: list[tuple[int, str]] = []
    for one in settled:
        row, attempts, result = one.effect.id, one.effect.attempts, one.result
        match result:
            case Done():
                done.append((row, result.core_ref))
            case Retry():
                due_ms = schedule.due_ms(now_ms, attempts=attempts, after_s=result.after_s)
                again.append((row, due_ms, result.reason))
            case Unknown():
                due_ms = schedule.due_ms(now_ms, attempts=attempts, after_s=None)
                again.append((row, due_ms, f"outcome unknown: {result.reason}"))
            case Refused():
                dead.append((row, result.reason))
            case Undecidable():
                undecided.append((row, result.reason))
            case _:
                assert_never(result)
    outgoing, exceptions = OutgoingRepository(connection), ExceptionRepository(connection)
    outgoing.done(done, now_ms)
    outgoing.retry(again)
    outgoing.dead(dead)
    outgoing.undecided(undecided)
    for row, reason in undecided:
        detail = {"connector": connector, "outgoing": row, "reason": reason}
        exceptions.open(UNDECIDED, None, detail, now_ms)
    exceptions.flush()


def is_answer(result: Result) -> bool:
    """Whether the endpoint said something that only a core in order says."""
    match result:
        case Done() | Refused() | Undecidable():
            return True
        case Retry():
            return result.core_answers
        case Unknown():
            return False
        case _:
            assert_never(result)


def pause_ms(results: Sequence[Result]) -> int:
    """The longest pause that a core which is not well asked for; 0 where it asked for none."""
    pauses = [result.after_s for result in results if isinstance(result, Retry) and not result.core_answers]
    return max((round(pause_s * 1000) for pause_s in pauses if pause_s), default=0)


def failure_of(result: Result) -> Failure | None:
    """Under which class an attempt is counted; None: it went well."""
    match result:
        case Done():
            return None
        case Retry():
            return Failure.RETRY
        case Unknown():
            return Failure.UNKNOWN
        case Refused():
            return Failure.REFUSED
        case Undecidable():
            return Failure.UNDECIDABLE
        case _:
            assert_never(result)
