"""The bundle `report-status`: how the reports stand that one device took. Pure.

    {"v":1,"reports":{"<event id>":"closed","<event id>":"open"}}

It names events by their ids, which the device has in clear, and says open or closed; no reference, which is
what a citizen looks a report up by, no word of anybody, and no reports of other devices.

Source: docs/PROTOCOL.md, W-15.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.model.errors import InputError
from shared.protocol.parsing import as_object, encode, parse_object

REPORT_STATUS: Final = "report-status"
REPORTS_MAX: Final = 100
"""Reports that a device is told of: those of which something was heard last."""
EVENT_ID_LENGTH_MAX: Final = 64


class ReportState(StrEnum):
    """GeoReport's two states."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportStatus:
    """What the bundle says.

    Attributes:
        reports: state by event id, the newest word first.
    """

    reports: Mapping[str, ReportState]

    def to_data(self) -> dict[str, object]:
        """Return the body's members."""
        return {"v": 1, "reports": {name: state.value for name, state in self.reports.items()}}

    def to_body(self) -> bytes:
        """Write the bundle's body."""
        return encode(self.to_data())

    @classmethod
    def from_body(cls, body: bytes) -> "ReportStatus":
        """Read the bundle's body.

        Raises:
            InputError: it is malformed: the device shows what it had before.
        """
        reports = as_object(parse_object(body).get("reports"), "reports")
        states = {state.value: state for state in ReportState}
        if len(reports) > REPORTS_MAX or any(len(name) > EVENT_ID_LENGTH_MAX for name in reports):
            raise InputError(f"a device is told of at most {REPORTS_MAX} reports; publish fewer")
        if not all(type(value) is str and value in states for value in reports.values()):
            raise InputError("a report is open or closed; correct the sender")
        return cls(reports={name: states[value] for name, value in reports.items()})
