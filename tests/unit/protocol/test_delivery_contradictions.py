"""Where device and hub contradict one another: ids decide, and only another life of the disk is a fork."""

import pytest

from shared.protocol.delivery import LossReason
from shared.protocol.lines import GapReason
from tests.support.delivery import Memory, Past

PAST = Past().then("a", 6)
NAMES = ["a1", "a2", "a3", "a4", "a5", "a6"]
OTHER = bytes(8)
"""A chain value that no line leads to."""


def hub_that_holds(past: Past) -> Memory:
    hub = Memory()
    hub.confirm(past)
    hub.take(past.frame())
    assert hub.acked() == (past.epoch, past.last, past.head())
    return hub


# ---- how a contradiction is found -------------------------------------------------------------------------


@pytest.mark.sentence("H-8")
@pytest.mark.sentence("A-5")
def test_chain_before_a_new_line_that_is_not_the_hubs_lowers_the_watermark() -> None:
    hub = hub_that_holds(PAST.until(4))
    hub.take(PAST.frame(5, 6, prev=OTHER))
    assert hub.acked() == (PAST.epoch, 0, None)
    assert hub.sink.events == NAMES[:4]


@pytest.mark.sentence("H-8")
def test_chain_before_the_first_line_that_is_left_is_compared_too() -> None:
    hub = hub_that_holds(PAST.until(4))
    hub.take(PAST.frame(5, 6, oldest=5, prev=OTHER))
    assert hub.acked() == (PAST.epoch, 4, None)
    assert hub.sink.events == NAMES[:4]
    hub.take(PAST.frame(5, 6, oldest=5))
    assert hub.acked() == (PAST.epoch, 6, PAST.head())
    assert (hub.sink.fences, hub.sink.losses) == ([], [])


@pytest.mark.sentence("H-8")
def test_chain_that_reaches_the_watermark_with_another_value_lowers_it() -> None:
    hub = hub_that_holds(PAST.until(4))
    other = PAST.until(3).then("b", 3)
    hub.take(other.frame(2, 6, oldest=2))
    assert hub.acked() == (PAST.epoch, 1, None)
    assert hub.sink.events == NAMES[:4]


@pytest.mark.sentence("H-8")
def test_head_in_a_birth_that_is_not_the_hubs_lowers_the_watermark() -> None:
    hub = hub_that_holds(PAST)
    hub.confirm(PAST.listed(oldest=3, head=OTHER))
    assert hub.acked() == (PAST.epoch, 2, None)
    assert hub.sink.fences == []


@pytest.mark.sentence("H-8")
def test_head_beyond_the_watermark_says_nothing_yet() -> None:
    hub = hub_that_holds(PAST.until(4))
    hub.confirm(PAST.listed(head=OTHER))
    assert hub.acked() == (PAST.epoch, 4, PAST.head(4))


@pytest.mark.sentence("H-8")
def test_gap_that_reaches_the_watermark_with_another_value_lowers_it() -> None:
    hub = hub_that_holds(PAST.until(4))
    other = PAST.until(2).then("b", 4)
    hub.take(other.frame(lines=[other.gap(1, 4, GapReason.CORRUPT), other.line(5)]))
    assert hub.acked() == (PAST.epoch, 0, None)
    assert hub.sink.losses == []


# ---- a flipped bit ----------------------------------------------------------------------------------------


@pytest.mark.sentence("H-9")
def test_resend_that_confirms_what_is_held_was_a_flipped_bit() -> None:
    hub = hub_that_holds(PAST.until(4))
    hub.take(PAST.frame(5, 6, prev=OTHER), PAST.frame())
    assert hub.acked() == (PAST.epoch, 6, PAST.head())
    assert hub.sink.events == NAMES
    assert (hub.sink.fences, hub.sink.losses) == ([], [])


@pytest.mark.sentence("H-9")
def test_resend_whose_line_is_corrupt_loses_nothing_that_is_held() -> None:
    hub = hub_that_holds(PAST)
    hub.confirm(PAST.listed(head=OTHER))
    corrupt = [PAST.line(1), PAST.gap(2, 3, GapReason.CORRUPT), *map(PAST.line, (4, 5, 6))]
    hub.take(PAST.frame(lines=corrupt))
    assert hub.acked() == (PAST.epoch, 6, PAST.head())
    assert (hub.sink.fences, hub.sink.losses) == ([], [])


@pytest.mark.sentence("H-9")
def test_resend_whose_end_is_corrupt_loses_nothing_that_is_held() -> None:
    hub = hub_that_holds(PAST)
    hub.confirm(PAST.listed(head=OTHER))
    hub.take(PAST.frame(lines=[*map(PAST.line, (1, 2, 3)), PAST.gap(4, 6, GapReason.CORRUPT)]))
    assert hub.acked() == (PAST.epoch, 6, PAST.head())
    assert (hub.sink.fences, hub.sink.losses) == ([], [])


@pytest.mark.sentence("H-9")
def test_resend_in_small_frames_decides_by_ids_until_the_old_watermark() -> None:
    hub = hub_that_holds(PAST.until(4))
    hub.take(PAST.frame(5, 6, prev=OTHER))
    for seq in (1, 2, 3):
        hub.take(PAST.frame(seq, seq))
        assert hub.acked() == (PAST.epoch, seq, None)
    hub.take(PAST.frame(4, 4))
    assert hub.acked() == (PAST.epoch, 4, PAST.head(4))
    assert hub.of(PAST).heard == 6


@pytest.mark.sentence("H-8")
def test_chain_is_the_devices_after_a_resend() -> None:
    """A bit flipped in a stored chain value: device and hub go on with the same value again."""
    hub = hub_that_holds(PAST.until(4))
    hub.of(PAST).chain = OTHER
    hub.take(PAST.frame(5, 6), PAST.frame())
    assert hub.acked() == (PAST.epoch, 6, PAST.head())
    assert hub.sink.fences == []


@pytest.mark.sentence("H-8")
def test_resend_of_what_is_left_begins_at_the_oldest() -> None:
    hub = hub_that_holds(PAST.until(4))
    hub.take(PAST.frame(5, 6, oldest=3, prev=OTHER))
    assert hub.acked() == (PAST.epoch, 2, None)
    hub.take(PAST.frame(3, 6, oldest=3))
    assert hub.acked() == (PAST.epoch, 6, PAST.head())
    assert (hub.sink.fences, hub.sink.losses) == ([], [])


def test_device_that_has_nothing_left_is_believed_its_head() -> None:
    hub = hub_that_holds(PAST)
    hub.confirm(PAST.listed(oldest=7, head=OTHER))
    assert hub.acked() == (PAST.epoch, 6, OTHER)
    assert (hub.sink.fences, hub.sink.losses) == ([], [])


# ---- a fork -----------------------------------------------------------------------------------------------


@pytest.mark.sentence("H-10")
def test_unknown_id_below_the_old_watermark_is_a_fork_with_fence_and_loss() -> None:
    hub = hub_that_holds(PAST)
    clone = PAST.until(3).then("b", 4)
    hub.take(clone.frame(7, 7), clone.frame())
    assert hub.sink.events == [*NAMES, "b4", "b5", "b6", "b7"]
    assert set(hub.sink.fences) == {LossReason.FORK}
    assert hub.sink.losses == [(1, 7, LossReason.FORK, True)]
    assert hub.acked() == (PAST.epoch, 7, clone.head())


@pytest.mark.sentence("H-10")
def test_fork_of_the_very_last_event_that_is_held_is_found() -> None:
    hub = hub_that_holds(PAST)
    clone = PAST.until(5).then("b", 2)
    hub.take(clone.frame(7, 7), clone.frame())
    assert set(hub.sink.fences) == {LossReason.FORK}
    assert hub.sink.events == [*NAMES, "b6", "b7"]


@pytest.mark.sentence("H-10")
def test_fork_is_recorded_once_however_many_ids_are_unknown() -> None:
    hub = hub_that_holds(PAST)
    clone = Past().then("b", 7)
    hub.take(clone.frame(7, 7), clone.frame(1, 3), clone.frame(4, 7))
    assert hub.sink.losses == [(1, 7, LossReason.FORK, True)]
    assert len(hub.sink.events) == 13


@pytest.mark.sentence("H-10")
def test_last_below_the_watermark_is_a_roll_back_with_fence_and_loss() -> None:
    hub = hub_that_holds(PAST)
    hub.take(PAST.empty())
    hub.of(PAST).heard = 9
    hub.confirm(PAST.until(4))
    assert hub.sink.fences == [LossReason.ROLLED_BACK]
    assert hub.sink.losses == [(7, 9, LossReason.ROLLED_BACK, False)]
    assert hub.acked() == (PAST.epoch, 0, None)


@pytest.mark.sentence("H-10")
def test_fork_that_comes_to_light_after_a_roll_back_speaks_of_all_that_is_held() -> None:
    hub = hub_that_holds(PAST)
    hub.of(PAST).heard = 9
    other = PAST.until(3).then("b", 1)
    hub.confirm(other)
    hub.take(other.frame())
    assert hub.sink.losses == [(7, 9, LossReason.ROLLED_BACK, False), (1, 6, LossReason.FORK, True)]


@pytest.mark.sentence("H-10")
def test_roll_back_of_what_is_held_loses_nothing() -> None:
    hub = hub_that_holds(PAST)
    hub.confirm(PAST.until(4))
    hub.take(PAST.until(4).frame())
    assert hub.sink.losses == []
    assert hub.sink.fences == [LossReason.ROLLED_BACK]
    assert hub.acked() == (PAST.epoch, 4, PAST.head(4))


@pytest.mark.sentence("H-10")
def test_fork_after_a_roll_back_may_have_taken_whatever_was_heard_of() -> None:
    hub = hub_that_holds(PAST)
    hub.confirm(PAST.until(4))
    other = PAST.until(4).then("b", 1)
    hub.take(other.frame())
    assert hub.sink.losses == [(1, 6, LossReason.FORK, True)]
    assert hub.sink.fences == [LossReason.ROLLED_BACK, LossReason.FORK]
    assert hub.sink.events == [*NAMES, "b5"]


def test_disk_that_went_back_to_nothing_begins_anew() -> None:
    hub = hub_that_holds(PAST)
    hub.confirm(PAST.until(0))
    assert hub.acked() == (PAST.epoch, 0, PAST.head(0))
    other = Past().then("b", 2)
    hub.take(other.frame(lines=[other.gap(1, 1, GapReason.CORRUPT), other.line(2)]))
    assert hub.sink.losses == [(1, 1, LossReason.CORRUPT, False)]
    assert hub.sink.events == [*NAMES, "b2"]


def test_what_comes_after_a_roll_back_is_taken() -> None:
    hub = hub_that_holds(PAST)
    hub.confirm(PAST.until(4))
    later = Past(epoch="0000000b").then("b", 2)
    hub.confirm(PAST.until(4), later)
    hub.take(PAST.until(4).frame(), later.frame())
    assert hub.sink.events == [*NAMES, "b1", "b2"]


@pytest.mark.sentence("H-10")
def test_numbers_heard_of_that_the_device_lists_no_more_are_rolled_back_though_nothing_is_contradicted() -> (
    None
):
    hub = Memory()
    hub.confirm(PAST.until(4))
    hub.take(PAST.frame(1, 2))
    hub.confirm(PAST.until(3))
    assert hub.sink.losses == [(4, 6, LossReason.ROLLED_BACK, False)]
    assert hub.sink.fences == []
    assert hub.acked() == (PAST.epoch, 2, PAST.head(2))


@pytest.mark.sentence("H-10")
def test_numbers_that_were_recorded_rolled_back_are_not_recorded_again() -> None:
    hub = Memory()
    hub.confirm(PAST)
    hub.confirm(PAST.until(3))
    hub.confirm(PAST.until(3))
    assert hub.sink.losses == [(4, 6, LossReason.ROLLED_BACK, False)]


@pytest.mark.sentence("H-7")
def test_gap_in_an_epoch_that_forked_is_recorded_whole() -> None:
    hub = hub_that_holds(PAST)
    clone = Past().then("b", 7)
    hub.take(clone.frame(7, 7))
    lines = [clone.line(1), clone.gap(2, 6, GapReason.CORRUPT), clone.line(7)]
    hub.take(clone.frame(lines=lines))
    assert hub.sink.losses == [(1, 7, LossReason.FORK, True), (2, 6, LossReason.CORRUPT, False)]


# ---- meanwhile --------------------------------------------------------------------------------------------


@pytest.mark.sentence("H-8")
def test_birth_while_ids_decide_starts_it_anew() -> None:
    hub = hub_that_holds(PAST)
    hub.confirm(PAST.listed(head=OTHER))
    hub.take(PAST.frame(1, 4))
    assert hub.acked() == (PAST.epoch, 4, None)
    hub.confirm(PAST)
    assert hub.acked() == (PAST.epoch, 0, None)
    assert hub.of(PAST).floor == 6
    hub.take(PAST.frame())
    assert hub.acked() == (PAST.epoch, 6, PAST.head())


def test_expired_before_the_oldest_while_ids_decide_loses_nothing_that_is_held() -> None:
    hub = hub_that_holds(PAST)
    hub.confirm(PAST.listed(head=OTHER))
    hub.take(PAST.frame(4, 6, oldest=4))
    assert hub.sink.losses == []
    assert hub.acked() == (PAST.epoch, 6, PAST.head())


def test_epoch_whose_ids_are_decided_is_not_complete() -> None:
    later = Past(epoch="0000000b").then("b", 2)
    hub = hub_that_holds(PAST)
    hub.confirm(PAST, later)
    assert hub.acked() == (later.epoch, 0, later.head(0))
    hub.confirm(PAST.listed(head=OTHER), later)
    hub.take(later.frame())
    assert hub.acked() == (PAST.epoch, 0, None)
    assert hub.sink.events == NAMES
    hub.take(PAST.frame(), later.frame())
    assert hub.acked() == (later.epoch, 2, later.head())


def test_old_frame_that_comes_late_while_ids_decide_changes_no_decision() -> None:
    hub = hub_that_holds(PAST)
    hub.confirm(PAST.listed(head=OTHER))
    hub.take(PAST.frame(5, 6))
    assert hub.acked() == (PAST.epoch, 0, None)
    hub.take(PAST.frame(), PAST.frame(2, 3))
    assert hub.acked() == (PAST.epoch, 6, PAST.head())
    assert (hub.sink.fences, hub.sink.losses) == ([], [])
