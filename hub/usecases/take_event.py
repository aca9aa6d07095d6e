"""What one event does to the town: its rows and its work towards the core, in the caller's transaction.

Rules:
- Every type of event has one branch. An unknown type is an `InputError`: it waits for a newer hub.
- `take` raises before it writes; only the exception that tells a clerk of a conflict is kept.
- Taking an event a second time does nothing.
- An effect's key is that of the event and what is effected: ledger and core know a payment by one key.

`gather` reads ahead for many events with a few queries; without it `take` asks for each event by itself.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, TypeGuard, assert_never

from hub.domain.devices.service import Devices
from hub.domain.mailbox.service import Mailbox, Said
from hub.domain.notices.ports import ResponseKind
from hub.domain.notices.service import Notices
from hub.domain.payments import accounts
from hub.domain.payments.booking import SETTLED, Source
from hub.domain.payments.service import Payments
from hub.domain.service_requests.service import ServiceRequests
from hub.usecases.effects import mailbox_body, notice_body, report_body, settlement_body
from hub.usecases.ports import UnitOfWork
from shared.model import ids
from shared.model.day_count import TapsCounted
from shared.model.errors import InputError
from shared.model.event import Event, EventType
from shared.model.fields import is_storable, text
from shared.model.health import DeviceCounters, DeviceState
from shared.model.instants import from_rfc3339, is_trusted
from shared.model.mailbox import CallbackAsked, SuggestionMade
from shared.model.notice import NoticeResponse
from shared.model.payment import (
    COUNTER_MAX,
    PaymentCaptured,
    PaymentReversed,
    PurseCredited,
    TapCancelled,
    TapCharged,
    TapUndecided,
)
from shared.model.report_opinion import ReportRated, ReportSupported
from shared.model.service_request import IncidentReported

PAYMENT = "payment"
REPORT = "service_request"
RESPONSE = "notice_response"
MAIL = "mailbox_entry"

SETTLEMENTS = "settlements"
OPEN311 = "open311"
NOTICES = "notices"
MAILBOX = "mailbox"

PaymentType = Literal[
    EventType.TAP_CHARGED,
    EventType.TAP_CANCELLED,
    EventType.PURSE_CREDITED,
    EventType.PAYMENT_CAPTURED,
    EventType.PAYMENT_REVERSED,
]
MailType = Literal[
    EventType.REPORT_SUPPORTED, EventType.REPORT_RATED, EventType.SUGGESTION_MADE, EventType.CALLBACK_ASKED
]
WordType = Literal[EventType.DEVICE_STATE, EventType.DEVICE_COUNTERS, EventType.TAPS_COUNTED]

SUBJECT_LENGTH_MAX = 128
ATTACHMENT_WAIT_MS = 24 * 3_600_000
"""A report waits so long for its photographs, then goes to the core without."""
KEYS_REMEMBERED = 16_384


def gather(events: Iterable[Event], uow: UnitOfWork) -> None:
    """Reads ahead what `take` will ask for; an event that is malformed is passed over.

    Args:
        events: the events of a transaction, or a part of them.
        uow: the transaction.
    """
    keys: list[str] = []
    codes = {accounts.TRANSPORT_REVENUE, accounts.CARD_CLEARING}
    counters: list[tuple[str, int]] = []
    references: list[str] = []
    responses: list[tuple[str, str]] = []
    mail: list[tuple[str, str]] = []
    mailed: list[str] = []
    codes_of_reports: list[str] = []
    for event in events:
        match event.type:
            case EventType.TAP_CHARGED | EventType.TAP_CANCELLED | EventType.PURSE_CREDITED:
                counter = event.data.get("counter")
                keys.append(_key(event, PAYMENT))
                if event.subject is not None and _is_asked(event.subject) and _is_counter(counter):
                    codes.add(accounts.purse(event.subject))
                    counters.append((event.subject, counter))
            case EventType.PAYMENT_CAPTURED | EventType.PAYMENT_REVERSED:
                keys.append(_key(event, PAYMENT))
            case EventType.INCIDENT_REPORTED:
                reference = event.data.get("reference")
                if _is_asked(reference):
                    references.append(reference)
            case EventType.NOTICE_SHOWN | EventType.NOTICE_SUBSCRIBED | EventType.NOTICE_CONSENTED:
                responses.append((event.device, event.id))
            case (
                EventType.REPORT_SUPPORTED
                | EventType.REPORT_RATED
                | EventType.SUGGESTION_MADE
                | EventType.CALLBACK_ASKED
            ):
                mail.append((event.device, event.id))
                mailed += filter(_is_asked, [event.data.get("reference")])
                references += filter(_is_asked, [event.data.get("report_reference")])
                codes_of_reports += filter(_is_asked, [event.data.get("report")])
            case _:
                pass
    uow.ledger.prefetch(keys, sorted(codes) if keys else (), counters)
    uow.service_requests.prefetch(references)
    uow.service_requests.prefetch_public(codes_of_reports)
    uow.mailbox.prefetch(mail, mailed)
    uow.notice_responses.prefetch(responses)


def _is_asked(value: object) -> TypeGuard[str]:
    """Whether a database can be asked for a text: `take` refuses any other, and none may stop the group."""
    return type(value) is str and len(value) <= SUBJECT_LENGTH_MAX and is_storable(value)


def _is_counter(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= COUNTER_MAX


def take(event: Event, uow: UnitOfWork, now_ms: int) -> None:
    """Takes one event.

    Args:
        event: authenticated and opened.
        uow: the transaction.
        now_ms: the hub's clock.

    Raises:
        InputError: the type is unknown, the data is malformed or contradicts what is there; to quarantine.
    """
    try:
        kind = EventType(event.type)
    except ValueError:
        raise InputError(
            "this hub does not know this type of event; update it, then release the event"
        ) from None
    if event.subject is not None:
        text({"subject": event.subject}, "subject", SUBJECT_LENGTH_MAX)
    match kind:
        case (
            EventType.TAP_CHARGED
            | EventType.TAP_CANCELLED
            | EventType.PURSE_CREDITED
            | EventType.PAYMENT_CAPTURED
            | EventType.PAYMENT_REVERSED
        ):
            _take_payment(event, kind, uow, now_ms)
        case EventType.INCIDENT_REPORTED:
            _take_report(event, uow, now_ms)
        case (
            EventType.REPORT_SUPPORTED
            | EventType.REPORT_RATED
            | EventType.SUGGESTION_MADE
            | EventType.CALLBACK_ASKED
        ):
            _take_mail(event, kind, uow, now_ms)
        case EventType.NOTICE_SHOWN | EventType.NOTICE_SUBSCRIBED | EventType.NOTICE_CONSENTED:
            _take_response(event, ResponseKind(kind.removeprefix("notice.")), uow, now_ms)
        case EventType.TAP_UNDECIDED:
            # No money moves. Whether it happened is found out behind the inbox (`hub.jobs.tap_seals`).
            TapUndecided.from_data(event.data)
        case EventType.DEVICE_STATE | EventType.DEVICE_COUNTERS | EventType.TAPS_COUNTED:
            _note(event, kind, uow, now_ms)
        case _:
            assert_never(kind)


def _note(event: Event, kind: WordType, uow: UnitOfWork, now_ms: int) -> None:
    """Keeps what a device says of itself."""
    devices = Devices(uow.device_board)
    match kind:
        case EventType.DEVICE_STATE:
            devices.note_state(event, DeviceState.from_data(event.data), now_ms)
        case EventType.DEVICE_COUNTERS:
            devices.note_counters(event, DeviceCounters.from_data(event.data), now_ms)
        case EventType.TAPS_COUNTED:
            devices.note_day(event, TapsCounted.from_data(event.data), now_ms)
        case _:
            assert_never(kind)


def _take_payment(event: Event, kind: PaymentType, uow: UnitOfWork, now_ms: int) -> None:
    """Books what was paid and tells the core: in order for each purse, a reversal after what it undoes."""
    payments = Payments(uow.ledger, uow.exceptions)
    # Nothing happened after the hub heard of it, whatever the device's clock says.
    source = Source(event, _key(event, PAYMENT), min(event.time_ms, now_ms), now_ms)
    match kind:
        case EventType.TAP_CHARGED:
            said = TapCharged.from_data(event.data)
            booking = payments.charge(source, said)
        case EventType.TAP_CANCELLED:
            said = TapCancelled.from_data(event.data)
            booking = payments.cancel(source, said, _effect_key(event.device, said.reverses, PAYMENT))
        case EventType.PURSE_CREDITED:
            said = PurseCredited.from_data(event.data)
            booking = payments.credit(source, said)
        case EventType.PAYMENT_CAPTURED:
            said = PaymentCaptured.from_data(event.data)
            booking = payments.capture(source, said)
        case EventType.PAYMENT_REVERSED:
            said = PaymentReversed.from_data(event.data)
            booking = payments.reverse(source, said, _effect_key(event.device, said.reverses, PAYMENT))
        case _:
            assert_never(kind)
    if booking is not None and booking.kind in SETTLED and booking.transfers:
        purse = None if booking.subject is None else accounts.purse(booking.subject)
        aggregate = purse or f"payment:{booking.reverses or booking.key}"
        body = settlement_body(event, booking, said)
        uow.outgoing.add(event, booking.key, SETTLEMENTS, aggregate, body, now_ms)


def _take_report(event: Event, uow: UnitOfWork, now_ms: int) -> None:
    incident = IncidentReported.from_data(event.data)
    said = incident.requested_datetime
    # The report's own instant is read off the device's clock too: it counts where that is trusted.
    requested_ms = event.time_ms
    if said is not None and is_trusted(event.clock_age_s):
        requested_ms = from_rfc3339(said)
    requested_ms = min(requested_ms, now_ms)
    request = ServiceRequests(uow.service_requests).report(event, incident, requested_ms, now_ms)
    if request is not None:
        body = report_body(request, incident)
        waits = bool(incident.attachments) and uow.attachments.is_waited_for(event.device, event.id)
        wait_ms = ATTACHMENT_WAIT_MS if waits else 0
        key = _key(event, REPORT)
        uow.outgoing.add(event, key, OPEN311, request.reference, body, now_ms, wait_ms=wait_ms)


def _take_response(event: Event, kind: ResponseKind, uow: UnitOfWork, now_ms: int) -> None:
    said = NoticeResponse.from_data(event.data)
    response = Notices(uow.notice_responses).respond(event, said, kind, now_ms)
    if response is not None:
        aggregate = f"{response.notice}/{response.subject or response.device}"
        body = notice_body(response, said)
        uow.outgoing.add(event, _key(event, RESPONSE), NOTICES, aggregate, body, now_ms)


def _take_mail(event: Event, kind: MailType, uow: UnitOfWork, now_ms: int) -> None:
    """Keeps what a citizen said besides a report, and tells the core: in order for each report."""
    said: Said
    report: str | None = None
    match kind:
        case EventType.REPORT_SUPPORTED:
            said = ReportSupported.from_data(event.data)
            report = uow.service_requests.reference_of(said.report)
        case EventType.REPORT_RATED:
            said = ReportRated.from_data(event.data)
            is_known = uow.service_requests.source_of(said.report_reference) is not None
            report = said.report_reference if is_known else None
        case EventType.SUGGESTION_MADE:
            said = SuggestionMade.from_data(event.data)
        case EventType.CALLBACK_ASKED:
            said = CallbackAsked.from_data(event.data)
        case _:
            assert_never(kind)
    entry = Mailbox(uow.mailbox, uow.exceptions).put(event, said, report, now_ms)
    if entry is not None:
        aggregate = f"mail:{entry.report or entry.about or entry.event_id}"
        uow.outgoing.add(event, _key(event, MAIL), MAILBOX, aggregate, mailbox_body(entry, said), now_ms)


def _key(event: Event, effect: str) -> str:
    return _effect_key(event.device, event.id, effect)


@lru_cache(KEYS_REMEMBERED)
def _effect_key(device: str, event_id: str, effect: str) -> str:
    return str(ids.effect_key(device, event_id, effect))
