"""What one append writes: the rows, and what they cost their lane. Nothing here touches the disk."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.adapters.outbox.lane import Epoch, Lane
from shared.adapters.outbox.schema import CONTEXT_SPAN, ROW_BYTES, Statement
from shared.adapters.outbox.values import Entry
from shared.model.errors import InputError
from shared.protocol import chain, limits

CONTEXTS_REMEMBERED: Final = 64


@dataclass(slots=True)
class Prepared:
    """An append, ready to be written.

    Attributes:
        statements: in order.
        last: the number of its last line.
        tail: the chain value after it.
        cost: bytes that its lane is charged.
        contexts: contexts that it stores.
    """

    last: int
    tail: bytes
    statements: list[Statement] = field(default_factory=list[Statement])
    cost: int = 0
    contexts: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])


def prepare(lane: Lane, epoch: Epoch, entries: Sequence[Entry], now_ms: int, key: str | None) -> Prepared:
    """Turn lines into rows.

    Raises:
        InputError: a line is too long, not for its place, or sealed without its context.
    """
    made = Prepared(epoch.appended, epoch.tail)
    if not epoch.stored:
        row = (epoch.number, lane.stream.value, epoch.name, 0, epoch.base_chain)
        made.statements.append((_INSERT_EPOCH, row))
    for entry in entries:
        _add(made, lane, epoch, entry, now_ms, key)
    return made


def _add(made: Prepared, lane: Lane, epoch: Epoch, entry: Entry, now_ms: int, key: str | None) -> None:
    line, seq = entry.line, made.last + 1
    if len(line) > limits.LINE_BYTES_MAX:
        raise InputError(f"A line has at most {limits.LINE_BYTES_MAX} bytes; shorten the text.")
    if not line.startswith(b'{"seq":%d,' % seq) or b"\n" in line:
        raise InputError("The line was not composed for this slot; compose it again.")
    cost = len(line) + ROW_BYTES
    back = None
    if entry.context is not None:
        first, stored = _context(made, lane, seq, *entry.context)
        back, cost = seq - first, cost + stored
        if stored:
            made.statements.append((_INSERT_CONTEXT, (epoch.first_place + seq, *entry.context)))
    elif b'"sealed":"' in line:
        raise InputError(
            "A sealed line is stored with the context that it is sealed under; pass the context."
        )
    value = chain.link(made.tail, line)
    made.statements.append(
        (
            lane.sql.insert,
            (
                epoch.first_place + seq,
                now_ms,
                _octets(entry.event_id),
                cost,
                back,
                key,
                made.tail,
                value,
                line,
            ),
        )
    )
    made.last, made.tail, made.cost = seq, value, made.cost + cost


def _context(made: Prepared, lane: Lane, seq: int, name: str, sealed: str) -> tuple[int, int]:
    """Return the number at which a context stands, and what storing it there costs (0: it is stored)."""
    known = made.contexts.get(name) or lane.contexts.get(name)
    if known is not None:
        first, same = known
        if same != sealed:
            raise InputError("Another context has this id; draw a fresh one.")
        if seq - first < CONTEXT_SPAN:
            return first, 0
    made.contexts[name] = (seq, sealed)
    return seq, len(sealed)


def _octets(event_id: str) -> bytes:
    try:
        return bytes.fromhex(event_id.replace("-", ""))
    except ValueError as error:
        raise InputError("An event id is a UUID.") from error


_INSERT_EPOCH: Final = "INSERT INTO epoch (number, stream, name, base, base_chain) VALUES (?, ?, ?, ?, ?)"
_INSERT_CONTEXT: Final = "INSERT INTO context (place, name, sealed) VALUES (?, ?, ?)"
