"""Acknowledging, expiring, giving way: what leaves the outbox, when, and what is left in its place."""

import pytest

from shared.adapters.outbox import Outbox
from shared.model.errors import DeviceError, InputError
from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.lines import GapReason
from tests.support.outbox import held, new_context, take, take_many
from tests.unit.outbox.conftest import Open

KEEP_MS = limits.KEEP_WINDOW_MS
HOUR_MS = 3_600_000
SMALL = {"payments": 200_000, "cases": 200_000, "health": 4_000, "telemetry": 20_000}


def oldest(outbox: Outbox, stream: Stream = Stream.CASES) -> int:
    return outbox.epochs(stream)[0].oldest


def confirm_birth(outbox: Outbox) -> None:
    outbox.listed(outbox.lanes(0))


def test_acknowledge_moves_the_watermark_up_and_down(outbox: Outbox) -> None:
    epoch = take_many(outbox, Stream.CASES, 5)[0].epoch
    for acked in (3, 5, 0, 2):
        outbox.acknowledge(Stream.CASES, epoch, acked, now_ms=1)
        assert outbox.epochs(Stream.CASES)[0].acked == acked


def test_acknowledge_above_the_last_line_counts_as_the_last(outbox: Outbox) -> None:
    epoch = take_many(outbox, Stream.CASES, 5)[0].epoch
    outbox.acknowledge(Stream.CASES, epoch, 9, now_ms=1)
    assert outbox.epochs(Stream.CASES)[0].acked == 5


def test_acknowledge_names_one_epoch_and_means_all(open_outbox: Open) -> None:
    epochs = [take_many(open_outbox(), Stream.CASES, 3)[0].epoch for _ in range(3)]
    outbox = open_outbox()
    outbox.acknowledge(Stream.CASES, epochs[2], 1, now_ms=1)
    assert [v.acked for v in outbox.epochs(Stream.CASES)] == [3, 3, 1]
    outbox.acknowledge(Stream.CASES, epochs[1], 2, now_ms=1)
    assert [v.acked for v in outbox.epochs(Stream.CASES)] == [3, 2, 0]


def test_acknowledge_unknown_epoch_is_refused(outbox: Outbox) -> None:
    with pytest.raises(InputError, match="birth"):
        outbox.acknowledge(Stream.CASES, "00000000", 1, now_ms=1)


def test_acknowledge_survives_a_restart(open_outbox: Open) -> None:
    outbox = open_outbox()
    epoch = take_many(outbox, Stream.CASES, 5)[0].epoch
    outbox.acknowledge(Stream.CASES, epoch, 4, now_ms=1)
    outbox.acknowledge(Stream.CASES, epoch, 2, now_ms=2 * HOUR_MS)
    assert open_outbox().epochs(Stream.CASES)[0].acked == 2


@pytest.mark.sentence("S-3")
def test_fill_counts_unacknowledged_lines_alone(outbox: Outbox) -> None:
    epoch = take_many(outbox, Stream.CASES, 4)[0].epoch
    full = outbox.fill(Stream.CASES)
    outbox.acknowledge(Stream.CASES, epoch, 2, now_ms=1)
    assert outbox.fill(Stream.CASES) == pytest.approx(full / 2)
    outbox.acknowledge(Stream.CASES, epoch, 4, now_ms=1)
    assert outbox.fill(Stream.CASES) == 0
    outbox.acknowledge(Stream.CASES, epoch, 0, now_ms=1)
    assert outbox.fill(Stream.CASES) == pytest.approx(full)


def test_fill_after_a_restart_is_what_it_was(open_outbox: Open) -> None:
    outbox = open_outbox()
    take(outbox, Stream.CASES, context=new_context("c1"))
    before = outbox.fill(Stream.CASES)
    assert open_outbox().fill(Stream.CASES) == before > 0


def test_waiting_is_the_age_of_the_oldest_unacknowledged_line(outbox: Outbox) -> None:
    assert outbox.waiting(Stream.CASES, 9_000) == 0
    for now_ms in (1_000, 2_000):
        epoch = take(outbox, Stream.CASES, now_ms=now_ms).epoch
    assert outbox.waiting(Stream.CASES, 9_000) == 8_000
    outbox.acknowledge(Stream.CASES, epoch, 1, now_ms=9_000)
    assert outbox.waiting(Stream.CASES, 9_000) == 7_000
    assert outbox.lanes(9_000)[Stream.CASES].waiting_ms == 7_000


@pytest.mark.sentence("S-4")
def test_expire_keeps_acknowledged_lines_for_the_window(outbox: Outbox) -> None:
    epoch = take_many(outbox, Stream.CASES, 5)[0].epoch
    outbox.acknowledge(Stream.CASES, epoch, 3, now_ms=1_000)
    outbox.expire(1_000 + KEEP_MS - 1)
    assert oldest(outbox) == 1
    outbox.expire(1_000 + KEEP_MS)
    assert oldest(outbox) == 4
    assert sorted(held(outbox, Stream.CASES, epoch).lines) == [4, 5]


def test_expire_never_takes_what_is_not_acknowledged(outbox: Outbox) -> None:
    take_many(outbox, Stream.CASES, 5)
    outbox.expire(1_000 * KEEP_MS)
    assert oldest(outbox) == 1


@pytest.mark.sentence("S-4")
def test_expire_window_starts_anew_after_a_rewind(outbox: Outbox) -> None:
    epoch = take_many(outbox, Stream.CASES, 4)[0].epoch
    outbox.acknowledge(Stream.CASES, epoch, 4, now_ms=0)
    outbox.acknowledge(Stream.CASES, epoch, 2, now_ms=KEEP_MS // 2)
    outbox.acknowledge(Stream.CASES, epoch, 4, now_ms=KEEP_MS // 2)
    outbox.expire(KEEP_MS + HOUR_MS)
    assert oldest(outbox) == 3
    outbox.expire(KEEP_MS + KEEP_MS // 2 + HOUR_MS)
    assert oldest(outbox) == 5


def test_expire_window_of_a_line_runs_from_its_own_acknowledgement(outbox: Outbox) -> None:
    epoch = take_many(outbox, Stream.CASES, 2)[0].epoch
    for acked in (1, 2):
        outbox.acknowledge(Stream.CASES, epoch, acked, now_ms=acked * HOUR_MS // 2)
    outbox.expire(HOUR_MS + KEEP_MS - 1)
    assert 2 in held(outbox, Stream.CASES, epoch).lines
    outbox.expire(HOUR_MS + KEEP_MS)
    assert oldest(outbox) == 3


def test_expire_takes_a_gap_as_a_whole(outbox: Outbox) -> None:
    epoch = outbox.slot(Stream.HEALTH).epoch
    for _ in range(6):
        take(outbox, Stream.HEALTH, key="k")
    outbox.acknowledge(Stream.HEALTH, epoch, 3, now_ms=0)
    outbox.expire(KEEP_MS)
    assert oldest(outbox, Stream.HEALTH) == 1
    outbox.acknowledge(Stream.HEALTH, epoch, 5, now_ms=0)
    outbox.expire(KEEP_MS)
    assert oldest(outbox, Stream.HEALTH) == 6
    assert held(outbox, Stream.HEALTH, epoch).gaps == []


def test_expire_a_repeated_acknowledgement_does_not_prolong_it(outbox: Outbox) -> None:
    epoch = take_many(outbox, Stream.CASES, 2)[0].epoch
    for day in range(30):
        outbox.acknowledge(Stream.CASES, epoch, 2, now_ms=day * 86_400_000)
    outbox.expire(KEEP_MS + HOUR_MS)
    assert oldest(outbox) == 3


def test_expire_much_at_once_comes_in_rounds(outbox: Outbox) -> None:
    epoch = take_many(outbox, Stream.TELEMETRY, 6_000)[0].epoch
    outbox.flush()
    outbox.acknowledge(Stream.TELEMETRY, epoch, 6_000, now_ms=0)
    assert outbox.expire(KEEP_MS).more
    assert oldest(outbox, Stream.TELEMETRY) == 8 * 500 + 1
    assert not outbox.expire(KEEP_MS).more
    assert oldest(outbox, Stream.TELEMETRY) == 6_001


def test_expire_context_stays_while_a_line_needs_it(outbox: Outbox) -> None:
    context = new_context("c1")
    epoch = outbox.slot(Stream.CASES).epoch
    for _ in range(600):
        take(outbox, Stream.CASES, context=context)
    for acked in (250, 300, 500, 560):
        outbox.acknowledge(Stream.CASES, epoch, acked, now_ms=0)
        outbox.expire(KEEP_MS)
        assert oldest(outbox) == acked + 1
        for seq in (acked + 1, 600):
            assert outbox.read(Stream.CASES, epoch, seq, 1, 65_536).contexts == {"c1": context.context.sealed}


def test_expire_context_of_an_open_epoch_without_lines_still_serves_the_next(outbox: Outbox) -> None:
    context = new_context("c1")
    epoch = take(outbox, Stream.CASES, context=context).epoch
    outbox.acknowledge(Stream.CASES, epoch, 1, now_ms=0)
    outbox.expire(KEEP_MS)
    take(outbox, Stream.CASES, context=context)
    assert held(outbox, Stream.CASES, epoch).contexts == {"c1": context.context.sealed}


@pytest.mark.sentence("A-7")
def test_epoch_without_lines_is_listed_until_the_hub_knows_a_newer_one(open_outbox: Open) -> None:
    outbox = open_outbox()
    first = take(outbox, Stream.CASES).epoch
    outbox.acknowledge(Stream.CASES, first, 1, now_ms=0)
    outbox.expire(KEEP_MS)
    outbox = open_outbox()
    second = take(outbox, Stream.CASES).epoch
    outbox.expire(KEEP_MS)
    views = outbox.epochs(Stream.CASES)
    assert [(v.epoch, v.oldest, v.last) for v in views] == [(first, 2, 1), (second, 1, 1)]
    confirm_birth(outbox)
    outbox.expire(KEEP_MS)
    assert [v.epoch for v in outbox.epochs(Stream.CASES)] == [second]
    assert [v.epoch for v in open_outbox().epochs(Stream.CASES)] == [second]


def test_epoch_that_the_hub_asks_for_again_stays_listed(open_outbox: Open) -> None:
    outbox = open_outbox()
    first = take(outbox, Stream.CASES).epoch
    outbox.acknowledge(Stream.CASES, first, 1, now_ms=0)
    outbox.expire(KEEP_MS)
    outbox = open_outbox()
    take(outbox, Stream.CASES)
    confirm_birth(outbox)
    outbox.acknowledge(Stream.CASES, first, 0, now_ms=KEEP_MS)
    outbox.expire(KEEP_MS)
    view = outbox.epochs(Stream.CASES)[0]
    assert (view.epoch, view.acked) == (first, 0)


def test_epochs_too_many_and_none_complete_asks_for_service(open_outbox: Open) -> None:
    for _ in range(3):
        take(open_outbox(epochs_listed=3), Stream.CASES)
    with pytest.raises(DeviceError, match="service"):
        open_outbox(epochs_listed=3).slot(Stream.CASES)


def test_epochs_too_many_let_a_complete_one_expire_early_and_say_so(open_outbox: Open) -> None:
    names = [take(open_outbox(epochs_listed=3), Stream.CASES).epoch for _ in range(3)]
    outbox = open_outbox(epochs_listed=3)
    confirm_birth(outbox)
    outbox.acknowledge(Stream.CASES, names[2], 0, now_ms=5_000)
    fourth = take(outbox, Stream.CASES).epoch
    assert [v.epoch for v in outbox.epochs(Stream.CASES)] == [*names[1:], fourth]
    assert outbox.expire(6_000).shortened == {Stream.CASES: 1_000}
    assert outbox.expire(6_000).shortened == {}


@pytest.mark.sentence("S-3")
def test_telemetry_full_leaves_one_gap_and_keeps_the_newest(open_outbox: Open) -> None:
    outbox = open_outbox(lane_bytes=SMALL)
    taken = take_many(outbox, Stream.TELEMETRY, 400)
    outbox.flush()
    found = held(outbox, Stream.TELEMETRY, taken[0].epoch)
    assert [(g.seq, g.reason) for g in found.gaps] == [(1, GapReason.EVICTED)]
    assert found.lines == {t.seq: t.line for t in taken[found.gaps[0].gap_to :]}
    assert outbox.fill(Stream.TELEMETRY) <= 1
    assert len(found.lines) * 100 > SMALL["telemetry"] / 4


def test_telemetry_eviction_keeps_what_is_acknowledged(open_outbox: Open) -> None:
    outbox = open_outbox(lane_bytes=SMALL)
    epoch = take_many(outbox, Stream.TELEMETRY, 20)[0].epoch
    outbox.flush()
    outbox.acknowledge(Stream.TELEMETRY, epoch, 15, now_ms=1)
    take_many(outbox, Stream.TELEMETRY, 300)
    outbox.flush()
    found = held(outbox, Stream.TELEMETRY, epoch)
    assert sorted(found.lines)[:15] == list(range(1, 16))
    assert [g.seq for g in found.gaps] == [16]


def test_telemetry_eviction_goes_on_from_a_gap_that_is_half_acknowledged(open_outbox: Open) -> None:
    outbox = open_outbox(lane_bytes=SMALL)
    epoch = take_many(outbox, Stream.TELEMETRY, 200)[0].epoch
    outbox.flush()
    evicted = held(outbox, Stream.TELEMETRY, epoch).gaps[0].gap_to
    outbox.acknowledge(Stream.TELEMETRY, epoch, evicted // 2, now_ms=1)
    take_many(outbox, Stream.TELEMETRY, 100)
    outbox.flush()
    (gap,) = held(outbox, Stream.TELEMETRY, epoch).gaps
    assert gap.seq == 1
    assert gap.gap_to > evicted


def test_telemetry_eviction_over_a_restart_leaves_one_gap_per_epoch(open_outbox: Open) -> None:
    epochs = [take_many(open_outbox(lane_bytes=SMALL), Stream.TELEMETRY, 90)[0].epoch for _ in range(3)]
    outbox = open_outbox(lane_bytes=SMALL)
    gaps = [held(outbox, Stream.TELEMETRY, e).gaps for e in epochs]
    assert [len(g) for g in gaps[:2]] == [1, 1]
    assert gaps[0][0].gap_to == 90


@pytest.mark.sentence("S-3")
def test_health_keeps_the_newest_of_each_key(open_outbox: Open) -> None:
    outbox = open_outbox()
    taken = [take(outbox, Stream.HEALTH, key=key) for key in ("a", "b", "a", "c", "b", "a")]
    found = held(outbox, Stream.HEALTH, taken[0].epoch)
    assert found.lines == {t.seq: t.line for t in (taken[3], taken[4], taken[5])}
    assert [(g.seq, g.gap_to, g.reason) for g in found.gaps] == [(1, 3, GapReason.COMPACTED)]


def test_health_compaction_knows_the_keys_of_an_earlier_life(open_outbox: Open) -> None:
    first = take(open_outbox(), Stream.HEALTH, key="printer")
    outbox = open_outbox()
    take(outbox, Stream.HEALTH, key="printer")
    assert held(outbox, Stream.HEALTH, first.epoch).lines == {}


def test_health_acknowledged_line_is_not_compacted(outbox: Outbox) -> None:
    taken = take(outbox, Stream.HEALTH, key="printer")
    outbox.acknowledge(Stream.HEALTH, taken.epoch, 1, now_ms=1)
    take(outbox, Stream.HEALTH, key="printer")
    assert sorted(held(outbox, Stream.HEALTH, taken.epoch).lines) == [1, 2]


@pytest.mark.sentence("S-4")
def test_quota_passed_lets_acknowledged_lines_go_early_and_says_so(open_outbox: Open) -> None:
    outbox = open_outbox(lane_bytes=SMALL)
    epoch = outbox.slot(Stream.CASES).epoch
    for n in range(1_000):
        take(outbox, Stream.CASES, "x" * 900, now_ms=n)
        outbox.acknowledge(Stream.CASES, epoch, n + 1, now_ms=n)
    assert outbox.expire(1_000).shortened[Stream.CASES] < KEEP_MS
    view = outbox.epochs(Stream.CASES)[0]
    assert 200 < view.oldest <= view.last
    assert len(held(outbox, Stream.CASES, epoch).lines) > 100
