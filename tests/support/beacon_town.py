"""A hub's beacons in one process: registers on a real database, keys that a test can tell from anyone's."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from hub.domain.beacons.notices import Approval
from hub.fleet.beacon_desk import BeaconDesk
from hub.fleet.phone_press import Made, PhonePress
from hub.keys.enrolment import BEACON
from shared.model.beacon_keys import BeaconKeys
from shared.model.beacon_notices import BeaconNotices
from shared.model.instants import to_rfc3339
from shared.protocol.bundle import Notice, check_notice, decode_notice
from shared.protocol.parsing import parse_object
from shared.protocol.receipts import TownKeys
from shared.protocol.versions import Version
from tests.support.office import Office

TOWN = "Ciudad"
DAY_MS = 86_400_000
MUSIC = {"code": "musica", "name": {"es": "Música", "en": "Music"}}


class MadeUpKeys:
    """Temporary keys that follow from a device's name; some devices have none."""

    def __init__(self) -> None:
        self.without: set[str] = set()

    def temporary_keys(self, device: str, first_period: int, count: int) -> Sequence[bytes]:
        """Sixteen bytes for each period."""
        if device in self.without:
            return ()
        return [sha256(f"{device}|{first_period + n}".encode()).digest()[:16] for n in range(count)]


def place(code: str = "biblio-3", district: str = "centro", **more: object) -> dict[str, Any]:
    """A place as a clerk writes it."""
    return {"code": code, "district": district, "site": "plaza", "name": {"es": f"Lugar {code}"}} | more


class BeaconTown:
    """An office with places and notices.

    Args:
        folder: an empty one of the test.
        url: of a database with its schema; None for a SQLite of its own.
        approval: who may approve.
    """

    def __init__(self, folder: Path, url: str | None = None, approval: Approval = Approval.ANOTHER) -> None:
        self.office = Office(folder, url)
        for beacon in ("beacon-1", "beacon-2"):
            self.office.town.enrol(beacon, BEACON)
        self.air = MadeUpKeys()
        room = self.office.town.room
        self.phones = self.press()
        self.desk = BeaconDesk(
            self.office.writer,
            room.registry,
            approval,
            lambda: self.office.now_ms,
            self._changed,
        )

    def press(self) -> PhonePress:
        """A press as a start of the hub has it: it has made nothing yet."""
        office = self.office
        room, versions = office.town.room, office.fleet.versions
        return PhonePress(office.writer, room.keys, versions, self.air, TOWN, lambda: office.now_ms)

    def _changed(self) -> None:
        self.phones.renew()

    def close(self) -> None:
        self.office.close()

    def notice(self, name: str = "concierto-7", days: float = 3, **more: object) -> dict[str, Any]:
        """A notice as a clerk writes it, said from now on."""
        now_ms = self.office.now_ms
        plain = {
            "id": name,
            "title": {"es": "Concierto a las ocho"},
            "text": {"es": "Entrada libre."},
            "from": to_rfc3339(now_ms),
            "until": to_rfc3339(now_ms + int(days * DAY_MS)),
        }
        return plain | more

    def say(self, data: Mapping[str, object]) -> int:
        """Draft a notice and have it approved; returns its version."""
        drafted = self.desk.draft(data, "ana")
        self.desk.approve(drafted.id, drafted.version, "blas")
        return drafted.version

    def opened(self, made: Made | None) -> Notice:
        """A bundle as a phone opens it, with the keys that the town publishes."""
        assert made is not None
        notice = decode_notice(made.message)
        signing = self.office.town.room.keys.signing.public_key().public_bytes_raw()
        check_notice(notice, TownKeys(town=TOWN, keys=(signing,)).by_id())
        return notice

    def keys(self, district: str = "centro") -> BeaconKeys:
        """What phones know of a district's beacons now."""
        body = self.opened(self.phones.keys_bundle(district)).body
        assert body is not None
        return BeaconKeys.from_data(parse_object(body))

    def notices(self, district: str = "centro") -> BeaconNotices:
        """What is said in a district now."""
        body = self.opened(self.phones.notices_bundle(district)).body
        assert body is not None
        return BeaconNotices.from_data(parse_object(body))

    def versions(self, district: str = "centro") -> tuple[Version, Version]:
        """The versions of both bundles."""
        keys, notices = self.phones.keys_bundle(district), self.phones.notices_bundle(district)
        return self.opened(keys).version, self.opened(notices).version

    def pass_days(self, days: float) -> None:
        """Time passes, and the job comes round."""
        self.office.now_ms += int(days * DAY_MS)
        self.phones.renew()


def walk_through_the_registers(town: BeaconTown) -> None:
    """What both databases have to keep: places, who stands there, notices, corrections, and who did it."""
    town.desk.add_place(place(lat=43.46, long=-3.81, position="above the door"), "ana")
    town.desk.add_place(place("kiosko-1", "puerto"), "ana")
    town.desk.put_interest(MUSIC, "ana")
    assert town.desk.assign("biblio-3", "beacon-1", None, "ana", "")
    assert not town.desk.assign("biblio-3", "beacon-1", None, "ana", "")
    town.office.now_ms += 1_000
    assert town.desk.assign("biblio-3", "beacon-2", None, "ana", "broken")
    standing = town.desk.place("biblio-3")
    assert [stand.device for stand in standing.history] == ["beacon-1", "beacon-2"]
    assert (standing.device, standing.place.lat, standing.place.position) == (
        "beacon-2",
        43.46,
        "above the door",
    )
    assert town.say(town.notice(interests=["musica"], places=["biblio-3"])) == 1
    assert town.say(town.notice(title={"es": "Concierto a las nueve"}, places=["biblio-3"])) == 2
    (said,) = town.notices().notices
    assert (said.version, said.title.es) == (2, "Concierto a las nueve")
    assert town.notices("puerto").notices == ()
    town.desk.withdraw("concierto-7", "ana", "rain")
    assert town.notices().notices == ()
    town.desk.withdraw_place("kiosko-1", "ana", "")
    town.desk.withdraw_interest("musica", "ana", "")
    assert town.notices().interests == ()
