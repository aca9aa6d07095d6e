"""What one append writes: the rows, and what they cost their lane. Nothing here touches the disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.adapters.outbox.lane import Epoch, Lane
from shared.adapters.outbox.schema import CONTEXT_SPAN, ROW_BYTES, Statement
from shared.adapters.outbox.values import Entry
from shared.model.errors import InputError
from shared.protocol import chain, limits

CONTEXTS_REMEMBERED: Final = 64
_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Prepared:
    """An append, ready to be written.

    Attributes:
        statements: in order.
        last: the number of its last line.
        tail: the chain value after it.
        cost: bytes that its lane is charged.
        contexts: by id, those that it stores: at which number, and the sealed form.
    """

    statements: list[Statement]
    last: int
    tail: bytes
    cost: int
    contexts: dict[str, tuple[int, str]]


def prepare(lane: Lane, epoch: Epoch, entries: Sequence[Entry], now_ms: int, key: str | None) -> Prepared:
    """Turn lines into rows.

    Raises:
        InputError: a line is too long, not for its place, or sealed without its context.
    """
    statements: list[Statement] = []
    if not epoch.stored:
        row = (epoch.number, lane.stream.value, epoch.name, 0, epoch.base_chain)
        statements.append((_INSERT_EPOCH, row))
    contexts: dict[str, tuple[int, str]] = {}
    seq, tail, cost, start = epoch.appended, epoch.tail, 0, epoch.first_place
    for entry in entries:
        seq += 1
        line, context, back = entry.line, entry.context, None
        _check(line, seq)
        charge = len(line) + ROW_BYTES
        if context is not None:
            first = contexts.get(context[0]) or lane.contexts.get(context[0])
            if first is None or not _serves(first, seq, context[1]):
                first = contexts[context[0]] = (seq, context[1])
                statements.append((_INSERT_CONTEXT, (start + seq, *context)))
                charge += len(context[1])
            back = seq - first[0]
        elif b'"sealed":"' in line:
            raise InputError("A sealed line is stored with what opens it; pass the context.")
        before, tail = tail, chain.link(tail, line)
        row = (start + seq, now_ms, octets(entry.event_id), charge, back, key, before, tail, line)
        statements.append((lane.sql.insert, row))
        cost += charge
    return Prepared(statements, seq, tail, cost, contexts)


def _check(line: bytes, seq: int) -> None:
    if len(line) > limits.LINE_BYTES_MAX:
        raise InputError(f"A line has at most {limits.LINE_BYTES_MAX} bytes; shorten the text.")
    if not line.startswith(b'{"seq":%d,' % seq) or b"\n" in line:
        raise InputError("The line was not composed for this slot; compose it again.")


def _serves(stored: tuple[int, str], seq: int, sealed: str) -> bool:
    """Tell whether a stored context is near enough for line `seq`."""
    if stored[1] != sealed:
        raise InputError("Another context has this id; draw a fresh one.")
    return seq - stored[0] < CONTEXT_SPAN


def octets(event_id: str) -> bytes:
    """Return an event id as it is stored.

    Raises:
        InputError: it is no UUID.
    """
    try:
        octets = bytes.fromhex(event_id.replace("-", ""))
    except ValueError:
        octets = b""
    if len(octets) != _ID_BYTES:
        raise InputError("An event id is a UUID.")
    return octets


_INSERT_EPOCH: Final = "INSERT INTO epoch (number, stream, name, base, base_chain) VALUES (?, ?, ?, ?, ?)"
_INSERT_CONTEXT: Final = "INSERT INTO context (place, name, sealed) VALUES (?, ?, ?)"
