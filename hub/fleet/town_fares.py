"""The fares in force where a desk stands: the nearest bundle `fares`, as the desk itself would hold it."""

from collections.abc import Callable

import structlog

from hub.db.fleet_repository import BundleRepository
from hub.db.settings_repository import SettingsRepository, place_of
from hub.db.writer import Writer
from hub.fleet.bundle_press import for_place
from hub.keys.registry import Registry
from shared.model.errors import InputError
from shared.model.fares import Fares
from shared.protocol.contents import FARES, read_content

log = structlog.get_logger(__name__)


class TownFares:
    """Reads the fares for a desk; any thread may call.

    Args:
        writer: the database.
        registry: knows where desks stand.
        clock: the hub's time, Unix epoch in milliseconds.
    """

    def __init__(self, writer: Writer, registry: Registry, clock: Callable[[], int]) -> None:
        self._writer = writer
        self._registry = registry
        self._clock = clock

    def at(self, device: str) -> Fares | None:
        """Return the fares in force at a device; None where there are none, or they have expired.

        Raises:
            UnknownDeviceError: it is no device of this hub.
            TransientError: the database cannot be read.
        """
        now_ms, site = self._clock(), self._registry.device(device).site
        with self._writer.read() as connection:
            bundles = BundleRepository(connection)
            place = place_of(device, site, SettingsRepository(connection).districts())
            wanted = [row for row in for_place(bundles.newest(), place, now_ms) if row.name == FARES]
            if not wanted or wanted[0].retires or wanted[0].expires_ms <= now_ms:
                return None
            body = bundles.body(FARES, wanted[0].version)
        try:
            content = None if body is None else read_content(FARES, body)
        except InputError as error:
            log.warning("fares_unreadable", reason=str(error))
            return None
        return content if isinstance(content, Fares) else None
