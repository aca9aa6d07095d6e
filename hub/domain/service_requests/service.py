"""How a report enters the register: once, under the reference that the citizen took home."""

from hub.domain.service_requests.errors import ReferenceTakenError
from hub.domain.service_requests.ports import Register, ServiceRequest, Status
from shared.model.event import Event
from shared.model.service_request import IncidentReported


class ServiceRequests:
    """Takes reports into the register."""

    def __init__(self, register: Register) -> None:
        self._register = register

    def report(
        self, event: Event, incident: IncidentReported, requested_ms: int, now_ms: int
    ) -> ServiceRequest | None:
        """Adds a report.

        Args:
            event: the event.
            incident: what it says.
            requested_ms: when the citizen reported it.
            now_ms: when the hub takes it.

        Returns:
            The report, or None if this event is in the register already.

        Raises:
            ReferenceTakenError: another event has given out the reference.
        """
        source = self._register.source_of(incident.reference)
        if source == (event.device, event.id):
            return None
        if source is not None:
            raise ReferenceTakenError("another report has this reference; a clerk gives this one a new one")
        request = ServiceRequest(
            reference=incident.reference,
            device=event.device,
            event_id=event.id,
            service_code=incident.service_code,
            description=incident.description,
            lat=incident.lat,
            long=incident.long,
            address=incident.address,
            channel=incident.channel,
            contact=incident.contact,
            status=Status.OPEN,
            requested_ms=requested_ms,
            received_ms=now_ms,
        )
        self._register.add(request)
        return request
