"""How responses to notices are registered: each event once, consents with the person's pseudonym."""

from hub.domain.notices.errors import NobodyRespondedError
from hub.domain.notices.ports import Response, ResponseKind, Responses
from shared.model.event import Event
from shared.model.notice import NoticeResponse


class Notices:
    """Registers responses."""

    def __init__(self, responses: Responses) -> None:
        self._responses = responses

    def respond(
        self, event: Event, response: NoticeResponse, kind: ResponseKind, now_ms: int
    ) -> Response | None:
        """Registers a response.

        Returns:
            The response, or None if this event's is registered already.

        Raises:
            NobodyRespondedError: somebody subscribed or consented, and the event does not name who.
        """
        if kind is not ResponseKind.SHOWN and event.subject is None:
            raise NobodyRespondedError("a consent names whose it is as the subject; correct the sender")
        if self._responses.has(event.device, event.id):
            return None
        registered = Response(
            device=event.device,
            event_id=event.id,
            kind=kind,
            notice=response.notice,
            version=response.version,
            channel=response.channel,
            subject=event.subject,
            occurred_ms=min(event.time_ms, now_ms),
            received_ms=now_ms,
        )
        self._responses.add(registered)
        return registered
