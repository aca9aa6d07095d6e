"""What citizens think of a report: that it is theirs too, and how it was resolved.

A report that somebody joins is named by its **public code**, the id of its event: it names the report and
lets nobody follow or rate it. A report that somebody rates is named by its reference, from the receipt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from shared.model import fields
from shared.model.ids import check_event_id, check_reference
from shared.model.service_request import CHANNEL_LENGTH_MAX, REFERENCE_LENGTH_MAX, Contact, contact_or_none

PUBLIC_CODE_LENGTH_MAX: Final = 36
SCORE_MIN: Final = 1
SCORE_MAX: Final = 5
REASON_LENGTH_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSupported:
    """Somebody has what another one reported (`report.supported`).

    Attributes:
        reference: what this citizen takes home; the report is followed with it.
        report: public code of the other one's report.
        channel: where it was said.
        contact: how to tell them what becomes of it, where they wish it.
        extra: what this version does not know.
    """

    reference: str
    report: str
    channel: str
    contact: Contact | None
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type or too long, or the code is none.
        """
        return cls(
            reference=fields.text(data, "reference", REFERENCE_LENGTH_MAX),
            report=check_event_id(fields.text(data, "report", PUBLIC_CODE_LENGTH_MAX)),
            channel=fields.text(data, "channel", CHANNEL_LENGTH_MAX),
            contact=contact_or_none(data),
            extra=fields.unknown(data, _SUPPORTED_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return {
            "reference": self.reference,
            "report": self.report,
            "channel": self.channel,
            **fields.present(contact=self.contact and self.contact.to_data()),
            **self.extra,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRated:
    """Somebody says how their report was resolved (`report.rated`).

    Attributes:
        report_reference: of the report, in its canonical form.
        score: from 1, very bad, to 5, very good.
        reason: why, where they say so.
        channel: where it was said.
        extra: what this version does not know.
    """

    report_reference: str
    score: int
    reason: str | None
    channel: str
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type, too long or out of range, or a reference is none.
        """
        return cls(
            report_reference=check_reference(fields.text(data, "report_reference", REFERENCE_LENGTH_MAX)),
            score=fields.whole(data, "score", SCORE_MIN, SCORE_MAX),
            reason=fields.text_or_none(data, "reason", REASON_LENGTH_MAX),
            channel=fields.text(data, "channel", CHANNEL_LENGTH_MAX),
            extra=fields.unknown(data, _RATED_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return {
            "report_reference": self.report_reference,
            "score": self.score,
            **fields.present(reason=self.reason),
            "channel": self.channel,
            **self.extra,
        }


_SUPPORTED_FIELDS: Final = frozenset({"reference", "report", "channel", "contact"})
_RATED_FIELDS: Final = frozenset({"report_reference", "score", "reason", "channel"})
