"""What the owner tells its screens: who the kiosk is, what is closed, what the town says."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, Final

from shared.edge.errors import ClosedBySettingsError, StorageDownError
from shared.edge.main import Device
from shared.model.event import Stream
from shared.protocol.parsing import encode

STREAMING: Final = "streaming"
_WHY: Final[Mapping[str | None, str]] = {
    ClosedBySettingsError.__doc__: "settings",
    StorageDownError.__doc__: "broken",
}
_TOLD_OF: Final = (Stream.CASES,)

Tell = Callable[[Mapping[str, Any], bytes], None]
Message = tuple[Mapping[str, Any], bytes]


class Telling:
    """Composes what there is to tell; on the kiosk's main thread.

    Args:
        device: the running device.
        uptime_ms: a monotonic clock.

    Attributes:
        has_network: whether the hub was reached when it was last looked.
    """

    def __init__(self, device: Device, uptime_ms: Callable[[], int]) -> None:
        self.has_network = False
        self._device = device
        self._uptime_ms = uptime_ms
        self._reached_ms: int | None = None
        self._written: dict[str, tuple[object, Message]] = {}

    def look(self, state: str) -> None:
        """Take note of how the session with the hub stands."""
        self.has_network = state == STREAMING
        if self.has_network:
            self._reached_ms = self._uptime_ms()

    def hello(self) -> Message:
        """Return what a screen is told first."""
        device = self._device
        members = {
            "tell": "hello",
            "device": device.identity.device,
            "site": device.identity.answer.site,
            "sealing": device.sealing.key.raw.hex(),
            "settings": dict(device.settings.in_force),
            "version": version("ventanilla"),
        }
        return members, b""

    def all(self) -> dict[str, Message]:
        """Return everything else, by what it is about."""
        contents = self._device.contents
        notices = contents.notices().items
        said: dict[str, tuple[object, Callable[[], Mapping[str, Any] | None]]] = {
            "catalogue": (found := contents.catalogue(), lambda: found and found.to_data()),
            "agenda": (notices, lambda: {"items": [item.to_data() for item in notices]}),
            "translations": (own := contents.translations(), lambda: own and own.to_data()),
        }
        for name, (source, write) in said.items():
            if name not in self._written or self._written[name][0] != source:
                members = write()
                self._written[name] = source, ({"tell": name}, b"" if members is None else encode(members))
        return {
            "standing": (self._standing(), b""),
            **{name: message for name, (_, message) in self._written.items()},
        }

    def _standing(self) -> Mapping[str, Any]:
        refused = {stream.value: self._device.runtime.can_take(stream) for stream in _TOLD_OF}
        away_s = None
        if not self.has_network and self._reached_ms is not None:
            away_s = (self._uptime_ms() - self._reached_ms) // 60_000 * 60
        return {
            "tell": "standing",
            "closed": {name: _WHY.get(why, "full") for name, why in refused.items() if why is not None},
            "network": self.has_network,
            "away_s": away_s,
            "sealing": self._device.sealing.key.raw.hex(),
        }


class Told:
    """What one screen was told already."""

    def __init__(self, tell: Tell) -> None:
        """Begin with nothing told."""
        self._tell = tell
        self._told: dict[str, Message] = {}

    def tell(self, messages: Mapping[str, Message]) -> None:
        """Tell what is not as it was."""
        for name, message in messages.items():
            if self._told.get(name) != message:
                self._told[name] = message
                self._tell(*message)
