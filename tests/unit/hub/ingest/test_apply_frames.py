"""Frames at the hub: one transaction, acknowledged only when it is committed."""

from dataclasses import replace

import pytest

from hub.db import tables
from shared.model.event import Stream
from tests.support.hub_database import traced
from tests.support.street import Kiosk, Street, acked

PAYMENTS, CASES, HEALTH = Stream.PAYMENTS, Stream.CASES, Stream.HEALTH


@pytest.fixture
def street() -> Street:
    return Street()


@pytest.fixture
def kiosk() -> Kiosk:
    kiosk = Kiosk()
    for _ in range(3):
        kiosk.fee()
    return kiosk


def ids(street: Street) -> list[str]:
    return [row["event_id"] for row in street.rows(tables.inbox)]


# ---- one transaction --------------------------------------------------------------------------------------


@pytest.mark.sentence("A-1")
@pytest.mark.sentence("H-1")
def test_answer_names_what_the_transaction_holds_and_nothing_is_there_without_its_commit(
    street: Street, kiosk: Kiosk
) -> None:
    street.enter(kiosk)
    assert acked(street.hear(kiosk.frame(PAYMENTS), commit=False), PAYMENTS) == 3
    assert (ids(street), street.rows(tables.journal), street.rows(tables.outgoing)) == ([], [], [])
    assert [row["watermark"] for row in street.rows(tables.device_epoch)] == [0]
    assert acked(street.hear(kiosk.frame(PAYMENTS)), PAYMENTS) == 3
    assert [len(street.rows(t)) for t in (tables.inbox, tables.journal, tables.outgoing)] == [3, 3, 3]
    assert [row["watermark"] for row in street.rows(tables.device_epoch)] == [3]


@pytest.mark.sentence("H-1")
def test_group_of_many_devices_is_one_transaction_and_few_statements(street: Street) -> None:
    names = [f"kiosk-{n}" for n in range(40)]
    street = Street(names)
    kiosks = [Kiosk(name) for name in names]
    for kiosk in kiosks:
        kiosk.fee()
        kiosk.report()
        street.enter(kiosk)
    with traced(street.connection) as statements:
        said = street.hear(*(frame for kiosk in kiosks for frame in kiosk.frames()))
    reads = [statement for statement in statements if statement.startswith("SELECT")]
    assert 0 < len(reads) < 20
    assert sorted(each.device for each in said) == sorted(names)
    assert len(street.rows(tables.inbox)) == 80


def test_answer_to_many_frames_of_a_device_is_one(street: Street, kiosk: Kiosk) -> None:
    kiosk.report()
    street.enter(kiosk)
    (said,) = street.hear(*(kiosk.frame(PAYMENTS, n, n) for n in (1, 2, 3)), *kiosk.frames(CASES))
    assert {stream: s.acked for stream, s in said.ack.streams.items()} == {PAYMENTS: 3, CASES: 1}
    assert said.ack.streams[PAYMENTS].head == kiosk.epochs[PAYMENTS][0].head()


@pytest.mark.sentence("H-2")
def test_frame_sent_again_is_skipped_and_answered(street: Street, kiosk: Kiosk) -> None:
    street.enter(kiosk)
    first = street.hear(kiosk.frame(PAYMENTS))[0].ack
    again = street.hear(kiosk.frame(PAYMENTS), kiosk.frame(PAYMENTS, 2, 3))[0].ack
    assert len(ids(street)) == len(street.rows(tables.journal)) == 3
    assert again.streams == first.streams
    assert again.n > first.n


@pytest.mark.sentence("H-2")
def test_frame_beyond_a_hole_is_answered_with_what_there_is(street: Street, kiosk: Kiosk) -> None:
    street.enter(kiosk)
    assert acked(street.hear(kiosk.frame(PAYMENTS, 2)), PAYMENTS) == 0
    assert ids(street) == []


@pytest.mark.sentence("A-3")
@pytest.mark.sentence("H-5")
def test_answer_names_the_oldest_epoch_that_is_not_complete(street: Street, kiosk: Kiosk) -> None:
    first = kiosk.epochs[PAYMENTS][0]
    kiosk.restart()
    kiosk.fee()
    second = kiosk.epochs[PAYMENTS][1]
    street.enter(kiosk)
    said = street.hear(kiosk.frame(PAYMENTS, of=second), kiosk.frame(PAYMENTS, 1, 2, of=first))
    assert (said[0].ack.streams[PAYMENTS].epoch, acked(said, PAYMENTS)) == (first.epoch, 2)
    said = street.hear(*kiosk.frames(PAYMENTS))
    assert (said[0].ack.streams[PAYMENTS].epoch, acked(said, PAYMENTS)) == (second.epoch, 1)


@pytest.mark.sentence("A-4")
@pytest.mark.sentence("H-2")
def test_database_that_was_restored_acknowledges_less_and_takes_it_again_once(kiosk: Kiosk) -> None:
    before, after = Street(), Street()
    for street in (before, after):
        street.enter(kiosk)
        street.hear(kiosk.frame(PAYMENTS, 1, 2))
    before.hear(kiosk.frame(PAYMENTS, 3, 3))
    after.registry = before.registry
    after.restart()
    ack = after.enter(kiosk)
    assert ack.streams[PAYMENTS].acked == 2
    assert acked(after.hear(*kiosk.frames(PAYMENTS)), PAYMENTS) == 3
    assert ids(after) == ids(before)


# ---- sessions ---------------------------------------------------------------------------------------------


@pytest.mark.sentence("B-5")
def test_frame_of_an_unknown_session_asks_for_a_birth_once_a_second(street: Street, kiosk: Kiosk) -> None:
    street.enter(kiosk)
    street.restart()
    (said,) = street.hear(kiosk.frame(PAYMENTS), kiosk.frame(PAYMENTS))
    assert said.welcome.nonce == kiosk.session
    street.now_ms += 999
    assert street.hear(kiosk.frame(PAYMENTS)) == []
    street.now_ms += 1
    assert len(street.hear(kiosk.frame(PAYMENTS))) == 1
    assert ids(street) == []


@pytest.mark.sentence("B-5")
def test_frame_of_another_session_is_dropped(street: Street, kiosk: Kiosk) -> None:
    street.enter(kiosk)
    late = kiosk.frame(PAYMENTS)
    street.enter(kiosk)
    assert street.hear(late) == []
    assert ids(street) == []
    assert street.ingest.refused == {"other_session": 1}


def test_frame_of_a_stream_that_is_not_stored_is_dropped(street: Street, kiosk: Kiosk) -> None:
    street.enter(kiosk)
    assert street.hear(kiosk.frame(Stream.LOG, of=kiosk.epochs[PAYMENTS][0])) == []
    assert ids(street) == []


def test_session_begun_in_a_group_counts_from_there_on(street: Street, kiosk: Kiosk) -> None:
    """Birth and frames may come in one transaction: what follows the birth is in its session."""
    (offer,) = street.hear(kiosk.birth())
    kiosk.session = offer.welcome.session
    (said,) = street.hear(kiosk.birth(kiosk.session), kiosk.frame(PAYMENTS))
    assert said.ack.streams[PAYMENTS].acked == 3


@pytest.mark.sentence("A-1")
def test_session_whose_transaction_failed_is_forgotten(street: Street, kiosk: Kiosk) -> None:
    (offer,) = street.hear(kiosk.birth())
    kiosk.session = offer.welcome.session
    street.hear(kiosk.birth(kiosk.session), commit=False)
    street.ingest.forget([kiosk.name])
    (said,) = street.hear(kiosk.frame(PAYMENTS))
    assert said.welcome.nonce == kiosk.session
    assert street.enter(kiosk).streams[PAYMENTS].acked == 0
    assert acked(street.hear(kiosk.frame(PAYMENTS)), PAYMENTS) == 3


# ---- keep-alive, credit, fence ----------------------------------------------------------------------------


@pytest.mark.sentence("L-10")
@pytest.mark.sentence("A-9")
def test_frame_without_lines_is_answered_with_every_lane_and_its_credit(street: Street, kiosk: Kiosk) -> None:
    kiosk.report()
    kiosk.state()
    street.enter(kiosk)
    street.ingest.credit_lines = 17
    (said,) = street.hear(kiosk.frame(PAYMENTS, 4))
    assert {stream: s.credit for stream, s in said.ack.streams.items()} == dict.fromkeys(
        (PAYMENTS, CASES, HEALTH), 17
    )


@pytest.mark.sentence("L-10")
def test_frame_of_a_device_without_an_epoch_keeps_its_session_alive(street: Street) -> None:
    kiosk = Kiosk()
    street.enter(kiosk)
    kiosk.fee()
    (said,) = street.hear(kiosk.frame(PAYMENTS, 1, 0, epoch="", highest=0, prev=bytes(8), contexts={}))
    assert said.ack.streams == {}
    assert said.ack.session == kiosk.session


@pytest.mark.sentence("A-8")
def test_answer_says_whether_the_device_is_fenced(street: Street, kiosk: Kiosk) -> None:
    assert not street.enter(kiosk).fenced
    street.registry.fence(kiosk.name, "fork")
    assert street.hear(kiosk.frame(PAYMENTS))[0].ack.fenced


# ---- contradictions on real rows --------------------------------------------------------------------------


@pytest.mark.sentence("H-8")
@pytest.mark.sentence("H-9")
def test_chain_that_differs_is_decided_by_ids_and_was_a_flipped_bit(street: Street, kiosk: Kiosk) -> None:
    street.enter(kiosk)
    street.hear(kiosk.frame(PAYMENTS, 1, 2))
    (said,) = street.hear(kiosk.frame(PAYMENTS, 3, prev=bytes(8)))
    assert (said.ack.streams[PAYMENTS].acked, said.ack.streams[PAYMENTS].head) == (0, None)
    (said,) = street.hear(kiosk.frame(PAYMENTS))
    assert (said.ack.streams[PAYMENTS].acked, said.ack.streams[PAYMENTS].head) == (
        3,
        kiosk.epochs[PAYMENTS][0].head(),
    )
    assert len(ids(street)) == 3
    assert (street.rows(tables.loss_record), street.registry.fenced) == ([], {})


@pytest.mark.sentence("H-10")
def test_clone_with_other_events_under_the_same_numbers_is_fenced_and_every_event_is_there(
    street: Street, kiosk: Kiosk
) -> None:
    street.enter(kiosk)
    street.hear(kiosk.frame(PAYMENTS))
    clone = Kiosk(seed=100)
    clone.epochs[PAYMENTS] = [replace(kiosk.epochs[PAYMENTS][0], lines=kiosk.epochs[PAYMENTS][0].lines[:1])]
    clone.fee()
    clone.fee()
    street.enter(clone)
    street.hear(clone.frame(PAYMENTS))
    assert street.registry.fenced == {"kiosk-7": "fork"}
    assert [row["kind"] for row in street.rows(tables.exception)] == ["clock_of_births", "fork"]
    assert len(ids(street)) == 5
    (loss,) = street.rows(tables.loss_record)
    assert (loss["reason"], loss["possibly_more"]) == ("fork", True)


@pytest.mark.sentence("H-10")
def test_fence_whose_transaction_failed_is_told_to_a_clerk_when_the_lines_come_again(
    street: Street, kiosk: Kiosk
) -> None:
    """The registry cannot be rolled back, so the device is fenced before anybody was told."""
    street.enter(kiosk)
    street.hear(kiosk.frame(PAYMENTS))
    clone = Kiosk(seed=100)
    clone.epochs[PAYMENTS] = [replace(kiosk.epochs[PAYMENTS][0], lines=kiosk.epochs[PAYMENTS][0].lines[:1])]
    clone.fee()
    clone.fee()
    street.enter(clone)
    street.hear(clone.frame(PAYMENTS), commit=False)
    assert street.registry.fenced == {"kiosk-7": "fork"}
    street.hear(clone.frame(PAYMENTS))
    street.enter(clone)
    assert [row["kind"] for row in street.rows(tables.exception)].count("fork") == 1
    assert [row["reason"] for row in street.rows(tables.loss_record)] == ["fork"]


def test_frame_whose_gap_cannot_be_read_is_told_and_keeps_what_came_before(
    street: Street, kiosk: Kiosk
) -> None:
    street.enter(kiosk)
    lines = (kiosk.epochs[PAYMENTS][0].lines[0], b'{"seq":2,"gap_to":1}')
    assert acked(street.hear(kiosk.frame(PAYMENTS, lines=lines)), PAYMENTS) == 1
    assert [row["kind"] for row in street.rows(tables.exception)] == ["malformed"]


def test_number_beyond_every_row_is_looked_up_and_no_more(street: Street, kiosk: Kiosk) -> None:
    street.enter(kiosk)
    line = kiosk.epochs[PAYMENTS][0].lines[0].replace(b'"seq":1', b'"seq":9999999999999999')
    assert acked(street.hear(kiosk.frame(PAYMENTS, lines=(line,))), PAYMENTS) == 1
    assert [row["type"] for row in street.rows(tables.quarantine)] == ["malformed"]
