"""The hub's half, frame by frame: what is new is taken once and in order, nothing beyond a hole."""

import pytest

from shared.model.errors import InputError
from shared.model.event import Stream
from shared.protocol.birth import ListedEpoch
from shared.protocol.delivery import LossReason
from shared.protocol.lines import GapReason
from tests.support.delivery import Memory, Past

PAST = Past().then("a", 6)
NAMES = ["a1", "a2", "a3", "a4", "a5", "a6"]
LATER = Past(epoch="0000000b").then("b", 3)


def hub_with(*pasts: Past) -> Memory:
    hub = Memory()
    hub.confirm(*pasts)
    return hub


# ---- in order, once ---------------------------------------------------------------------------------------


@pytest.mark.sentence("H-2")
def test_frame_of_new_lines_is_taken_in_order() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame(1, 4), PAST.frame(5, 6))
    assert hub.sink.events == NAMES
    assert hub.acked() == (PAST.epoch, 6, PAST.head())


@pytest.mark.sentence("H-2")
def test_frame_sent_again_is_skipped() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame(1, 4), PAST.frame(1, 4), PAST.frame(2, 3))
    assert hub.sink.events == NAMES[:4]
    assert hub.acked() == (PAST.epoch, 4, PAST.head(4))


@pytest.mark.sentence("H-2")
def test_frame_that_overlaps_gives_what_is_new_in_it() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame(1, 3), PAST.frame(2, 6))
    assert hub.sink.events == NAMES
    assert hub.acked() == (PAST.epoch, 6, PAST.head())


@pytest.mark.sentence("H-2")
def test_frame_beyond_a_hole_is_dropped_until_the_hole_is_filled() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame(1, 2), PAST.frame(4, 6))
    assert hub.sink.events == NAMES[:2]
    hub.take(PAST.frame(3, 3))
    assert hub.acked() == (PAST.epoch, 3, PAST.head(3))
    hub.take(PAST.frame(4, 6))
    assert hub.sink.events == NAMES


def test_frame_of_an_epoch_that_no_birth_listed_is_dropped() -> None:
    hub = hub_with(PAST)
    hub.take(LATER.frame())
    assert hub.sink.events == []
    assert LATER.epoch not in hub.known


def test_frame_without_lines_moves_nothing_and_tells_what_is_there() -> None:
    hub = hub_with(PAST.until(0))
    hub.take(PAST.until(0).frame(1, 0, highest=6))
    assert (hub.of(PAST).watermark, hub.of(PAST).heard, hub.of(PAST).last) == (0, 6, 6)


@pytest.mark.sentence("L-5")
def test_frame_says_how_far_the_open_epoch_goes() -> None:
    hub = hub_with(PAST.until(2))
    hub.take(PAST.frame(1, 2))
    assert (hub.of(PAST).heard, hub.of(PAST).last) == (6, 6)


# ---- one epoch after the other ----------------------------------------------------------------------------


@pytest.mark.sentence("H-5")
@pytest.mark.sentence("A-3")
def test_newer_epoch_waits_until_the_older_one_is_complete() -> None:
    hub = hub_with(PAST, LATER)
    hub.take(PAST.frame(1, 5), LATER.frame())
    assert hub.sink.events == NAMES[:5]
    assert hub.acked() == (PAST.epoch, 5, PAST.head(5))
    hub.take(PAST.frame(6, 6))
    assert hub.acked() == (LATER.epoch, 0, LATER.head(0))
    hub.take(LATER.frame())
    assert hub.sink.events == [*NAMES, "b1", "b2", "b3"]


@pytest.mark.sentence("A-3")
def test_open_epoch_is_named_though_nothing_of_it_is_missing() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame())
    assert hub.acked() == (PAST.epoch, 6, PAST.head())


def test_late_frame_of_an_older_epoch_does_not_lengthen_it() -> None:
    hub = hub_with(PAST.until(4), LATER)
    hub.take(PAST.until(4).frame())
    hub.take(PAST.frame(1, 4, highest=6))
    assert hub.acked()[0] == LATER.epoch


def test_frame_that_goes_on_beyond_what_an_older_epoch_listed_is_taken_all_the_same() -> None:
    """Where a frame has them, they are there: nothing that arrived is thrown away."""
    hub = hub_with(PAST.until(4), LATER)
    hub.take(PAST.frame())
    assert hub.sink.events == NAMES
    assert hub.acked()[0] == LATER.epoch


# ---- gaps -------------------------------------------------------------------------------------------------


def lines_with_gap(reason: GapReason) -> list[bytes]:
    """1, then 2 to 4 are gone, then 5 and 6."""
    return [PAST.line(1), PAST.gap(2, 4, reason), PAST.line(5), PAST.line(6)]


@pytest.mark.sentence("L-4")
@pytest.mark.sentence("H-7")
@pytest.mark.parametrize("reason", [GapReason.EVICTED, GapReason.EXPIRED, GapReason.CORRUPT])
def test_gap_is_a_loss_record_and_what_follows_goes_on(reason: GapReason) -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame(lines=lines_with_gap(reason)))
    assert hub.sink.events == ["a1", "a5", "a6"]
    assert hub.sink.losses == [(2, 4, LossReason(reason), False)]
    assert hub.acked() == (PAST.epoch, 6, PAST.head())


@pytest.mark.sentence("L-4")
def test_gap_of_what_was_compacted_is_no_loss() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame(lines=lines_with_gap(GapReason.COMPACTED)))
    assert hub.sink.losses == []
    assert hub.acked() == (PAST.epoch, 6, PAST.head())


@pytest.mark.sentence("H-7")
def test_gap_over_what_the_hub_holds_records_only_the_rest() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame(1, 3), PAST.frame(lines=lines_with_gap(GapReason.CORRUPT)))
    assert hub.sink.losses == [(4, 4, LossReason.CORRUPT, False)]
    assert hub.sink.events == ["a1", "a2", "a3", "a5", "a6"]


@pytest.mark.sentence("H-7")
def test_gap_that_the_hub_holds_whole_records_nothing() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame(1, 4), PAST.frame(lines=lines_with_gap(GapReason.CORRUPT)))
    assert hub.sink.losses == []
    assert hub.sink.events == NAMES


@pytest.mark.sentence("L-3")
def test_gap_gives_the_chain_value_that_follows_it() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame(lines=[PAST.gap(1, 6)]))
    assert hub.acked() == (PAST.epoch, 6, PAST.head())


def test_gap_at_another_place_than_it_says_ends_the_frame() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame(lines=[PAST.line(1), PAST.gap(3, 4), PAST.line(5)]))
    assert hub.sink.events == ["a1"]
    assert hub.sink.losses == []
    assert hub.acked() == (PAST.epoch, 1, PAST.head(1))


@pytest.mark.sentence("H-3")
def test_gap_that_cannot_be_read_ends_the_frame_before_it() -> None:
    hub = hub_with(PAST)
    with pytest.raises(InputError):
        hub.take(PAST.frame(lines=[PAST.line(1), b'{"seq":2,"gap_to":1}', PAST.line(3)]))
    assert hub.acked() == (PAST.epoch, 1, PAST.head(1))


# ---- expired first ----------------------------------------------------------------------------------------


@pytest.mark.sentence("H-6")
def test_first_line_that_is_the_oldest_left_records_what_expired_before_it() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame(1, 1), PAST.frame(3, 6, oldest=3))
    assert hub.sink.losses == [(2, 2, LossReason.EXPIRED, False)]
    assert hub.sink.events == ["a1", "a3", "a4", "a5", "a6"]
    assert hub.acked() == (PAST.epoch, 6, PAST.head())


@pytest.mark.sentence("H-6")
def test_frame_without_lines_tells_that_everything_expired() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.empty(oldest=7))
    assert hub.sink.losses == [(1, 6, LossReason.EXPIRED, False)]
    assert hub.acked() == (PAST.epoch, 6, PAST.head())


@pytest.mark.sentence("H-6")
def test_first_line_above_the_oldest_left_is_a_hole_and_no_loss() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame(1, 1), PAST.frame(5, 6, oldest=4))
    assert hub.sink.losses == []
    assert hub.acked() == (PAST.epoch, 1, PAST.head(1))


@pytest.mark.sentence("H-6")
def test_oldest_that_the_hub_goes_beyond_is_no_loss() -> None:
    hub = hub_with(PAST)
    hub.take(PAST.frame(1, 4), PAST.frame(4, 6, oldest=4))
    assert hub.sink.losses == []
    assert hub.sink.events == NAMES


# ---- streams of which not every event counts --------------------------------------------------------------


def test_telemetry_whose_chain_differs_is_taken_without_a_question() -> None:
    past = Past(stream=Stream.TELEMETRY).then("t", 4)
    hub = Memory(stream=Stream.TELEMETRY)
    hub.confirm(past)
    hub.take(past.frame(1, 2), past.frame(3, 4, prev=bytes(8)))
    assert hub.sink.events == ["t1", "t2", "t3", "t4"]
    assert hub.sink.fences == []
    assert hub.acked()[1] == 4


def test_telemetry_rolled_back_goes_on_from_what_is_there() -> None:
    past = Past(stream=Stream.TELEMETRY).then("t", 4)
    hub = Memory(stream=Stream.TELEMETRY)
    hub.confirm(past)
    hub.take(past.frame())
    other = past.until(2).then("u", 1)
    hub.confirm(past.until(2))
    assert hub.acked() == (past.epoch, 2, past.head(2))
    hub.take(other.frame(3, 3))
    assert hub.sink.events == ["t1", "t2", "t3", "t4", "u3"]
    assert hub.sink.fences == []
    assert hub.sink.losses == []


def test_telemetry_whose_head_differs_is_no_contradiction() -> None:
    past = Past(stream=Stream.TELEMETRY).then("t", 4)
    hub = Memory(stream=Stream.TELEMETRY)
    hub.confirm(past)
    hub.take(past.frame())
    hub.confirm(ListedEpoch(epoch=past.epoch, oldest=1, last=4, head=bytes(8)))
    assert hub.acked()[1] == 4
