"""How a face learns how the reports stand that were taken at it."""

from shared.edge.bundle_shelf import Held
from shared.edge.contents import Contents
from shared.protocol.bundle import Notice
from shared.protocol.report_status import REPORT_STATUS, ReportState, ReportStatus
from shared.protocol.versions import Version

EXPIRES_MS = 1_000
HELD = Held(
    notice=Notice(name=REPORT_STATUS, version=Version(1, 1), sha256=bytes(32), size=1, expires_ms=EXPIRES_MS),
    taken_ms=0,
)


def test_what_was_told_last_is_shown_until_it_has_expired() -> None:
    now = [0]
    contents = Contents(lambda: now[0])
    assert contents.reports() == {}
    for state in (ReportState.OPEN, ReportState.CLOSED):
        contents.learn(HELD, ReportStatus(reports={"a": state}))
    contents.learn(HELD, None)
    assert contents.reports() == {"a": "closed"}
    now[0] = EXPIRES_MS
    assert contents.reports() == {}
