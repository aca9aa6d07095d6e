"""How something enters the mailbox: once for its event, whether the hub knows the report it speaks of or not.

Rules:
- What a citizen said is kept. Where it speaks of a report that nobody knows, a clerk is told, once for each
  device until the case is resolved.
- Of the ratings of a report the one that was given last counts; the others stay as history.
"""

from typing import Final, assert_never

from hub.domain.mailbox.errors import MailReferenceTakenError
from hub.domain.mailbox.ports import Cases, Entries, Entry, EntryKind
from shared.model.event import Event
from shared.model.mailbox import CallbackAsked, SuggestionMade
from shared.model.report_opinion import ReportRated, ReportSupported

UNKNOWN_REPORT: Final = "unknown_report"
"""The kind of the exception that tells of a support or a rating of a report that the hub does not have."""

Said = ReportSupported | ReportRated | SuggestionMade | CallbackAsked
"""What a citizen says besides a report."""


class Mailbox:
    """Puts what citizens say into the register."""

    def __init__(self, entries: Entries, cases: Cases) -> None:
        self._entries = entries
        self._cases = cases

    def put(self, event: Event, said: Said, report: str | None, now_ms: int) -> Entry | None:
        """Puts one thing into the mailbox.

        Args:
            event: the event.
            said: what it says.
            report: the reference of the report that it speaks of, where the hub has that report.
            now_ms: when the hub takes it.

        Returns:
            The entry, or None if this event is in the register already.

        Raises:
            MailReferenceTakenError: another event has given out the reference.
        """
        if self._entries.has(event.device, event.id):
            return None
        entry = _entry(event, said, report, now_ms)
        if entry.reference is not None and self._entries.is_taken(entry.reference):
            raise MailReferenceTakenError("something else has this reference; a clerk gives this a new one")
        self._entries.add(entry)
        is_lost = entry.about is not None and report is None
        if is_lost and not self._cases.is_open(UNKNOWN_REPORT, event.device):
            detail = {"event_id": event.id, "kind": entry.kind.value}
            self._cases.open(UNKNOWN_REPORT, event.device, detail, now_ms)
        return entry


def _entry(event: Event, said: Said, report: str | None, now_ms: int) -> Entry:
    reference = about = score = None
    match said:
        case ReportSupported():
            kind, reference, about = EntryKind.SUPPORT, said.reference, said.report
        case ReportRated():
            kind, about, score = EntryKind.RATING, said.report_reference, said.score
        case SuggestionMade():
            kind, reference = EntryKind.SUGGESTION, said.reference
        case CallbackAsked():
            kind, reference = EntryKind.CALLBACK, said.reference
        case _:
            assert_never(said)
    return Entry(
        device=event.device,
        event_id=event.id,
        kind=kind,
        reference=reference,
        about=about,
        report=report,
        score=score,
        said=said.to_data(),
        occurred_ms=min(event.time_ms, now_ms),
        received_ms=now_ms,
    )
