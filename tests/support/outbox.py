"""A device's hand on a real outbox: composes, seals and appends lines, and reads back everything it holds."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.adapters.outbox import Outbox
from shared.model.event import Stream
from shared.model.ids import new_event_id
from shared.protocol import chain, sealing
from shared.protocol.lines import Gap, Stamp, compose, read_gap

DEVICE = "kiosk-7"
SEALED_STREAMS = frozenset({Stream.PAYMENTS, Stream.CASES})


@dataclass(frozen=True, slots=True)
class Taken:
    """A line that an append returned for."""

    stream: Stream
    epoch: str
    seq: int
    event_id: str
    line: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """What an outbox holds of one epoch: lines by number, and the gaps between them."""

    lines: dict[int, bytes]
    gaps: list[Gap]
    contexts: dict[str, str]


@cache
def hub_key() -> sealing.HubSealingPublicKey:
    """A hub's public sealing key, made once a run."""
    return sealing.HubSealingKey.generate().public()


def new_context(context_id: str) -> sealing.SealingContext:
    """Open a citizen's session."""
    return sealing.SealingContext(hub_key(), DEVICE, context_id, secrets.token_bytes(32))


def take(
    outbox: Outbox,
    stream: Stream,
    text: str = "",
    *,
    now_ms: int = 1_000,
    context: sealing.SealingContext | None = None,
    key: str | None = None,
) -> Taken:
    """Append one line, sealed where a context is given."""
    slot = outbox.slot(stream)
    event_id = new_event_id(now_ms, secrets.token_bytes(10))
    payload: tuple[str, object] = ("data", {"text": text})
    if context is not None:
        place = sealing.place_of(DEVICE, stream, slot.epoch, slot.seq, event_id, "incident.reported")
        payload = ("sealed", context.seal(place, text.encode()))
    stamp = Stamp("2026-11-21T10:15:00Z", 3, now_ms)
    line = compose(slot.seq, event_id, "incident.reported", stamp, None, payload)
    pair = None if context is None else (context.context.id, context.context.sealed)
    outbox.append(slot, line, event_id=event_id, now_ms=now_ms, context=pair, key=key)
    return Taken(stream, slot.epoch, slot.seq, event_id, line)


def take_many(
    outbox: Outbox, stream: Stream, count: int, text: str = "", *, now_ms: int = 1_000
) -> list[Taken]:
    """Append some lines, one by one."""
    return [take(outbox, stream, text, now_ms=now_ms) for _ in range(count)]


def held(
    outbox: Outbox, stream: Stream, epoch: str, *, lines_max: int = 200, bytes_max: int = 65_536
) -> Held:
    """Read an epoch from end to end, and hold it against its chain and its view.

    Raises:
        AssertionError: numbers are missing or doubled, or the chain does not lead to the head.
    """
    view = next(v for v in outbox.epochs(stream) if v.epoch == epoch)
    found = Held({}, [], {})
    seq, value = view.oldest, None
    while seq <= view.last:
        run = outbox.read(stream, epoch, seq, lines_max, bytes_max)
        assert run.first == seq
        assert 1 <= len(run.lines) <= lines_max
        assert value in (None, run.prev)
        value = run.prev
        for line in run.lines:
            gap = read_gap(line)
            if gap is None:
                assert line.startswith(b'{"seq":%d,' % seq)
                found.lines[seq], value, seq = line, chain.link(value, line), seq + 1
            else:
                assert gap.seq == seq
                found.gaps.append(gap)
                value, seq = gap.head, gap.gap_to + 1
        assert run.next == seq
        found.contexts.update(run.contexts)
    assert seq == view.last + 1
    assert value in (None, view.head)
    return found


@contextmanager
def fast_folder() -> Iterator[Path]:
    """Give a folder in memory where the machine has one: for tests of what is written, not of syncs."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="outbox-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
