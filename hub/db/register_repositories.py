"""The registers of reports, of responses to notices, of devices' own words, and of cases for a clerk.

They implement the domain's ports for one transaction: what was asked for is remembered, what is added is seen
at once, and `flush` writes it.
"""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from hub.db.statements import Lookup, Row, insert_sql, upsert_sql, write_many
from hub.db.tables import device_counters, device_state, exception, notice_response, service_request
from hub.db.tap_tables import terminal_day
from hub.domain.notices.ports import Response
from hub.domain.service_requests.ports import ServiceRequest
from shared.model.day_count import TapsCounted
from shared.model.health import DeviceCounters, DeviceState

EventName = tuple[str, str]
"""Device and event id."""


class ServiceRequestRepository:
    """The register of reports."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sources: dict[str, EventName | None] = {}
        self._references: dict[str, str | None] = {}
        self._rows: list[Row] = []

    def prefetch(self, references: Sequence[str]) -> None:
        """Reads the reports under these references in one go."""
        wanted = [reference for reference in references if reference not in self._sources]
        if not wanted:
            return
        self._sources.update(dict.fromkeys(wanted))
        for reference, device, event_id in _REPORTS.rows(self._connection, wanted):
            self._sources[reference] = (device, event_id)

    def prefetch_public(self, codes: Sequence[str]) -> None:
        """Reads the reports under these public codes in one go."""
        wanted = [code for code in codes if code not in self._references]
        if not wanted:
            return
        self._references.update(dict.fromkeys(wanted))
        for event_id, reference in _PUBLIC.rows(self._connection, wanted):
            self._references[event_id] = reference

    def reference_of(self, public_code: str) -> str | None:
        """The reference of the report under a public code, the id of its event; None where there is none."""
        self.prefetch_public([public_code])
        return self._references[public_code]

    def source_of(self, reference: str) -> EventName | None:
        """Device and event id of the report under a reference, if there is one."""
        self.prefetch([reference])
        return self._sources[reference]

    def add(self, request: ServiceRequest) -> None:
        """Adds a report under a reference that is free."""
        self._sources[request.reference] = (request.device, request.event_id)
        self._references[request.event_id] = request.reference
        self._rows.append(
            (
                request.reference,
                request.device,
                request.event_id,
                request.service_code,
                request.description,
                request.lat,
                request.long,
                request.address,
                request.channel,
                None if request.contact is None else json.dumps(request.contact.to_data()),
                request.status.value,
                request.requested_ms,
                request.received_ms,
                None,
            )
        )

    def flush(self) -> None:
        """Writes what was added."""
        write_many(self._connection, insert_sql(self._connection, service_request), self._rows)


class NoticeResponseRepository:
    """The register of responses to notices."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[EventName, bool] = {}
        self._rows: list[Row] = []

    def prefetch(self, events: Sequence[EventName]) -> None:
        """Reads the responses of these events in one go."""
        wanted = [event for event in events if event not in self._known]
        if not wanted:
            return
        self._known.update(dict.fromkeys(wanted, False))
        found = _RESPONSES.rows(self._connection, wanted)
        self._known.update(((device, event_id), True) for device, event_id in found)

    def has(self, device: str, event_id: str) -> bool:
        """Whether the event's response is in the register."""
        self.prefetch([(device, event_id)])
        return self._known[device, event_id]

    def add(self, response: Response) -> None:
        """Adds a response."""
        self._known[response.device, response.event_id] = True
        self._rows.append(
            (
                response.device,
                response.event_id,
                response.kind.value,
                response.notice,
                response.version,
                response.channel,
                response.subject,
                response.occurred_ms,
                response.received_ms,
            )
        )

    def flush(self) -> None:
        """Writes what was added."""
        statement = insert_sql(self._connection, notice_response, leave_out="id")
        write_many(self._connection, statement, self._rows)


class DeviceBoard:
    """The newest word of every device on itself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._states: dict[tuple[str, str], Row] = {}
        self._counters: dict[str, Row] = {}
        self._days: dict[tuple[str, str, str], Row] = {}

    def put_state(self, device: str, state: DeviceState, time_ms: int, now_ms: int) -> None:
        """Replaces the state of a part."""
        row = (device, state.key, state.state.value, state.detail, time_ms, now_ms)
        self._states[device, state.key] = row

    def put_counters(self, device: str, counters: DeviceCounters, time_ms: int, now_ms: int) -> None:
        """Replaces a device's counters."""
        self._counters[device] = (device, json.dumps(counters.to_data()), time_ms, now_ms)

    def put_day(self, device: str, counted: TapsCounted, now_ms: int) -> None:
        """Replaces what a terminal counted on a day."""
        key = (device, counted.day, counted.amount.currency)
        row = (counted.taps, counted.amount.amount_minor, counted.since_ms, now_ms)
        self._days[key] = (*key, *row)

    def flush(self) -> None:
        """Writes the newest of each, in one order."""
        connection = self._connection
        write_many(connection, upsert_sql(connection, device_state), sorted(self._states.values()))
        write_many(connection, upsert_sql(connection, device_counters), sorted(self._counters.values()))
        write_many(connection, upsert_sql(connection, terminal_day), sorted(self._days.values()))
        self._days.clear()
        self._states.clear()
        self._counters.clear()


class ExceptionRepository:
    """What a clerk must look at."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Row] = []

    def open(self, kind: str, device: str | None, detail: Mapping[str, object], now_ms: int) -> None:
        """Notes a case; the detail carries pseudonyms and numbers alone, no words of a citizen."""
        self._rows.append((str(kind), device, json.dumps(detail), now_ms, None))

    def is_open(self, kind: str, device: str) -> bool:
        """Whether a case of this kind about a device is noted and not resolved."""
        if any(row[:2] == (kind, device) for row in self._rows):
            return True
        open_one = select(exception.c.id).where(
            exception.c.kind == kind, exception.c.device == device, exception.c.resolved_ms.is_(None)
        )
        return self._connection.execute(open_one.limit(1)).first() is not None

    def flush(self) -> None:
        """Writes what was noted."""
        statement = insert_sql(self._connection, exception, leave_out="id")
        write_many(self._connection, statement, self._rows)


_REPORTS = Lookup(
    select(service_request.c.reference, service_request.c.device, service_request.c.event_id),
    (service_request.c.reference,),
)
_PUBLIC = Lookup(
    select(service_request.c.event_id, service_request.c.reference), (service_request.c.event_id,)
)
_RESPONSES = Lookup(
    select(notice_response.c.device, notice_response.c.event_id),
    (notice_response.c.device, notice_response.c.event_id),
)
