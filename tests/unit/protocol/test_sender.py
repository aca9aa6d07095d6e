"""The device's half: what goes next, and how the hub's word is taken."""

from dataclasses import replace

import pytest

from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.acknowledgement import StreamAck
from shared.protocol.sender import Batch, Sender, Verdict
from tests.support.small_outbox import SmallOutbox

PAYMENTS, CASES, HEALTH, TELEMETRY = Stream.PAYMENTS, Stream.CASES, Stream.HEALTH, Stream.TELEMETRY
FULL = limits.FRAME_LINES_MAX


@pytest.fixture
def outbox() -> SmallOutbox:
    return SmallOutbox()


@pytest.fixture
def sender(outbox: SmallOutbox) -> Sender:
    return Sender(outbox)


def lines(batch: Batch | None) -> tuple[int, int]:
    """The first number of a batch and how many lines it has."""
    assert batch is not None
    return batch.run.first, len(batch.run.lines)


def all_batches(sender: Sender, now_ms: int = 0) -> list[Batch]:
    batches: list[Batch] = []
    while (batch := sender.next_batch(now_ms)) is not None:
        batches.append(batch)
    return batches


# ---- what goes next ---------------------------------------------------------------------------------------


def test_outbox_that_is_empty_sends_nothing(sender: Sender) -> None:
    assert sender.next_batch(0) is None
    assert sender.deadline_ms() is None


@pytest.mark.sentence("L-5")
def test_batch_says_where_it_begins_and_what_there_is(outbox: SmallOutbox, sender: Sender) -> None:
    view = outbox.append(3)
    batch = sender.next_batch(0)
    assert batch is not None
    assert (batch.epoch, batch.oldest, batch.highest) == (view.epoch, 1, 3)
    assert (batch.run.first, batch.run.prev) == (1, outbox.chain_at(PAYMENTS, view.epoch, 0))
    assert [line[:8] for line in batch.run.lines] == [b'{"seq":1', b'{"seq":2', b'{"seq":3']


def test_batch_begins_after_the_watermark(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    sender.take(outbox.ack(3), 0)
    assert lines(sender.next_batch(0)) == (4, 2)
    assert sender.next_batch(0) is None


@pytest.mark.sentence("D-1")
def test_batches_in_flight_are_four_at_most(outbox: SmallOutbox) -> None:
    outbox.append(6 * FULL)
    sender = Sender(outbox)
    sender.take(outbox.ack(0, credit=10_000), 0)
    assert [lines(b) for b in all_batches(sender)] == [(1 + n * FULL, FULL) for n in range(4)]
    assert limits.FRAMES_IN_FLIGHT == 4
    one = Sender(outbox, frames_in_flight=limits.MICRO_FRAMES_IN_FLIGHT)
    assert [lines(b) for b in all_batches(one)] == [(1, FULL)]


@pytest.mark.sentence("D-1")
@pytest.mark.sentence("A-9")
def test_lines_in_flight_are_within_the_credit(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(2 * FULL)
    sender.take(outbox.ack(0, credit=FULL + 50), 0)
    assert [lines(b) for b in all_batches(sender)] == [(1, FULL), (FULL + 1, 50)]


@pytest.mark.sentence("A-9")
def test_credit_zero_stops_frames_and_the_next_word_reopens_them(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    sender.take(outbox.ack(0, credit=0), 0)
    assert sender.next_batch(0) is None
    assert sender.keepalive().run.lines == ()
    sender.take(outbox.ack(0, credit=800), 0)
    assert lines(sender.next_batch(0)) == (1, 5)


def test_credit_below_what_is_in_flight_sends_nothing_more(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(2 * FULL)
    sender.next_batch(0)
    sender.take(outbox.ack(0, credit=FULL - 1), 0)
    all_batches(sender)
    sender.take(outbox.ack(0, credit=1), 0)
    assert sender.next_batch(0) is None


@pytest.mark.sentence("L-6")
def test_batch_of_long_lines_leaves_room_for_the_header(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(20, size=8_000)
    for batch in all_batches(sender):
        assert sum(map(len, batch.run.lines)) <= limits.FRAME_BYTES_MAX - 1024


@pytest.mark.sentence("S-1")
def test_priority_is_strict_from_the_top(outbox: SmallOutbox, sender: Sender) -> None:
    for stream in (TELEMETRY, HEALTH, CASES, PAYMENTS):
        outbox.append(2, stream)
    assert [b.stream for b in all_batches(sender)] == [PAYMENTS, CASES, HEALTH, TELEMETRY]


@pytest.mark.sentence("S-1")
def test_tenth_batch_goes_to_the_lowest_lane_that_waits(outbox: SmallOutbox) -> None:
    for stream in (PAYMENTS, CASES, HEALTH):
        outbox.append(60, stream)
    sender = Sender(outbox, frames_in_flight=100)
    for stream in (PAYMENTS, CASES, HEALTH):  # one line a batch
        sender.take(outbox.ack(0, stream, credit=1), 0)
    streams: list[Stream] = []
    for _ in range(20):
        batch = sender.next_batch(0)
        assert batch is not None
        streams.append(batch.stream)
        sender.take(outbox.ack(batch.run.next - 1, batch.stream, credit=1), 0)
    assert [n + 1 for n, stream in enumerate(streams) if stream is HEALTH] == [10, 20]
    assert set(streams) == {PAYMENTS, HEALTH}
    assert limits.LOWEST_LANE_EVERY == 10


def test_epochs_go_one_after_the_other(outbox: SmallOutbox, sender: Sender) -> None:
    first = outbox.append(2)
    outbox.restart()
    second = outbox.append(3)
    assert [(b.epoch, lines(b)) for b in all_batches(sender)] == [
        (first.epoch, (1, 2)),
        (second.epoch, (1, 3)),
    ]


def test_line_appended_while_others_are_in_flight_follows_them(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(2)
    assert lines(sender.next_batch(0)) == (1, 2)
    outbox.append(1)
    assert lines(sender.next_batch(0)) == (3, 1)


# ---- the hub's word: forward ------------------------------------------------------------------------------


def test_word_moves_the_watermark_and_frees_what_was_in_flight(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    sender.next_batch(0)
    assert sender.take(outbox.ack(5), 10) is Verdict.GO_ON
    assert outbox.view().acked == 5
    assert sender.deadline_ms() is None
    assert sender.next_batch(10) is None


def test_word_beyond_the_cursor_goes_on_from_there(outbox: SmallOutbox, sender: Sender) -> None:
    """The hub holds more than this life of the sender has sent: frames of an earlier session arrived late."""
    outbox.append(6)
    sender.take(outbox.ack(0, credit=2), 0)
    assert lines(sender.next_batch(0)) == (1, 2)
    sender.take(outbox.ack(4), 0)
    assert lines(sender.next_batch(0)) == (5, 2)


@pytest.mark.sentence("A-3")
def test_word_about_an_epoch_completes_the_older_ones(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(2)
    outbox.restart()
    outbox.append(3)
    all_batches(sender)
    sender.take(outbox.ack(1), 0)
    assert [v.acked for v in outbox.epochs(PAYMENTS)] == [2, 1]


def test_word_that_repeats_what_is_known_writes_nothing(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(2)
    sender.take(outbox.ack(2), 0)
    before = outbox.acknowledged
    sender.take(outbox.ack(2), 0)
    assert outbox.acknowledged == before


# ---- the hub's word: backward -----------------------------------------------------------------------------


@pytest.mark.sentence("A-4")
def test_word_below_the_watermark_means_send_again_from_there(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    sender.take(outbox.ack(5), 0)
    sender.take(outbox.ack(2), 0)
    assert outbox.view().acked == 2
    assert lines(sender.next_batch(0)) == (3, 3)


@pytest.mark.sentence("A-4")
def test_word_about_an_older_epoch_means_that_later_ones_have_not_begun(
    outbox: SmallOutbox, sender: Sender
) -> None:
    outbox.append(2)
    outbox.restart()
    outbox.append(3)
    sender.take(outbox.ack(3), 0)
    sender.take(outbox.ack(1, index=0), 0)
    assert [v.acked for v in outbox.epochs(PAYMENTS)] == [1, 0]
    assert [lines(b) for b in all_batches(sender)] == [(2, 1), (1, 3)]


@pytest.mark.sentence("A-4")
def test_word_below_what_is_left_sends_from_the_oldest(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    sender.take(outbox.ack(3), 0)
    outbox.expire(0)
    outbox.append(1)
    sender.take({PAYMENTS: replace(outbox.ack(0)[PAYMENTS], head=None)}, 0)
    batch = sender.next_batch(0)
    assert lines(batch) == (4, 3)
    assert batch is not None
    assert batch.oldest == 4


@pytest.mark.sentence("A-5")
def test_word_below_an_epoch_of_which_nothing_is_left_gets_one_empty_frame(
    outbox: SmallOutbox, sender: Sender
) -> None:
    first = outbox.append(3)
    outbox.restart()
    outbox.append(2)
    sender.take(outbox.ack(2), 0)
    outbox.expire(0)
    assert outbox.view(index=0).oldest == 4
    sender.take({PAYMENTS: StreamAck(epoch=first.epoch, acked=1, head=None, credit=800)}, 0)
    empty, rest = all_batches(sender)
    assert (empty.epoch, lines(empty), empty.oldest) == (first.epoch, (4, 0), 4)
    assert rest.epoch == outbox.view().epoch


# ---- the hub's word: contradiction ------------------------------------------------------------------------


@pytest.mark.sentence("A-5")
def test_head_that_is_not_ours_is_answered_by_what_follows_it(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    sender.take(outbox.ack(2), 0)
    wrong = {PAYMENTS: replace(outbox.ack(3)[PAYMENTS], head=bytes(8))}
    assert sender.take(wrong, 0) is Verdict.GO_ON
    assert outbox.view().acked == 2
    batch = sender.next_batch(0)
    assert lines(batch) == (4, 2)
    assert batch is not None
    assert batch.run.prev == outbox.chain_at(PAYMENTS, batch.epoch, 3)


@pytest.mark.sentence("A-5")
def test_head_that_is_not_ours_at_the_last_line_is_answered_by_an_empty_frame(
    outbox: SmallOutbox, sender: Sender
) -> None:
    view = outbox.append(5)
    sender.take({PAYMENTS: replace(outbox.ack(5)[PAYMENTS], head=bytes(8))}, 0)
    assert outbox.view().acked == 0
    batch = sender.next_batch(0)
    assert lines(batch) == (6, 0)
    assert batch is not None
    assert (batch.run.prev, batch.highest) == (view.head, 5)


@pytest.mark.sentence("A-5")
def test_head_that_is_not_ours_below_the_watermark_takes_the_watermark_back(
    outbox: SmallOutbox, sender: Sender
) -> None:
    outbox.append(5)
    sender.take(outbox.ack(5), 0)
    sender.take({PAYMENTS: replace(outbox.ack(2)[PAYMENTS], head=bytes(8))}, 0)
    assert outbox.view().acked == 2
    assert lines(sender.next_batch(0)) == (3, 3)


@pytest.mark.sentence("A-5")
def test_head_that_is_null_is_not_compared(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    sender.take({PAYMENTS: replace(outbox.ack(3)[PAYMENTS], head=None)}, 0)
    assert outbox.view().acked == 3


@pytest.mark.sentence("A-5")
def test_head_where_the_own_value_is_lost_is_believed(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    del outbox.epochs_of[PAYMENTS][0].rows[3]
    del outbox.epochs_of[PAYMENTS][0].rows[4]
    assert outbox.chain_at(PAYMENTS, outbox.view().epoch, 3) is None
    sender.take({PAYMENTS: StreamAck(epoch=outbox.view().epoch, acked=3, head=bytes(8), credit=800)}, 0)
    assert outbox.view().acked == 3


@pytest.mark.sentence("A-5")
def test_head_of_telemetry_is_not_compared(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5, TELEMETRY)
    sender.take({TELEMETRY: replace(outbox.ack(3, TELEMETRY)[TELEMETRY], head=bytes(8))}, 0)
    assert outbox.view(TELEMETRY).acked == 3


# ---- the hub's word: another world ------------------------------------------------------------------------


@pytest.mark.sentence("A-6")
def test_word_about_an_unknown_epoch_asks_for_a_birth(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    unknown = {PAYMENTS: replace(outbox.ack(3)[PAYMENTS], epoch="ffffffff")}
    assert sender.take(unknown, 0) is Verdict.BIRTH
    assert outbox.view().acked == 0


@pytest.mark.sentence("A-6")
def test_word_beyond_the_last_line_asks_for_a_birth(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    beyond = {PAYMENTS: replace(outbox.ack(5)[PAYMENTS], acked=6)}
    assert sender.take(beyond, 0) is Verdict.BIRTH
    assert outbox.view().acked == 0


@pytest.mark.sentence("A-6")
def test_word_that_knows_no_newer_epoch_asks_to_tell_it_again_and_does_not_send_for_ever(
    outbox: SmallOutbox, sender: Sender
) -> None:
    """The birth that announced the epoch was lost: the hub's newest is complete, and its word never moves."""
    older = outbox.append(2)
    outbox.restart()
    outbox.append(3)
    deaf = {PAYMENTS: StreamAck(epoch=older.epoch, acked=2, head=older.head, credit=800)}
    sent = 0
    for now_ms in range(0, 4_000, 10):
        sent += len(all_batches(sender, now_ms))
        assert sender.take(deaf, now_ms) is Verdict.UPDATE
    assert sent == 3
    assert sender.deadline_ms() is not None


def test_word_about_several_streams_takes_what_it_can(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    outbox.append(5, CASES)
    unknown = {PAYMENTS: replace(outbox.ack(3)[PAYMENTS], epoch="ffffffff")}
    assert sender.take(unknown | outbox.ack(4, CASES), 0) is Verdict.BIRTH
    assert outbox.view(CASES).acked == 4


# ---- sending again ----------------------------------------------------------------------------------------


@pytest.mark.sentence("D-2")
def test_word_that_repeats_makes_the_device_send_again_once(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    sender.take(outbox.ack(2), 0)
    assert lines(sender.next_batch(0)) == (3, 3)
    sender.take(outbox.ack(2), 0)
    assert lines(sender.next_batch(0)) == (3, 3)
    sender.take(outbox.ack(2), 0)
    assert sender.next_batch(0) is None


@pytest.mark.sentence("D-2")
def test_word_that_repeats_with_nothing_in_flight_sends_nothing(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    sender.take(outbox.ack(5), 0)
    for _ in range(3):
        sender.take(outbox.ack(5), 0)
    assert sender.next_batch(0) is None


@pytest.mark.sentence("D-2")
def test_silence_makes_the_device_send_again_later_and_later_in_fewer_lines(outbox: SmallOutbox) -> None:
    outbox.append(FULL)
    sender = Sender(outbox)
    now_ms, waits, sizes = 0, [], []
    for _ in range(6):
        sizes.append(sum(lines(b)[1] for b in all_batches(sender, now_ms)[:1]))
        due_ms = sender.deadline_ms()
        assert due_ms is not None
        assert sender.check_timeouts(due_ms - 1) is Verdict.GO_ON
        waits.append(due_ms - now_ms)
        now_ms = due_ms
        sender.check_timeouts(now_ms)
    assert waits == [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]
    assert sizes == [200, 12, 1, 1, 1, 1]


@pytest.mark.sentence("D-2")
def test_silence_three_times_in_a_row_asks_for_a_birth(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    verdicts: list[Verdict] = []
    for _ in range(3):
        sender.next_batch(0)
        verdicts.append(sender.check_timeouts(sender.deadline_ms() or 0))
    assert verdicts == [Verdict.GO_ON, Verdict.GO_ON, Verdict.BIRTH]
    assert limits.RESENDS_BEFORE_BIRTH == 3


@pytest.mark.sentence("D-2")
def test_progress_begins_the_count_anew(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    for _ in range(2):
        sender.next_batch(0)
        sender.check_timeouts(sender.deadline_ms() or 0)
    sender.next_batch(100_000)
    sender.take(outbox.ack(1), 100_000)
    sender.next_batch(100_000)
    assert sender.deadline_ms() == 105_000
    assert sender.check_timeouts(105_000) is Verdict.GO_ON


def test_new_session_begins_with_nothing_in_flight(outbox: SmallOutbox, sender: Sender) -> None:
    outbox.append(5)
    all_batches(sender)
    sender.reset(0)
    assert sender.deadline_ms() is None
    assert lines(sender.next_batch(0)) == (1, 5)


# ---- keep-alives ------------------------------------------------------------------------------------------


@pytest.mark.sentence("L-10")
def test_keepalive_stands_after_the_last_line_of_the_highest_lane(
    outbox: SmallOutbox, sender: Sender
) -> None:
    outbox.append(2, TELEMETRY)
    view = outbox.append(5, CASES)
    batch = sender.keepalive()
    assert (batch.stream, batch.epoch, lines(batch)) == (CASES, view.epoch, (6, 0))
    assert (batch.run.prev, batch.highest) == (view.head, 5)


@pytest.mark.sentence("L-10")
def test_keepalive_of_a_device_without_an_epoch_names_none(sender: Sender) -> None:
    batch = sender.keepalive()
    assert (batch.stream, batch.epoch, lines(batch), batch.highest) == (PAYMENTS, "", (1, 0), 0)
