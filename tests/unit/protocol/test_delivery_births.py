"""What a birth teaches: epochs open, close and open again; an update only ever adds."""

from copy import deepcopy

import pytest

from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.birth import ListedEpoch
from shared.protocol.delivery import LossReason
from tests.support.delivery import Memory, Past

PAST = Past().then("a", 6)
LATER = Past(epoch="0000000b").then("b", 3)
NEWEST = Past(epoch="0000000c").then("c", 2)
EVERYTHING = ["a1", "a2", "a3", "a4", "a5", "a6", "b1", "b2", "b3"]


def hub_that_holds(*pasts: Past) -> Memory:
    hub = Memory()
    hub.confirm(*pasts)
    hub.take(*(past.frame() for past in pasts))
    return hub


# ---- a confirmed birth ------------------------------------------------------------------------------------


@pytest.mark.sentence("B-3")
def test_birth_that_is_confirmed_teaches_epochs_in_their_order() -> None:
    hub = Memory()
    hub.confirm(PAST, LATER)
    assert [(e.epoch, e.position, e.last, e.heard) for e in hub.known.values()] == [
        (PAST.epoch, 0, 6, 6),
        (LATER.epoch, 1, 3, 3),
    ]
    assert hub.acked() == (PAST.epoch, 0, PAST.head(0))


def test_epoch_that_is_new_and_empty_is_nothing_to_wonder_about() -> None:
    hub = Memory()
    hub.confirm(PAST.until(0))
    assert (hub.of(PAST).last, hub.of(PAST).heard, hub.of(PAST).reopened) == (0, 0, False)
    hub.update(PAST.until(0), LATER.until(0))
    assert (hub.of(LATER).last, hub.of(LATER).heard, hub.of(LATER).reopened) == (0, 0, False)
    assert (hub.sink.losses, hub.sink.fences) == ([], [])


def test_hub_that_was_restored_acknowledges_less_and_takes_it_again() -> None:
    hub = Memory()
    hub.confirm(PAST, LATER)
    hub.take(PAST.frame(1, 4))
    backup = deepcopy(hub.known)
    hub.take(PAST.frame(5, 6), LATER.frame())
    hub.known = backup
    hub.confirm(PAST, LATER)
    assert hub.acked() == (PAST.epoch, 4, PAST.head(4))
    hub.take(PAST.frame(5, 6), LATER.frame())
    assert hub.sink.events == EVERYTHING
    assert (hub.sink.losses, hub.sink.fences) == ([], [])


def test_stream_that_is_not_known_stands_nowhere() -> None:
    hub = Memory()
    hub.confirm()
    with pytest.raises(AssertionError):
        hub.acked()


# ---- closing ----------------------------------------------------------------------------------------------


@pytest.mark.sentence("H-12")
def test_epoch_that_is_listed_no_more_and_complete_is_closed_without_a_word() -> None:
    hub = hub_that_holds(PAST, LATER)
    hub.confirm(LATER)
    assert hub.of(PAST).closed
    assert hub.sink.losses == []
    assert hub.acked()[0] == LATER.epoch


@pytest.mark.sentence("H-12")
def test_epoch_that_is_listed_no_more_and_not_complete_is_a_loss_record() -> None:
    hub = Memory()
    hub.confirm(PAST)
    hub.take(PAST.frame(1, 4))
    hub.confirm(LATER)
    assert hub.of(PAST).closed
    assert hub.sink.losses == [(5, 6, LossReason.GONE, True)]
    hub.take(LATER.frame())
    assert hub.acked() == (LATER.epoch, 3, LATER.head())


@pytest.mark.sentence("H-12")
def test_open_epoch_that_is_listed_no_more_may_have_had_more() -> None:
    hub = hub_that_holds(PAST)
    hub.confirm(LATER)
    assert hub.sink.losses == [(7, 6, LossReason.GONE, True)]


@pytest.mark.sentence("H-12")
def test_disk_that_is_empty_closes_everything_once() -> None:
    hub = Memory()
    hub.confirm(PAST, LATER)
    hub.take(PAST.frame(), LATER.frame(1, 1))
    hub.confirm()
    hub.confirm()
    assert hub.sink.losses == [(2, 3, LossReason.GONE, True)]


@pytest.mark.sentence("H-12")
def test_epoch_of_a_fenced_device_is_not_closed_until_it_is_released() -> None:
    hub = Memory()
    hub.confirm(PAST)
    hub.take(PAST.frame(1, 4))
    hub.sink.fenced = True
    hub.confirm(LATER)
    assert not hub.of(PAST).closed
    assert hub.sink.losses == []
    hub.sink.fenced = False
    hub.confirm(LATER)
    assert hub.of(PAST).closed
    assert hub.sink.losses == [(5, 6, LossReason.GONE, True)]


@pytest.mark.sentence("H-12")
def test_fenced_device_that_names_ever_new_epochs_keeps_only_so_many_in_doubt() -> None:
    """Each birth lists others and drops those before: what the hub must remember of them is bounded."""
    hub = Memory()
    hub.sink.fenced = True
    per_birth = limits.EPOCHS_LISTED_MAX
    for birth in range(4):
        names = (f"{birth:04x}{n:04x}" for n in range(per_birth))
        hub.confirm(*(ListedEpoch(epoch=name, oldest=1, last=3, head=bytes(8)) for name in names))
    doubtful = [each for each in hub.known.values() if not each.closed and each.position < 0]
    assert len(doubtful) == 2 * per_birth
    assert len(hub.sink.losses) == per_birth
    assert {loss[2] for loss in hub.sink.losses} == {LossReason.GONE}


def test_epoch_of_a_fenced_device_that_was_complete_is_closed_without_a_word() -> None:
    hub = hub_that_holds(PAST, LATER)
    hub.sink.fenced = True
    hub.confirm(LATER)
    assert hub.of(PAST).closed


@pytest.mark.parametrize("last", [1, 6])
def test_epoch_held_open_by_a_fence_and_complete_by_now_is_closed_without_a_word(last: int) -> None:
    hub = hub_that_holds(PAST.until(last))
    hub.sink.fenced = True
    hub.confirm(LATER)
    assert not hub.of(PAST).closed
    hub.sink.fenced = False
    hub.confirm(LATER)
    assert hub.of(PAST).closed
    assert hub.sink.losses == []


# ---- opening again ----------------------------------------------------------------------------------------


@pytest.mark.sentence("H-12")
def test_epoch_that_is_listed_again_is_open_again_and_its_lines_are_taken() -> None:
    hub = Memory()
    hub.confirm(PAST)
    hub.take(PAST.frame(1, 4))
    hub.confirm(LATER)
    hub.confirm(PAST, LATER)
    assert not hub.of(PAST).closed
    assert hub.of(PAST).reopened
    assert hub.acked() == (PAST.epoch, 4, PAST.head(4))
    hub.take(PAST.frame(5, 6), LATER.frame())
    assert hub.sink.events == EVERYTHING


def test_epoch_that_is_listed_no_more_takes_no_frame() -> None:
    hub = Memory()
    hub.confirm(PAST)
    hub.confirm(LATER)
    hub.take(PAST.frame())
    assert hub.sink.events == []


# ---- an update within the session -------------------------------------------------------------------------


@pytest.mark.sentence("B-4")
def test_update_adds_epochs_after_the_ones_that_are_known() -> None:
    hub = hub_that_holds(PAST)
    hub.update(PAST, LATER)
    hub.update(PAST, LATER, NEWEST)
    assert [hub.of(p).position for p in (PAST, LATER, NEWEST)] == [0, 1, 2]
    hub.take(LATER.frame(), NEWEST.frame())
    assert hub.sink.events == [*EVERYTHING, "c1", "c2"]


@pytest.mark.sentence("B-4")
def test_update_tells_of_the_very_first_epoch() -> None:
    hub = Memory()
    hub.confirm()
    hub.update(PAST)
    hub.take(PAST.frame())
    assert hub.acked() == (PAST.epoch, 6, PAST.head())


@pytest.mark.sentence("B-4")
def test_update_raises_last_and_never_lowers_it() -> None:
    hub = Memory()
    hub.confirm(PAST.until(4))
    hub.update(PAST)
    assert (hub.of(PAST).last, hub.of(PAST).heard) == (6, 6)
    hub.update(PAST.until(2))
    assert (hub.of(PAST).last, hub.of(PAST).heard) == (6, 6)


@pytest.mark.sentence("B-4")
def test_update_that_lists_less_closes_loses_and_fences_nothing() -> None:
    hub = hub_that_holds(PAST, LATER)
    before = deepcopy(hub.known)
    hub.update()
    hub.update(PAST.until(1))
    hub.update(ListedEpoch(epoch=PAST.epoch, oldest=7, last=6, head=bytes(8)))
    assert hub.known == before
    assert (hub.sink.losses, hub.sink.fences) == ([], [])


@pytest.mark.sentence("B-4")
def test_update_that_is_late_does_not_bring_an_epoch_back() -> None:
    hub = hub_that_holds(PAST, LATER)
    hub.confirm(LATER)
    hub.update(PAST, LATER)
    assert hub.of(PAST).closed
    assert hub.of(PAST).position == -1
    assert hub.acked()[0] == LATER.epoch


@pytest.mark.sentence("B-4")
def test_device_that_names_ever_new_epochs_in_updates_is_heard_no_further() -> None:
    hub = hub_that_holds(PAST)
    names = [f"{number:08x}" for number in range(100, 100 + 3 * limits.EPOCHS_LISTED_MAX)]
    hub.update(*(ListedEpoch(epoch=name, oldest=1, last=3, head=bytes(8)) for name in names))
    assert len(hub.known) == 2 * limits.EPOCHS_LISTED_MAX + 1
    hub.update(*(ListedEpoch(epoch=name, oldest=1, last=4, head=bytes(8)) for name in names))
    assert {hub.known[name].last for name in names if name in hub.known} == {4}


def test_update_remembers_what_a_new_epoch_still_has() -> None:
    hub = hub_that_holds(PAST)
    hub.update(PAST, LATER.listed(oldest=3))
    assert hub.of(LATER).oldest == 3
    assert hub.of(LATER).stream is Stream.PAYMENTS
