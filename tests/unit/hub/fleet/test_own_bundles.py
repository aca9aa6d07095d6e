"""A bundle that is one device's own: sent to it alone, until it reports it, under versions that rise."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from hub.db.tables import service_request
from hub.db.update_repository import UpdateRepository, Watched
from hub.domain.service_requests.ports import Status
from hub.domain.service_requests.updates import CoreWord, Known
from shared.protocol import limits
from shared.protocol.bundle import check_notice, decode_notice
from shared.protocol.report_status import REPORT_STATUS, REPORTS_MAX, ReportStatus
from shared.protocol.versions import Version
from tests.unit.hub.fleet.test_guiding import Office

TOPIC = f"bundle/{REPORT_STATUS}"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def hear(office: Office, number: int, status: Status = Status.CLOSED, device: str = "kiosk-1") -> None:
    """The core says something of a report."""
    reference = f"R-{number:04}"

    def job(connection: Connection) -> None:
        repository = UpdateRepository(connection)
        if not repository.has_report(reference):
            row = {
                "reference": reference,
                "device": device,
                "event_id": f"event-{number}",
                "service_code": "aceras",
                "description": "Baldosa suelta frente al portal de Marta",
                "channel": "kiosk",
                "status": "open",
                "requested_ms": office.now_ms,
                "received_ms": office.now_ms,
                "core_ref": str(number),
            }
            connection.execute(insert(service_request), row)
        known = Known(status=Status.OPEN, notes="", updates=0)
        report = Watched(
            reference=reference, core_ref=str(number), device=device, event_id=f"event-{number}", known=known
        )
        repository.add(report, CoreWord(status=status, notes="Llamar a Marta"), office.now_ms)
        office.fleet.own.tell_reports(connection, device)

    office.writer.run(job)


def told(office: Office, device: str = "kiosk-1") -> ReportStatus:
    """What the newest notice to a device says, its signature checked."""
    notice = decode_notice(dict(office.opened(device))[TOPIC])
    check_notice(notice, {next(iter(notice.sigs)): office.town.room.keys.signing.public_key()})
    assert notice.body is not None
    return ReportStatus.from_body(notice.body)


@pytest.mark.sentence("W-15")
def test_device_is_told_the_states_of_its_own_events_and_nothing_else(office: Office) -> None:
    office.connected.append("kiosk-2")
    hear(office, 1)
    hear(office, 2, device="kiosk-2")
    for device, number in (("kiosk-1", 1), ("kiosk-2", 2)):
        office.reports(device, None)
        notice = dict(office.opened(device))[TOPIC]
        body = decode_notice(notice).body
        assert body == b'{"v":1,"reports":{"event-%d":"closed"}}' % number
        assert b"Marta" not in notice


def test_newest_word_of_each_report_counts_and_the_newest_reports_are_told(office: Office) -> None:
    for number in range(REPORTS_MAX + 5):
        hear(office, number)
    hear(office, 0, Status.OPEN)
    office.reports("kiosk-1", None)
    states = told(office).reports
    assert len(states) == REPORTS_MAX
    assert next(iter(states.items())) == ("event-0", "open")
    assert "event-1" not in states
    office.now_ms += limits.KEEP_WINDOW_MS + 1
    hear(office, 7)
    office.reports("kiosk-1", None)
    assert told(office).reports == {"event-7": "closed"}


def test_device_that_has_it_is_sent_it_no_more_and_one_that_is_ahead_a_later_version(office: Office) -> None:
    hear(office, 1)
    office.reports("kiosk-1", None)
    version = decode_notice(dict(office.opened())[TOPIC]).version
    office.reports("kiosk-1", None, {REPORT_STATUS: version})
    assert TOPIC not in dict(office.opened())
    later = Version(9, 4)  # of a life that this database has forgotten
    office.life.kept = 10
    office.reports("kiosk-1", None, {REPORT_STATUS: later})
    again = decode_notice(dict(office.opened())[TOPIC])
    assert again.version > later
    assert again.body == b'{"v":1,"reports":{"event-1":"closed"}}'
