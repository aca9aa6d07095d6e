"""Legal time at the hub: what a device's clock says counts only while it is trusted."""

import pytest

from hub.db import tables
from hub.db.quarantine_repository import QuarantineRepository
from hub.db.unit_of_work import UnitOfWork
from hub.ingest.opening import Opener
from hub.ingest.release import release
from shared.model.event import Stream
from shared.model.instants import from_rfc3339
from tests.support.street import Kiosk, Street, sealing_key

CASES, PAYMENTS = Stream.CASES, Stream.PAYMENTS
MINUTE_MS, DAY_MS = 60_000, 86_400_000
TEN_YEARS_BACK = "2016-11-21T10:00:00Z"
pytestmark = pytest.mark.sentence("H-14")


@pytest.fixture
def street() -> Street:
    return Street()


@pytest.fixture
def kiosk() -> Kiosk:
    """A device whose clock is ten years back."""
    kiosk = Kiosk()
    kiosk.clock_age_s = None
    return kiosk


def requested_ms(street: Street) -> list[int]:
    """When the reports were made, in the order in which they came."""
    rows = sorted(street.rows(tables.service_request), key=lambda row: (row["received_ms"], row["event_id"]))
    return [row["requested_ms"] for row in rows]


def reported(street: Street, kiosk: Kiosk) -> int:
    """Report, with the clock as it is, and return when the newest report was made by law."""
    kiosk.report(time=TEN_YEARS_BACK)
    street.hear(kiosk.birth(kiosk.session))
    street.hear(kiosk.frame(CASES, len(kiosk.epochs[CASES][-1].lines)))
    return requested_ms(street)[-1]


def test_report_of_a_clock_ten_years_back_is_dated_by_the_welcome_of_its_boot(
    street: Street, kiosk: Kiosk
) -> None:
    street.enter(kiosk)
    welcomed_ms = street.now_ms
    kiosk.uptime_ms += MINUTE_MS
    street.now_ms += DAY_MS  # a day on the way
    assert abs(reported(street, kiosk) - (welcomed_ms + MINUTE_MS)) < 10


def test_report_before_the_welcome_of_its_boot_is_dated_back_from_it(street: Street, kiosk: Kiosk) -> None:
    kiosk.report(time=TEN_YEARS_BACK)
    kiosk.uptime_ms += MINUTE_MS
    street.enter(kiosk)
    street.hear(*kiosk.frames(CASES))
    (instant_ms,) = requested_ms(street)
    assert abs(street.now_ms - MINUTE_MS - instant_ms) < 10


def test_birth_and_report_of_one_transaction_know_of_each_other(street: Street, kiosk: Kiosk) -> None:
    street.enter(kiosk)
    kiosk.restart()
    kiosk.report(time=TEN_YEARS_BACK)
    (offer,) = street.hear(kiosk.birth())
    kiosk.session = offer.welcome.session
    street.hear(kiosk.birth(kiosk.session), *kiosk.frames(CASES))
    (instant_ms,) = requested_ms(street)
    assert abs(street.now_ms - instant_ms) < 10


def test_welcome_that_is_taken_up_late_makes_no_instant_later(street: Street, kiosk: Kiosk) -> None:
    """A broker holds the confirming birth back: its receipt says nothing of when it was sent."""
    (offer,) = street.hear(kiosk.birth())
    kiosk.session = offer.welcome.session
    welcomed_ms = street.now_ms
    street.now_ms += MINUTE_MS - 1
    street.hear(kiosk.birth(kiosk.session))
    assert abs(reported(street, kiosk) - welcomed_ms) < 10


def test_report_of_a_boot_without_a_welcome_has_the_earliest_possible_instant(
    street: Street, kiosk: Kiosk
) -> None:
    street.enter(kiosk)
    welcomed_ms = street.now_ms
    kiosk.restart()
    kiosk.report(time=TEN_YEARS_BACK)
    kiosk.report(time="2036-11-21T10:00:00Z")
    street.now_ms += 2 * DAY_MS
    kiosk.boot += 1
    street.enter(kiosk)
    street.hear(*kiosk.frames(CASES))
    assert requested_ms(street) == [welcomed_ms, welcomed_ms]


@pytest.mark.parametrize("enrolled_before_ms", [None, 3 * DAY_MS])
def test_report_before_any_welcome_is_as_old_as_the_enrolment_if_that_is_known(
    street: Street, kiosk: Kiosk, enrolled_before_ms: int | None
) -> None:
    if enrolled_before_ms is not None:
        street.registry.all_enrolled_ms = street.now_ms - enrolled_before_ms
    kiosk.report(time=TEN_YEARS_BACK)
    kiosk.boot += 1
    street.enter(kiosk)
    street.now_ms += DAY_MS
    street.hear(*kiosk.frames(CASES))
    assert requested_ms(street) == [street.now_ms - DAY_MS - (enrolled_before_ms or 0)]


def test_report_of_a_trusted_clock_has_its_own_instant(street: Street, kiosk: Kiosk) -> None:
    street.enter(kiosk)
    kiosk.clock_age_s = 86_400
    assert reported(street, kiosk) == from_rfc3339(TEN_YEARS_BACK)
    kiosk.clock_age_s = 86_401
    assert street.now_ms - reported(street, kiosk) < 10


def test_instant_that_the_report_itself_names_counts_only_with_a_trusted_clock(
    street: Street, kiosk: Kiosk
) -> None:
    data = {"reference": "7KXM-2PRT-94VW", "service_code": "aceras", "channel": "kiosk"}
    data |= {"description": "Baldosa suelta", "requested_datetime": TEN_YEARS_BACK}
    kiosk.take("incident.reported", data, CASES, time=TEN_YEARS_BACK)
    street.enter(kiosk)
    street.hear(*kiosk.frames(CASES))
    assert street.now_ms - requested_ms(street)[0] < 10


@pytest.mark.parametrize("clock_age_s", [None, 5])
def test_payment_that_is_released_was_received_when_it_came(
    street: Street, kiosk: Kiosk, clock_age_s: int | None
) -> None:
    kiosk.clock_age_s = clock_age_s
    data = {"reference": "TASA-1", "concept": "basuras", "currency": "EUR", "method": "card"}
    kiosk.take("payment.captured", data | {"amount_minor": 5}, PAYMENTS, time="2036-11-21T10:00:00Z")
    street.enter(kiosk)
    street.registry.fence("kiosk-7", "fork")
    street.hear(*kiosk.frames(PAYMENTS))
    came_ms = street.now_ms
    street.now_ms += 5 * DAY_MS
    street.registry.fenced.clear()
    uow, quarantine = UnitOfWork(street.connection), QuarantineRepository(street.connection)
    release(quarantine.waiting(), uow, quarantine, Opener([sealing_key()]), street.registry, street.now_ms)
    uow.flush()
    (entry,) = street.rows(tables.journal)
    assert abs(came_ms - entry["occurred_ms"]) < 10


@pytest.mark.parametrize("uptime_ms", [0, 2**53 - 1_000])
def test_uptime_that_lies_stops_nothing(street: Street, kiosk: Kiosk, uptime_ms: int) -> None:
    kiosk.uptime_ms = 2**53 - 1_000 - uptime_ms
    street.enter(kiosk)
    kiosk.uptime_ms = uptime_ms
    assert 0 <= reported(street, kiosk) <= street.now_ms
