"""What happened, for whoever subscribed to it: each effect towards the core leaves as a CloudEvent too.

`Published` stands in front of the outgoing work of a transaction: the event is written with the effect, in
one commit, and goes its own way from there, in order within the same aggregate.

Rule: a subscriber learns what happened, not whom to call: contacts, and what a newer device says beyond what
this hub knows, stay with the core.

Source: CloudEvents 1.0.2, section 3.1 (context attributes).
"""

from collections.abc import Mapping
from typing import Final

from hub.usecases.ports import Outgoing
from shared.model import ids
from shared.model.event import Event
from shared.model.instants import to_rfc3339

CLOUDEVENTS: Final = "cloudevents"
SPECVERSION: Final = "1.0"
TYPE_PREFIX: Final = "es.ventanilla."
KEPT_BACK: Final = frozenset({"contact", "extra", "attachments"})


class Published:
    """Outgoing work of which every effect is told to subscribers; implements `hub.usecases.ports.Outgoing`.

    Args:
        inner: where the work is written.
    """

    def __init__(self, inner: Outgoing) -> None:
        self._inner = inner

    def add(
        self,
        event: Event,
        key: str,
        connector: str,
        aggregate: str,
        body: Mapping[str, object],
        now_ms: int,
        *,
        wait_ms: int = 0,
    ) -> None:
        """Adds an effect, and its event."""
        self._inner.add(event, key, connector, aggregate, body, now_ms, wait_ms=wait_ms)
        told = str(ids.effect_key(event.device, event.id, CLOUDEVENTS))
        self._inner.add(event, told, CLOUDEVENTS, aggregate, cloud_event(event, aggregate, body), now_ms)


def cloud_event(event: Event, aggregate: str, body: Mapping[str, object]) -> dict[str, object]:
    """Write an event as CloudEvents have it.

    Args:
        event: what happened; its id is unique among those of its device, which is the source.
        aggregate: what it is about.
        body: what the core is told.
    """
    return {
        "specversion": SPECVERSION,
        "id": event.id,
        "source": f"/devices/{event.device}",
        "type": f"{TYPE_PREFIX}{event.type}",
        "subject": aggregate,
        "time": to_rfc3339(event.time_ms),
        "datacontenttype": "application/json",
        "data": {name: value for name, value in body.items() if name not in KEPT_BACK},
    }
