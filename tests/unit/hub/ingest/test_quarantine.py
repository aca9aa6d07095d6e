"""A line that cannot be taken blocks nothing but its own subject, and is taken in its order when it can."""

import pytest
from sqlalchemy import update

from hub.db import tables
from hub.db.quarantine_repository import QuarantineRepository, Verdict
from hub.db.unit_of_work import UnitOfWork
from hub.ingest.opening import Opener
from hub.ingest.release import Released, release
from shared.model.event import Stream
from tests.support.street import Kiosk, Street, acked, sealing_key

PAYMENTS, CASES, HEALTH, TELEMETRY = Stream.PAYMENTS, Stream.CASES, Stream.HEALTH, Stream.TELEMETRY
ID = "01930d3e-8a00-7000-8000-000000000001"


@pytest.fixture
def street() -> Street:
    return Street()


@pytest.fixture
def kiosk() -> Kiosk:
    return Kiosk()


def waiting(street: Street) -> list[tuple[int, str]]:
    """What waits: number and reason."""
    return [
        (row["seq"], row["reason"]) for row in street.rows(tables.quarantine) if row["state"] == "waiting"
    ]


def registered(street: Street) -> list[str]:
    """The descriptions of the reports that took effect, in their order."""
    return [
        row["description"]
        for row in sorted(street.rows(tables.service_request), key=lambda r: r["received_ms"])
    ]


def released(street: Street) -> Released:
    """A clerk takes everything that waits."""
    uow, quarantine = UnitOfWork(street.connection), QuarantineRepository(street.connection)
    done = release(
        quarantine.waiting(), uow, quarantine, Opener([sealing_key()]), street.registry, street.now_ms
    )
    uow.flush()
    street.connection.commit()
    return done


# ---- a bad line blocks no lane ----------------------------------------------------------------------------


@pytest.mark.sentence("H-3")
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param(b'"seq":2', b'"seq":7', "malformed", id="another number"),
        pytest.param(b'"boot"', b'"boot":1,"boot"', "malformed", id="a member twice"),
        pytest.param(b'"boot"', b'"n":NaN,"boot"', "malformed", id="NaN"),
        pytest.param(b'{"seq":2', b"\xff", "malformed", id="not UTF-8"),
        pytest.param(b"-7", b"-4", "malformed", id="an id of another version"),
        pytest.param(b'"boot":1', b'"boot":-1', "cannot be opened", id="a boot below nothing"),
        pytest.param(b'"time":"2', b'"time":"x', "cannot be opened", id="a time that is none"),
        pytest.param(b'"sealed":"', b'"sealed":"x', "cannot be opened", id="an unknown context"),
        pytest.param(b'"sealed":', b'"data":', "cannot be opened", id="not sealed"),
        pytest.param(b'A"}', b'A!"}', "cannot be opened", id="a sealed text that is none"),
    ],
)
def test_line_that_cannot_be_read_is_set_aside_with_its_reason_and_the_lane_goes_on(
    street: Street, kiosk: Kiosk, old: bytes, new: bytes, reason: str
) -> None:
    for _ in range(3):
        kiosk.fee()
    here = kiosk.epochs[PAYMENTS][0]
    if old == b'A"}':
        old, new = here.lines[1][-3:], here.lines[1][-3:-2] + b'!"}'
    bad = here.lines[1].replace(old, new, 1)
    assert bad != here.lines[1]
    here.lines[1] = bad
    street.enter(kiosk)
    assert acked(street.hear(kiosk.frame(PAYMENTS)), PAYMENTS) == 3
    ((seq, why),) = waiting(street)
    assert (seq, why.split(":")[0]) == (2, reason)
    assert [row["line"] for row in street.rows(tables.quarantine)] == [bad]
    assert len(street.rows(tables.journal)) == 2


@pytest.mark.sentence("H-3")
@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'"state":1e999', id="a number beyond every float"),
        pytest.param(b'"state":"\\ud800"', id="half of a surrogate pair"),
        pytest.param(b'"state":' + b"[" * 5000 + b"]" * 5000, id="deeper than any stack"),
        pytest.param(b'"state":' + b"9" * 5000, id="a number of 5,000 digits"),
        pytest.param(b'"state":"\\u0000"', id="NUL"),
    ],
)
def test_line_on_which_a_careless_reader_would_fall_is_set_aside_like_any_other(
    street: Street, kiosk: Kiosk, line: bytes
) -> None:
    for _ in range(3):
        kiosk.state()
    here = kiosk.epochs[HEALTH][0]
    here.lines[1] = here.lines[1].replace(b'"state":"ok"', line)
    street.enter(kiosk)
    assert acked(street.hear(kiosk.frame(HEALTH)), HEALTH) == 3
    assert [seq for seq, _ in waiting(street)] == [2]


@pytest.mark.sentence("H-3")
def test_reason_that_names_what_the_device_named_is_one_that_every_database_stores(
    street: Street, kiosk: Kiosk
) -> None:
    kiosk.take("device.counters", {"a\0b": "x"}, TELEMETRY)
    street.enter(kiosk)
    assert acked(street.hear(kiosk.frame(TELEMETRY)), TELEMETRY) == 1
    ((_, reason),) = waiting(street)
    assert reason.startswith("ab is a whole number")


@pytest.mark.sentence("H-2")
@pytest.mark.sentence("H-3")
def test_line_of_another_number_is_not_taken_in_the_place_of_this_one(street: Street, kiosk: Kiosk) -> None:
    """The line is whole and sealed for its own place: only its place in the frame is wrong."""
    for _ in range(3):
        kiosk.fee()
    street.enter(kiosk)
    lines = kiosk.epochs[PAYMENTS][0].lines
    street.hear(kiosk.frame(PAYMENTS, lines=(lines[0], lines[2])))
    assert [(seq, why.split(":")[0]) for seq, why in waiting(street)] == [(2, "malformed")]
    assert len(street.rows(tables.journal)) == 1


@pytest.mark.sentence("H-3")
def test_line_that_makes_no_sense_is_set_aside(street: Street, kiosk: Kiosk) -> None:
    kiosk.take("lottery.won", {"amount_minor": 1}, PAYMENTS)
    kiosk.fee(amount_minor=-1)
    kiosk.fee()
    street.enter(kiosk)
    assert acked(street.hear(kiosk.frame(PAYMENTS)), PAYMENTS) == 3
    (_, unknown), (_, negative) = waiting(street)
    assert "update" in unknown
    assert "amount" in negative
    assert len(street.rows(tables.journal)) == 1


@pytest.mark.sentence("H-3")
def test_line_that_is_malformed_and_sent_again_is_set_aside_once(street: Street, kiosk: Kiosk) -> None:
    kiosk.fee()
    kiosk.epochs[PAYMENTS][0].lines[0] += b"}"
    street.enter(kiosk)
    street.hear(kiosk.frame(PAYMENTS))
    street.restart()
    other = Street()
    other.connection = street.connection
    other.connection.execute(tables.device_epoch.update().values(watermark=0))
    other.enter(kiosk)
    other.hear(kiosk.frame(PAYMENTS))
    assert len(waiting(street)) == 1


# ---- the same subject waits -------------------------------------------------------------------------------


@pytest.mark.sentence("H-4")
def test_cases_of_the_same_subject_wait_behind_one_that_was_set_aside(street: Street, kiosk: Kiosk) -> None:
    kiosk.report(7, subject="ana")
    kiosk.report("second", subject="ana")
    kiosk.report("of another", subject="luis")
    kiosk.report("of nobody")
    kiosk.take("notice.shown", {"notice": "obras", "version": 1}, CASES, subject="ana")
    street.enter(kiosk)
    assert acked(street.hear(*kiosk.frames(CASES)), CASES) == 5
    assert [seq for seq, _ in waiting(street)] == [1, 2, 5]
    assert sorted(registered(street)) == ["of another", "of nobody"]
    kiosk.report("later", subject="ana")
    street.hear(kiosk.frame(CASES))
    assert [seq for seq, _ in waiting(street)] == [1, 2, 5, 6]


@pytest.mark.sentence("H-4")
def test_case_of_the_same_subject_on_another_device_does_not_wait(street: Street, kiosk: Kiosk) -> None:
    kiosk.report(7, subject="ana")
    other = Kiosk("bus-7")
    other.report("elsewhere", subject="ana")
    for each in (kiosk, other):
        street.enter(each)
        street.hear(*each.frames(CASES))
    assert registered(street) == ["elsewhere"]


@pytest.mark.sentence("H-4")
def test_money_never_waits(street: Street, kiosk: Kiosk) -> None:
    tap = {"currency": "EUR", "amount_minor": 130, "product": "sencillo"}
    kiosk.take("tap.charged", tap | {"counter": "many"}, PAYMENTS, subject="card-1")
    kiosk.take("tap.charged", tap | {"counter": 2}, PAYMENTS, subject="card-1")
    street.enter(kiosk)
    street.hear(*kiosk.frames(PAYMENTS))
    assert [seq for seq, _ in waiting(street)] == [1]
    assert len(street.rows(tables.journal)) == 1


@pytest.mark.sentence("H-4")
def test_release_goes_on_as_far_as_it_can_in_order(street: Street, kiosk: Kiosk) -> None:
    kiosk.report(7, subject="ana")
    kiosk.report("second", subject="ana")
    street.enter(kiosk)
    street.hear(*kiosk.frames(CASES))
    done = released(street)
    assert (done.taken, list(done.still.values())[1]) == (0, "an earlier event of the same subject waits")
    assert registered(street) == []


@pytest.mark.sentence("H-4")
def test_discard_frees_what_waits_behind_in_order(street: Street, kiosk: Kiosk) -> None:
    kiosk.report(7, subject="ana")
    kiosk.report("second", subject="ana")
    kiosk.report("third", subject="ana")
    street.enter(kiosk)
    street.hear(*kiosk.frames(CASES))
    quarantine = QuarantineRepository(street.connection)
    first = quarantine.waiting()[0]
    quarantine.settle([first.id], Verdict.DISCARDED)
    assert released(street).taken == 2
    assert waiting(street) == []
    assert registered(street) == ["second", "third"]
    assert [row["state"] for row in street.rows(tables.quarantine)] == ["discarded", "released", "released"]


# ---- a fenced device's money ------------------------------------------------------------------------------


@pytest.mark.sentence("H-11")
def test_money_of_a_fenced_device_is_committed_and_waits_and_everything_else_is_taken(
    street: Street, kiosk: Kiosk
) -> None:
    kiosk.fee()
    kiosk.report("as usual")
    street.registry.fence(kiosk.name, "fork")
    street.enter(kiosk)
    said = street.hear(*kiosk.frames(PAYMENTS, CASES))
    assert (acked(said, PAYMENTS), acked(said, CASES)) == (1, 1)
    assert len(street.rows(tables.inbox)) == 2
    assert waiting(street) == [(1, "the device is fenced")]
    assert street.rows(tables.journal) == []
    assert registered(street) == ["as usual"]


@pytest.mark.sentence("H-11")
def test_release_of_a_device_books_its_money_once_and_in_order(street: Street, kiosk: Kiosk) -> None:
    taps = [{"currency": "EUR", "amount_minor": 130, "product": "sencillo", "counter": n} for n in (1, 2, 3)]
    for tap in taps:
        kiosk.take("tap.charged", tap, PAYMENTS, subject="card-1")
    street.registry.fence(kiosk.name, "fork")
    street.enter(kiosk)
    street.hear(*kiosk.frames(PAYMENTS))
    street.registry.fenced.clear()
    assert released(street) == Released(3, {})
    assert released(street) == Released(0, {})
    assert [row["counter"] for row in street.rows(tables.journal)] == [1, 2, 3]
    assert len(street.rows(tables.outgoing)) == 3
    street.hear(*kiosk.frames(PAYMENTS))
    assert len(street.rows(tables.journal)) == 3


# ---- the same id ------------------------------------------------------------------------------------------


@pytest.mark.sentence("H-13")
def test_same_id_with_another_body_is_set_aside_and_told(street: Street, kiosk: Kiosk) -> None:
    kiosk.fee(100, event_id=ID)
    kiosk.fee(999, event_id=ID)
    street.enter(kiosk)
    assert acked(street.hear(*kiosk.frames(PAYMENTS)), PAYMENTS) == 2
    assert waiting(street) == [(2, "another event has this id")]
    (told,) = street.rows(tables.exception)
    assert (told["kind"], told["detail"]["event_id"]) == ("same_id_other_body", ID)
    assert len(street.rows(tables.journal)) == 1


@pytest.mark.sentence("H-13")
def test_same_id_with_another_body_is_set_aside_once_however_often_it_comes(
    street: Street, kiosk: Kiosk
) -> None:
    kiosk.fee(100, event_id=ID)
    kiosk.fee(999, event_id=ID)
    street.enter(kiosk)
    for _ in range(3):
        street.hear(*kiosk.frames(PAYMENTS))
        street.connection.execute(update(tables.device_epoch).values(by_id=True, floor=2, watermark=0))
        street.connection.commit()
    assert waiting(street) == [(2, "another event has this id")]
    assert len(street.rows(tables.exception)) == 1


@pytest.mark.sentence("H-13")
def test_same_id_with_another_body_can_still_be_opened_by_a_clerk(street: Street, kiosk: Kiosk) -> None:
    kiosk.take("device.state", {"key": "printer", "state": "ok"}, HEALTH, event_id=ID)
    kiosk.fee(999, event_id=ID)
    street.enter(kiosk)
    street.hear(*kiosk.frames(HEALTH), *kiosk.frames(PAYMENTS))
    assert len(waiting(street)) == 1
    assert released(street).taken == 1
    assert len(street.rows(tables.journal)) == 1


@pytest.mark.sentence("H-13")
def test_same_id_with_the_same_body_at_another_place_is_the_same_event(street: Street, kiosk: Kiosk) -> None:
    """After a restart an event may have been written twice: number, boot and clock differ, nothing else."""
    kiosk.fee(100, event_id=ID)
    kiosk.restart()
    kiosk.fee(100, event_id=ID)
    street.enter(kiosk)
    street.hear(*kiosk.frames(PAYMENTS))
    assert waiting(street) == []
    assert len(street.rows(tables.inbox)) == len(street.rows(tables.journal)) == 1


@pytest.mark.sentence("H-13")
def test_same_id_about_another_subject_is_another_body(street: Street, kiosk: Kiosk) -> None:
    tap = {"currency": "EUR", "amount_minor": 130, "product": "sencillo", "counter": 1}
    for card in ("card-1", "card-2"):
        kiosk.take("tap.charged", tap, PAYMENTS, subject=card, event_id=ID)
    street.enter(kiosk)
    street.hear(*kiosk.frames(PAYMENTS))
    assert waiting(street) == [(2, "another event has this id")]


def test_same_id_on_another_device_is_another_event(street: Street) -> None:
    for name in ("kiosk-7", "bus-7"):
        kiosk = Kiosk(name)
        kiosk.fee(100, event_id=ID)
        street.enter(kiosk)
        street.hear(*kiosk.frames(PAYMENTS))
    assert len(street.rows(tables.journal)) == 2


# ---- time -------------------------------------------------------------------------------------------------


@pytest.mark.sentence("H-14")
@pytest.mark.parametrize(
    ("time", "requested_ms_before_receipt"),
    [("2026-11-21T09:59:00Z", 60_000), ("2036-11-21T09:59:00Z", 0), ("2026-11-21T10:00:00.001Z", 0)],
)
def test_event_has_its_own_instant_and_never_one_after_the_hubs_receipt(
    street: Street, kiosk: Kiosk, time: str, requested_ms_before_receipt: int
) -> None:
    kiosk.report(time=time)
    street.enter(kiosk)
    street.hear(*kiosk.frames(CASES))
    (row,) = street.rows(tables.service_request)
    assert street.now_ms - row["requested_ms"] == requested_ms_before_receipt
