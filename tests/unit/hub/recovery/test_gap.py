"""Which devices cannot cover the gap that a restore leaves, and why."""

import pytest

from hub.db.copies import Examined, Lacking
from hub.domain.payments.audit import AuditReport
from hub.keys.entries import Device, DeviceState
from hub.recovery.gap import Gap, find_gap

HOUR_MS = 3_600_000
NOW_MS = 1_795_255_200_000
BOOKS = AuditReport(
    business_day=None,
    entries=0,
    postings=0,
    unbalanced=[],
    mixed=[],
    drifts=[],
    moved={},
    balances={},
    first_id=None,
    last_id=None,
    journal_hash="",
)


def device(name: str, state: DeviceState = DeviceState.ACTIVE) -> Device:
    return Device(
        id=name,
        kind="kiosk",
        site="",
        state=state,
        fence_reason=None,
        enrolled_ms=NOW_MS - 1_000 * HOUR_MS,
        links=(),
        signing=(),
        certificates=(),
    )


def gap(lacks: Lacking | None, *devices: Device, hours: int = 10) -> Gap:
    copy = Examined(
        schema="0004",
        incarnation=1,
        beat=1,
        until_ms=NOW_MS - hours * HOUR_MS,
        events=0,
        last_inbox=0,
        books=BOOKS,
    )
    return find_gap(copy, lacks, devices, NOW_MS)


def lacks(**events: int) -> Lacking:
    return Lacking(events=events, vanished={}, kept_less={}, decided=0)


def test_device_that_keeps_its_lines_covers_the_gap() -> None:
    found = gap(lacks(bus=5), device("bus"), device("kiosk"))
    assert (found.uncovered, found.events, found.hours) == ((), 5, 10)


def test_device_that_is_revoked_is_named_only_if_it_sent_something() -> None:
    revoked = device("bus", DeviceState.REVOKED)
    assert [one.device for one in gap(lacks(bus=5), revoked).uncovered] == ["bus"]
    assert gap(lacks(), revoked).uncovered == ()
    assert [one.device for one in gap(None, revoked).uncovered] == ["bus"]


def test_device_whose_disk_was_lost_is_named_with_the_number_of_events() -> None:
    found = gap(Lacking(events={"bus": 5}, vanished={"bus": 2}, kept_less={}, decided=3), device("bus"))
    assert "2 events come no more" in found.uncovered[0].why
    assert found.decided == 3


@pytest.mark.parametrize(
    ("kept", "named"), [("lines were kept for 4 h only", 1), ("lines were kept for 40 h only", 0), ("?", 1)]
)
def test_device_that_kept_less_is_named_if_the_gap_is_longer(kept: str, named: int) -> None:
    said = Lacking(events={"bus": 5}, vanished={}, kept_less={"bus": {"payments": kept}}, decided=0)
    assert len(gap(said, device("bus")).uncovered) == named


def test_gap_longer_than_the_keep_window_names_everyone_who_sent() -> None:
    found = gap(lacks(bus=5), device("bus"), device("kiosk"), hours=36 * 24)
    assert [one.device for one in found.uncovered] == ["bus"]
    assert "35 days" in found.uncovered[0].why
    assert [one.device for one in gap(None, device("bus"), hours=36 * 24).uncovered] == ["bus"]
