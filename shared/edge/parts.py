"""What the lives of an owner are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.adapters import device_keys
from shared.adapters.mqtt_link import LinkEvent, MqttLink, Will
from shared.adapters.outbox import Outbox
from shared.edge.device_time import DeviceTime
from shared.edge.guidance import Guidance
from shared.edge.memory import DeviceMemory
from shared.model.event import Stream

LinkFactory = Callable[[Callable[[LinkEvent], None], Callable[[int], Will | None]], MqttLink]


def _heed_nothing(_missing: Sequence[str]) -> None:
    """A device that takes no photographs lacks none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What lives are made of.

    Attributes:
        identity: who this machine is.
        memory: what it must not forget.
        clock: its clocks.
        open_outbox: opens the outbox; called on the owner's thread.
        make_link: makes a link that delivers to the first function and asks the second for its will, as the
            settings in force have it.
        guidance: what the hub wants of this device.
        closed: why the settings let nobody begin on a stream; None where they do.
        hear_missing: learns which attachments the hub lacks; returns at once.
        firmware: version of the software.
    """

    identity: device_keys.Identity
    memory: DeviceMemory
    clock: DeviceTime
    open_outbox: Callable[[], Outbox]
    make_link: LinkFactory
    guidance: Guidance
    closed: Callable[[Stream], str | None] = lambda _stream: None
    hear_missing: Callable[[Sequence[str]], None] = _heed_nothing
    firmware: str = ""
