"""The device's half: how long it waits, what is progress, and what a repeated or older word does to it."""

from dataclasses import replace

import pytest

from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.acknowledgement import StreamAck
from shared.protocol.sender import Sender, Verdict
from tests.support.small_outbox import SmallOutbox

PAYMENTS, CASES = Stream.PAYMENTS, Stream.CASES


@pytest.fixture
def outbox() -> SmallOutbox:
    return SmallOutbox()


@pytest.fixture
def sender(outbox: SmallOutbox) -> Sender:
    return Sender(outbox)


def firsts(sender: Sender, now_ms: int = 0) -> list[tuple[int, int]]:
    """The first numbers of everything that may be sent now, each with its count of lines."""
    found: list[tuple[int, int]] = []
    while (batch := sender.next_batch(now_ms)) is not None:
        found.append((batch.run.first, len(batch.run.lines)))
    return found


# ---- patience ---------------------------------------------------------------------------------------------


def test_patience_counts_from_the_oldest_batch_in_flight(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(1)
    sender.next_batch(10_000)
    outbox.append(1)
    sender.next_batch(13_000)
    assert sender.deadline_ms() == 15_000


def test_patience_begins_anew_where_nothing_was_in_flight(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(1)
    sender.next_batch(0)
    sender.take(outbox.ack(1), 100)
    outbox.append(1)
    sender.next_batch(60_000)
    assert sender.deadline_ms() == 65_000


def test_patience_of_the_lane_that_waits_longest_ends_first(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(1)
    sender.next_batch(1_000)
    outbox.append(1, CASES)
    sender.next_batch(3_000)
    assert sender.deadline_ms() == 6_000
    sender.take(outbox.ack(1), 3_000)
    assert sender.deadline_ms() == 8_000


def test_batch_of_which_a_part_is_acknowledged_is_still_in_flight(
    outbox: SmallOutbox, sender: Sender
) -> None:
    outbox.append(5)
    sender.next_batch(0)
    sender.take(outbox.ack(4), 1_000)
    assert sender.deadline_ms() == 6_000
    sender.take(outbox.ack(5), 1_000)
    assert sender.deadline_ms() is None


@pytest.mark.sentence("D-2")
def test_word_that_repeats_is_no_progress(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    verdicts: list[Verdict] = []
    for _ in range(3):
        sender.next_batch(0)
        sender.take(outbox.ack(0), 0)
        sender.next_batch(0)
        verdicts.append(sender.check_timeouts(sender.deadline_ms() or 0))
    assert verdicts[-1] is Verdict.BIRTH


@pytest.mark.sentence("D-2")
def test_word_that_repeats_about_an_older_epoch_is_no_progress_either(
    outbox: SmallOutbox, sender: Sender
) -> None:
    outbox.append(5)
    outbox.restart()
    outbox.append(2)
    sender.take(outbox.ack(2, index=0), 0)
    assert firsts(sender) == [(3, 3), (1, 2)]
    sender.take(outbox.ack(2, index=0), 3_000)
    assert firsts(sender, 3_000) == [(3, 3), (1, 2)]
    sender.take(outbox.ack(2, index=0), 4_000)
    assert firsts(sender, 4_000) == []
    assert sender.deadline_ms() == 8_000


# ---- words that repeat or go back -------------------------------------------------------------------------


@pytest.mark.sentence("D-2")
def test_watermark_that_comes_back_later_is_answered_once_again(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    sender.take(outbox.ack(2), 0)
    firsts(sender)
    sender.take(outbox.ack(2), 0)
    assert firsts(sender) == [(3, 3)]
    sender.take(outbox.ack(3), 0)
    sender.take(outbox.ack(2), 0)
    assert firsts(sender) == [(3, 3)]
    sender.take(outbox.ack(2), 0)
    assert firsts(sender) == [(3, 3)]


@pytest.mark.sentence("A-5")
def test_contradiction_takes_back_everything_that_is_in_flight(outbox: SmallOutbox) -> None:
    outbox.append(5)
    sender = Sender(outbox, frames_in_flight=1)
    sender.take(outbox.ack(2), 0)
    assert firsts(sender) == [(3, 3)]
    sender.take({PAYMENTS: replace(outbox.ack(2)[PAYMENTS], head=bytes(8))}, 0)
    assert firsts(sender) == [(3, 3)]


@pytest.mark.sentence("A-5")
def test_contradiction_at_the_end_is_answered_by_one_empty_frame(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    sender.take(outbox.ack(5), 0)
    sender.take({PAYMENTS: replace(outbox.ack(5)[PAYMENTS], head=bytes(8))}, 0)
    assert firsts(sender) == [(6, 0)]


@pytest.mark.sentence("A-5")
@pytest.mark.parametrize("acked", [0, 1, 2])
def test_word_below_what_expired_gets_one_empty_frame_for_each_epoch(
    outbox: SmallOutbox, sender: Sender, acked: int
) -> None:
    first = outbox.append(3)
    outbox.restart()
    outbox.append(2)
    sender.take(outbox.ack(2), 0)
    outbox.expire(0)
    sender.take({PAYMENTS: StreamAck(epoch=first.epoch, acked=acked, head=None, credit=800)}, 0)
    assert firsts(sender) == [(4, 0), (3, 0)]


@pytest.mark.sentence("A-4")
@pytest.mark.parametrize("later", [1, 3])
def test_word_about_an_older_epoch_takes_a_later_one_back_whole(
    outbox: SmallOutbox, sender: Sender, later: int
) -> None:
    outbox.append(2)
    outbox.restart()
    outbox.append(3)
    sender.take(outbox.ack(later), 0)
    sender.take(outbox.ack(2, index=0), 0)
    assert [view.acked for view in outbox.epochs(PAYMENTS)] == [2, 0]
    assert firsts(sender) == [(1, 3)]


# ---- room -------------------------------------------------------------------------------------------------


@pytest.mark.sentence("L-6")
def test_room_that_is_asked_of_the_outbox_leaves_out_the_header(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(1)
    sender.next_batch(0, header_bytes=2_000)
    assert outbox.asked_bytes == [limits.FRAME_BYTES_MAX - 2_000]


@pytest.mark.sentence("L-10")
def test_keepalive_without_an_epoch_has_the_numbers_of_nothing(sender: Sender) -> None:
    batch = sender.keepalive()
    assert (batch.oldest, batch.highest, batch.run.first, batch.run.prev) == (1, 0, 1, bytes(8))
