"""What a device is told of the reports that it took: ids and states, and nothing else."""

import pytest

from shared.model.errors import InputError
from shared.protocol.limits import BUNDLE_INLINE_BYTES_MAX
from shared.protocol.report_status import REPORTS_MAX, ReportState, ReportStatus


def test_what_is_written_is_read_in_its_order() -> None:
    said = ReportStatus(reports={"b": ReportState.CLOSED, "a": ReportState.OPEN})
    assert said.to_body() == b'{"v":1,"reports":{"b":"closed","a":"open"}}'
    assert list(ReportStatus.from_body(said.to_body()).reports.items()) == list(said.reports.items())


def test_as_many_reports_as_there_may_be_travel_in_the_notice() -> None:
    said = ReportStatus(reports={f"{n:036}": ReportState.CLOSED for n in range(REPORTS_MAX)})
    assert len(said.to_body()) <= BUNDLE_INLINE_BYTES_MAX


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"v":1,"reports":[]}',
        b'{"v":1,"reports":{"a":"lost"}}',
        b'{"v":1,"reports":{"a":1}}',
        b'{"v":1,"reports":{"a":["open"]}}',
        b'{"v":1,"reports":{"a":"open","a":"closed"}}',
        b'{"v":1,"reports":{"%s":"open"}}' % (b"x" * 65),
        ReportStatus(reports={str(n): ReportState.OPEN for n in range(REPORTS_MAX + 1)}).to_body(),
    ],
)
def test_body_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        ReportStatus.from_body(body)
