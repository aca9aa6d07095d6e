"""What the hub does about beacons: the clerk's desk, the bundles that phones get, the firmware of nodes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hub.config import HubConfig
from hub.db.writer import Writer
from hub.domain.beacons.notices import Approval
from hub.fleet.beacon_desk import BeaconDesk
from hub.fleet.firmware_desk import FirmwareDesk
from hub.fleet.fleet import Fleet
from hub.fleet.phone_press import PhonePress
from hub.jobs.timetable import Job
from hub.keys.air_keys import AirKeys, NoAirKeyError
from hub.keys.registry import Registry
from hub.keys.room import KeyRoom

RENEW_S: Final = 60.0


class KeptAirKeys:
    """Beacons' keys out of the key registry; implements `hub.domain.beacons.ports.AirKeys`.

    Args:
        registry: of devices.
    """

    def __init__(self, registry: Registry) -> None:
        self._keys = AirKeys(registry)

    def temporary_keys(self, device: str, first_period: int, count: int) -> Sequence[bytes]:
        """Return a beacon's keys of some periods; none of a device that has no air key, or is revoked."""
        try:
            return self._keys.temporary_keys(device, first_period, count)
        except NoAirKeyError:
            return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconWork:
    """The parts.

    Attributes:
        desk: places, interests and notices, as a clerk changes them.
        phones: what phones get of them.
        firmware: what nodes are to run.
        jobs: timed work.
    """

    desk: BeaconDesk
    phones: PhonePress
    firmware: FirmwareDesk
    jobs: Sequence[Job]


def make_beacon_work(
    config: HubConfig, room: KeyRoom, writer: Writer, fleet: Fleet, clock: Callable[[], int]
) -> BeaconWork:
    """Put the parts together."""
    air = KeptAirKeys(room.registry)
    phones = PhonePress(writer, room.keys, fleet.versions, air, config.town, clock)
    desk = BeaconDesk(writer, room.registry, Approval(config.notices_approval), clock, phones.renew)
    jobs = (Job(name="phone bundles", every_s=RENEW_S, run=phones.renew, at_once=True),)
    firmware = FirmwareDesk(writer, room.registry, clock)
    return BeaconWork(desk=desk, phones=phones, firmware=firmware, jobs=jobs)
