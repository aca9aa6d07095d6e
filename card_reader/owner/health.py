"""What a terminal says of its parts to the hub; each only when it is not as it was."""

from collections.abc import Mapping
from typing import Final

import structlog

from shared.edge.happenings import happening
from shared.edge.main import Device
from shared.model.errors import VentanillaError
from shared.model.event import EventType
from shared.model.health import Condition

STORE_S: Final = 5.0

log = structlog.get_logger(__name__)


class Health:
    """Tells the hub; on the terminal's main thread.

    Args:
        device: running.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._said: dict[str, str] = {}

    def tell(self, part: str, trouble: str) -> None:
        """Say how a part does; an empty trouble is none. What cannot be stored is said the next time."""
        if self._said.get(part) == trouble:
            return
        state = Condition.DEGRADED if trouble else Condition.OK
        data = {"key": part, "state": state.value, **({"detail": trouble} if trouble else {})}
        if self.take(EventType.DEVICE_STATE, data):
            self._said[part] = trouble

    def take(self, kind: EventType, data: Mapping[str, object]) -> bool:
        """Store an event of the device's own; tells whether that was possible."""
        try:
            event = happening(kind, data, event_id=self._device.teller.new_event_id())
            with self._device.teller.session() as session:
                session.take(event, STORE_S)
        except VentanillaError as error:
            log.warning("not_told", kind=kind.value, reason=str(error))
            return False
        return True
