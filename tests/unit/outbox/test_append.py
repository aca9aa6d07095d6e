"""Appending: what is taken, what is refused, and what a life of the owner is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.outbox import Entry, LaneFullError, Outbox, StaleSlotError
from shared.model.errors import InputError
from shared.model.event import Stream
from shared.model.ids import new_event_id
from shared.protocol import chain, limits
from tests.support.outbox import DEVICE, SEALED_STREAMS, held, new_context, take, take_many
from tests.unit.outbox.conftest import Open

EVENT_ID = new_event_id(1, bytes(10))


def line_for(seq: int, text: str = "") -> bytes:
    return b'{"seq":%d,"id":"%s","text":"%s"}' % (seq, EVENT_ID.encode(), text.encode())


def test_append_returned_line_is_read_back_byte_for_byte(outbox: Outbox) -> None:
    taken = take_many(outbox, Stream.CASES, 3, "grúa")
    found = held(outbox, Stream.CASES, taken[0].epoch)
    assert found.lines == {t.seq: t.line for t in taken}
    assert found.gaps == []


def test_append_first_of_a_stream_chains_from_the_epochs_genesis(outbox: Outbox) -> None:
    slot = outbox.slot(Stream.PAYMENTS)
    assert slot.seq == 1
    assert slot.prev == chain.genesis(DEVICE, Stream.PAYMENTS, slot.epoch)


def test_append_another_took_the_number_is_refused(outbox: Outbox) -> None:
    slot = outbox.slot(Stream.CASES)
    take(outbox, Stream.CASES)
    with pytest.raises(StaleSlotError):
        outbox.append(slot, line_for(1), event_id=EVENT_ID, now_ms=1)
    assert outbox.epochs(Stream.CASES)[0].last == 1


def test_append_slot_of_an_earlier_life_is_refused(open_outbox: Open) -> None:
    slot = open_outbox().slot(Stream.CASES)
    with pytest.raises(StaleSlotError):
        open_outbox().append(slot, line_for(1), event_id=EVENT_ID, now_ms=1)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (line_for(2), "composed for this slot"),
        (line_for(1, "a\nb"), "composed for this slot"),
        (line_for(1, "x" * limits.LINE_BYTES_MAX), "at most"),
        (b'{"seq":1,"id":"%s","sealed":"c1.1.AAAA"}' % EVENT_ID.encode(), "pass the context"),
    ],
)
def test_append_line_that_does_not_belong_there_is_refused(outbox: Outbox, line: bytes, why: str) -> None:
    slot = outbox.slot(Stream.CASES)
    with pytest.raises(InputError, match=why):
        outbox.append(slot, line, event_id=EVENT_ID, now_ms=1)
    assert outbox.epochs(Stream.CASES) == ()
    assert outbox.slot(Stream.CASES) == slot


def test_append_log_stream_is_refused(outbox: Outbox) -> None:
    with pytest.raises(InputError, match="not stored"):
        outbox.slot(Stream.LOG)


def test_append_id_that_is_no_uuid_is_refused(outbox: Outbox) -> None:
    with pytest.raises(InputError, match="UUID"):
        outbox.append(outbox.slot(Stream.CASES), line_for(1), event_id="lamp", now_ms=1)


@pytest.mark.sentence("K-3")
def test_append_sealed_line_comes_back_with_its_context(outbox: Outbox) -> None:
    first, second = new_context("c1"), new_context("c2")
    taken = [take(outbox, Stream.CASES, "hole", context=c) for c in (first, second, first)]
    found = held(outbox, Stream.CASES, taken[0].epoch, lines_max=1)
    assert found.contexts == {"c1": first.context.sealed, "c2": second.context.sealed}
    last = outbox.read(Stream.CASES, taken[0].epoch, 3, 1, 65_536)
    assert last.contexts == {"c1": first.context.sealed}


def test_append_context_used_for_long_goes_with_every_line(outbox: Outbox) -> None:
    context = new_context("c1")
    for _ in range(600):
        take(outbox, Stream.CASES, context=context)
    epoch = outbox.slot(Stream.CASES).epoch
    for seq in (1, 255, 256, 257, 512, 513, 600):
        assert outbox.read(Stream.CASES, epoch, seq, 1, 65_536).contexts == {"c1": context.context.sealed}


def test_append_two_contexts_of_one_id_are_refused(outbox: Outbox) -> None:
    take(outbox, Stream.CASES, context=new_context("c1"))
    with pytest.raises(InputError, match="fresh"):
        take(outbox, Stream.CASES, context=new_context("c1"))


def test_append_many_is_one_run_of_lines(outbox: Outbox) -> None:
    take(outbox, Stream.TELEMETRY)
    slot = outbox.slot(Stream.TELEMETRY)
    outbox.append_many(slot, [Entry(line_for(seq), EVENT_ID) for seq in range(2, 52)], now_ms=1)
    outbox.flush()
    assert len(held(outbox, Stream.TELEMETRY, slot.epoch).lines) == 51


def test_append_many_with_one_bad_line_takes_none(outbox: Outbox) -> None:
    slot = outbox.slot(Stream.CASES)
    with pytest.raises(InputError):
        outbox.append_many(slot, [Entry(line_for(1), EVENT_ID), Entry(line_for(3), EVENT_ID)], now_ms=1)
    assert outbox.epochs(Stream.CASES) == ()


@pytest.mark.sentence("S-3")
@pytest.mark.parametrize("stream", sorted(SEALED_STREAMS))
def test_append_full_lane_takes_nothing_more_until_the_hub_answers(open_outbox: Open, stream: Stream) -> None:
    outbox = open_outbox(lane_bytes={"payments": 3_000, "cases": 3_000, "health": 3_000, "telemetry": 3_000})
    taken = []
    with pytest.raises(LaneFullError):
        taken += [take(outbox, stream, "x" * 100) for _ in range(40)]
    view = outbox.epochs(stream)[0]
    assert outbox.fill(stream) > 0.85
    outbox.acknowledge(stream, view.epoch, view.last - 1, now_ms=2)
    take(outbox, stream, "x" * 100)
    assert len(held(outbox, stream, view.epoch).lines) == view.last + 1


@pytest.mark.sentence("L-7")
def test_append_telemetry_is_listed_once_it_is_durable(outbox: Outbox) -> None:
    take(outbox, Stream.TELEMETRY, now_ms=1_000)
    assert outbox.epochs(Stream.TELEMETRY) == ()
    take(outbox, Stream.TELEMETRY, now_ms=1_999)
    assert outbox.epochs(Stream.TELEMETRY) == ()
    take(outbox, Stream.TELEMETRY, now_ms=2_000)
    assert outbox.epochs(Stream.TELEMETRY)[0].last == 3
    take(outbox, Stream.TELEMETRY, now_ms=2_100)
    outbox.flush()
    assert outbox.epochs(Stream.TELEMETRY)[0].last == 4


def test_append_of_another_stream_makes_telemetry_durable_too(outbox: Outbox) -> None:
    take(outbox, Stream.TELEMETRY)
    take(outbox, Stream.PAYMENTS)
    assert outbox.epochs(Stream.TELEMETRY)[0].last == 1


def test_find_tells_where_an_event_stands(open_outbox: Open) -> None:
    taken = take_many(open_outbox(), Stream.PAYMENTS, 3)
    outbox = open_outbox()
    outbox.acknowledge(Stream.PAYMENTS, taken[0].epoch, 2, now_ms=2)
    found = [outbox.find(t.event_id) for t in taken]
    assert [(f.epoch, f.seq, f.acked) for f in found if f] == [
        (taken[0].epoch, 1, True),
        (taken[0].epoch, 2, True),
        (taken[0].epoch, 3, False),
    ]
    assert outbox.find(EVENT_ID) is None


def test_find_tells_nothing_that_a_power_cut_may_still_take(outbox: Outbox) -> None:
    taken = take(outbox, Stream.TELEMETRY)
    assert outbox.find(taken.event_id) is None
    outbox.flush()
    assert outbox.find(taken.event_id) is not None


@pytest.mark.sentence("L-2")
def test_life_begins_with_an_epoch_of_its_own(open_outbox: Open) -> None:
    names = [take(open_outbox(), Stream.CASES).epoch for _ in range(4)]
    assert len(set(names)) == 4
    assert [v.epoch for v in open_outbox().epochs(Stream.CASES)] == names


def test_life_without_an_append_leaves_no_epoch(open_outbox: Open) -> None:
    open_outbox().slot(Stream.CASES)
    assert open_outbox().epochs(Stream.CASES) == ()


def test_append_charges_its_lane_a_row_beside_the_line(outbox: Outbox) -> None:
    line = take(outbox, Stream.CASES).line
    assert outbox.lanes(0)[Stream.CASES].bytes == len(line) + 96


def test_append_many_stores_the_context_that_its_lines_share_once(outbox: Outbox, file: Path) -> None:
    entries = [
        Entry(b'{"seq":%d,"sealed":"c1.%d.AAAA"}' % (seq, seq), EVENT_ID, ("c1", "sealed"))
        for seq in (1, 2, 3)
    ]
    slot = outbox.slot(Stream.CASES)
    outbox.append_many(slot, entries, now_ms=1)
    assert held(outbox, Stream.CASES, slot.epoch, lines_max=1).contexts == {"c1": "sealed"}
    outbox.close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM context").fetchall() == [(1,)]
