"""What the core is told: the bodies of outgoing work, complete, so that a connector needs nothing else.

Every body is plain JSON. Unknown fields of the event go along in `extra`: an older hub does not swallow what
a newer device says. A reversal's amount is below zero, so that a core may simply add up.
"""

from typing import assert_never

from hub.domain.mailbox.ports import Entry
from hub.domain.mailbox.service import Said
from hub.domain.notices.ports import Response
from hub.domain.payments import accounts
from hub.domain.payments.booking import Booking, Kind
from hub.domain.service_requests.ports import ServiceRequest
from shared.model.event import Event
from shared.model.fields import present
from shared.model.instants import is_trusted, to_rfc3339
from shared.model.notice import NoticeResponse
from shared.model.payment import (
    PaymentCaptured,
    PaymentReversed,
    PurseCredited,
    TapCancelled,
    TapCharged,
)
from shared.model.service_request import IncidentReported

Money = PaymentCaptured | TapCharged | TapCancelled | PurseCredited | PaymentReversed
"""What a device says of money."""


def _bodies(request: ServiceRequest, incident: IncidentReported) -> list[dict[str, object]]:
    """What goes along and where it is kept; never its key."""
    return [{"device": request.device, "sha256": one.envelope.sha256} for one in incident.attachments]


def report_body(request: ServiceRequest, incident: IncidentReported) -> dict[str, object]:
    """A report, for the Open311 connector.

    Source: Open311 GeoReport v2, POST Service Request.
    """
    return {
        "reference": request.reference,
        "service_code": request.service_code,
        "description": request.description,
        **present(lat=request.lat, long=request.long, address=request.address),
        **({} if request.contact is None else {"contact": request.contact.to_data()}),
        "requested_datetime": to_rfc3339(request.requested_ms),
        "attributes": {**incident.attributes, "channel": request.channel},
        **({"attachments": _bodies(request, incident)} if incident.attachments else {}),
        **({"extra": dict(incident.extra)} if incident.extra else {}),
    }


def notice_body(response: Response, said: NoticeResponse) -> dict[str, object]:
    """A response to a notice, for the notices connector."""
    return {
        "notice": response.notice,
        "version": response.version,
        "kind": response.kind.value,
        "device": response.device,
        "event_id": response.event_id,
        "occurred_datetime": to_rfc3339(response.occurred_ms),
        **present(channel=response.channel, subject=response.subject),
        **({"extra": dict(said.extra)} if said.extra else {}),
    }


def mailbox_body(entry: Entry, said: Said) -> dict[str, object]:
    """What a citizen said besides a report, for the mailbox connector.

    Its own members are those of the event (`shared.model.report_opinion`, `shared.model.mailbox`); the kind
    of a suggestion is its `category` here. A report is named by its reference where the hub has it.
    """
    own = {name: value for name, value in said.to_data().items() if name not in said.extra}
    if "kind" in own:
        own["category"] = own.pop("kind")
    return {
        "kind": entry.kind.value,
        **own,
        **present(report_reference=entry.report or own.get("report_reference")),
        "device": entry.device,
        "event_id": entry.event_id,
        "occurred_datetime": to_rfc3339(entry.occurred_ms),
        **({"extra": dict(said.extra)} if said.extra else {}),
    }


def settlement_body(event: Event, booking: Booking, said: Money) -> dict[str, object]:
    """A booking, for the settlements connector."""
    amount_minor = uncovered_minor = 0
    for moved in booking.transfers:
        amount_minor += moved.amount_minor
        uncovered_minor += moved.amount_minor if moved.debit == accounts.OFFLINE_RISK else 0
    body: dict[str, object] = {
        "key": booking.key,
        "kind": booking.kind.value,
        "amount_minor": -amount_minor if booking.kind is Kind.REVERSAL else amount_minor,
        "currency": booking.currency,
        "device": booking.device,
        "event_id": booking.event_id,
        "occurred_datetime": to_rfc3339(booking.occurred_ms),
        "clock_trusted": is_trusted(event.clock_age_s),
    }
    if booking.subject is not None:
        body["subject"] = booking.subject
    if uncovered_minor:
        body["uncovered_minor"] = uncovered_minor
    match said:
        case TapCharged():
            body["counter"], body["product"] = said.counter, said.product
            body |= present(line=said.line, stop=said.stop)
        case TapCancelled():
            body["counter"], body["reverses"] = said.counter, booking.reverses
            body |= present(line=said.line, stop=said.stop)
        case PurseCredited():
            body["counter"], body["method"] = said.counter, said.method.value
        case PaymentCaptured():
            body["reference"], body["concept"] = said.reference, said.concept
            body["method"] = said.method.value
        case PaymentReversed():
            body["reverses"], body["reason"] = booking.reverses, said.reason
        case _:
            assert_never(said)
    if said.extra:
        body["extra"] = dict(said.extra)
    return body
