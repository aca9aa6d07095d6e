"""Bundles: published under a new version, signed when they are sent, kept as bodies for whoever fetches them.

A bundle is for the city, a district, a site or a device; of each name a device has one, the nearest that has
not expired.

`hub-keys` is a bundle of the hub's own: which keys sign from now on, and which one citizens' words are sealed
to. It is published when the registry's keys are others than those it says; so a rotation needs nothing more.

Rules:
- A name is retired by a version without a body, for the city and for each place that has a bundle of this
  name. Whoever holds it drops it; what was published before stays in the database, as after any publication.
- Every bundle is signed by the present key and by the two before it.
- `hub-keys` goes to each device under the signature of a key that this device trusts: that of the `hub-keys`
  which it holds, and that of its enrolment. So it may sleep through any number of rotations.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from hub.db.engine import Connection
from hub.db.fleet_repository import BundleRepository, BundleRow, Reach
from hub.db.writer import Writer
from hub.domain.settings.service import CITY, Level, Place
from hub.fleet.settings_desk import check_target
from hub.fleet.versions import Versions
from hub.keys.hub_keys import HubKeys
from hub.keys.records import HubKeyRole
from hub.keys.registry import Registry
from shared.model.deny_list import DenyList, PackedSubjects
from shared.model.errors import CapacityError, InputError
from shared.protocol import limits
from shared.protocol.bundle import (
    HUB_KEYS,
    SIGNATURES_MAX,
    HubPublicKeys,
    Notice,
    encode_notice,
    is_for_phones,
    make_notice,
    make_retirement,
)
from shared.protocol.contents import Content, read_content
from shared.protocol.report_status import REPORT_STATUS
from shared.protocol.signing import signing_key_id
from shared.protocol.versions import Version

HUB_KEYS_LIFE_MS: Final = 10 * 365 * 86_400_000
EXPIRES_S_MAX: Final = 10 * 365 * 86_400
SIGNING_BEFORE: Final = 2
"""Retired keys that sign beside the present one, for devices that have yet to take `hub-keys`."""
ITSELF: Final = "the hub"
_HUB_KEYS_FOR_ALL: Final = (HUB_KEYS, Level.CITY, CITY)


class NamesFullError(CapacityError):
    """Devices hold no further name of bundles; publish this under a name that they hold, or retire one."""


class BundlePress:
    """Publishes bundles and makes their notices."""

    def __init__(
        self,
        writer: Writer,
        registry: Registry,
        keys: HubKeys,
        versions: Versions,
        clock: Callable[[], int],
    ) -> None:
        """Take what is needed.

        Args:
            writer: the database.
            registry: knows which keys are in use.
            keys: sign.
            versions: gives versions out.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self._writer = writer
        self._registry = registry
        self._keys = keys
        self._versions = versions
        self._clock = clock
        self._notices: dict[tuple[Reach, frozenset[str]], tuple[Version, bytes]] = {}

    def publish(
        self,
        name: str,
        body: bytes,
        expires_s: int,
        who: str,
        *,
        level: Level = Level.CITY,
        target: str = CITY,
    ) -> BundleRow:
        """Publish a body under a new version, for everyone or for one place.

        Raises:
            NamesFullError: devices hold no further name.
            UnknownDeviceError: it is for a device that is not enrolled here.
            ContentError: no device could read it; the sentence names the place in the file.
            InputError: the name, the size or the life cannot be.
            TransientError: it was not committed; repeat.
        """
        if name == HUB_KEYS:
            raise InputError("hub-keys is published by the hub itself; rotate its keys instead")
        if name == REPORT_STATUS:
            raise InputError("report-status is made by the hub for each device; publish under another name")
        if is_for_phones(name):
            raise InputError("bundles for phones are made from places and notices; change those instead")
        if not 0 < expires_s <= EXPIRES_S_MAX:
            raise InputError("a bundle expires after 1 second to 10 years; correct its life")
        if not body:
            raise InputError("a bundle has at least one byte; retire the name if it is not used any more")
        check_target(self._registry, level, target)
        _check_order(read_content(name, body))
        with self._writer.read() as connection:
            newest = BundleRepository(connection).newest().values()
        names = {row.name for row in newest if not row.retires} | {HUB_KEYS, REPORT_STATUS}
        if name not in names and len(names) >= limits.BUNDLES_HELD_MAX:
            raise NamesFullError(NamesFullError.__doc__)
        return self._publish((name, level, target), body, self._clock() + 1000 * expires_s, who)

    def withdraw(self, name: str, level: Level, target: str) -> None:
        """Take a bundle back from one place: what is published for a wider one counts there again.

        Raises:
            InputError: there is none, or it is the city's: devices hold that until it expires.
            TransientError: it was not committed; repeat.
        """
        if level is Level.CITY:
            raise InputError("what everyone has is not taken back; publish another in its place")
        reach = (name, level, target)
        if not self._writer.run(lambda connection: BundleRepository(connection).withdraw(reach)):
            raise InputError("there is no such bundle for this place; look at `ventanilla hub bundle list`")
        self._notices.pop((reach, frozenset()), None)

    def retire(self, name: str, who: str) -> BundleRow:
        """Take a name out of use everywhere; publishing under it again brings it back.

        Raises:
            NamesFullError: devices remember no further name that was retired.
            InputError: nothing is published under this name, or it is the hub's own.
            TransientError: it was not committed; repeat.
        """
        if name in {HUB_KEYS, REPORT_STATUS}:
            raise InputError(f"{name} is the hub's own and stays; retire another name")
        with self._writer.read() as connection:
            newest = BundleRepository(connection).newest().values()
        living = {row.name for row in newest if not row.retires}
        if name not in living:
            raise InputError("nothing is published under this name; look at `ventanilla hub bundle list`")
        if len({row.name for row in newest} - living) >= limits.BUNDLES_RETIRED_MAX:
            raise NamesFullError("devices remember no further retired name; publish under one of those")
        places = {row.reach for row in newest if row.name == name} | {(name, Level.CITY, CITY)}
        expires_ms = self._clock() + 1000 * EXPIRES_S_MAX
        rows = [
            self._row(reach, self._versions.next(), b"", expires_ms, who)
            for reach in sorted(places, key=lambda reach: reach[1] is Level.CITY)
        ]

        def job(connection: Connection) -> None:
            for row in rows:
                BundleRepository(connection).add(row, b"")

        self._writer.run(job)
        return rows[-1]

    def publish_hub_keys(self) -> bool:
        """Publish the hub's keys if devices have others; tells whether it did.

        Raises:
            TransientError: it was not committed; it is tried again.
        """
        signing = [k for k in self._registry.hub_keys(HubKeyRole.SIGNING) if not k.retired]
        sealing = [k for k in self._registry.hub_keys(HubKeyRole.SEALING) if not k.retired]
        if signing[0].key_id != signing_key_id(self._keys.signing.public_key()):
            return False  # a rotation that this process has not read yet: its next start tells of it
        said = HubPublicKeys(
            signing=tuple(key.public for key in signing), sealing=sealing[0].public
        ).to_body()
        with self._writer.read() as connection:
            repository = BundleRepository(connection)
            newest = repository.newest().get(_HUB_KEYS_FOR_ALL)
            held = None if newest is None else repository.body(HUB_KEYS, newest.version)
        if held == said:
            return False
        self._publish(_HUB_KEYS_FOR_ALL, said, self._clock() + HUB_KEYS_LIFE_MS, ITSELF)
        return True

    def again(self, row: BundleRow, connection: Connection) -> BundleRow:
        """Give a bundle a new version: a device holds a later one than this database knows."""
        body = BundleRepository(connection).body(row.name, row.version)
        if body is None:
            return row
        renewed = replace(row, version=self._versions.next())
        BundleRepository(connection).add(renewed, body)
        return renewed

    def notice(
        self, row: BundleRow, connection: Connection, trusted: frozenset[str] = frozenset()
    ) -> bytes | None:
        """Return the body of the message that offers a bundle; None where its body is gone.

        Args:
            row: which.
            connection: any.
            trusted: ids of keys that the device may trust alone.
        """
        made = self._notices.get((row.reach, trusted))
        if made is not None and made[0] == row.version:
            return made[1]
        body = BundleRepository(connection).body(row.name, row.version)
        if body is None:
            return None
        said = self.signed(row, body, trusted)
        self._notices[row.reach, trusted] = (row.version, said)
        return said

    def signed(self, row: BundleRow, body: bytes, trusted: frozenset[str] = frozenset()) -> bytes:
        """Return the body of the message that offers a bundle whose body is at hand."""
        return encode_notice(self._signed(row.name, row.version, body, row.expires_ms, trusted))

    def trusted(self, device: str, held: Version | None, connection: Connection) -> frozenset[str]:
        """Return the retired signing keys that a device may trust alone: its enrolment's and its `hub-keys`'.

        Args:
            device: its id.
            held: the version of `hub-keys` that it holds; None where it holds none.
            connection: any.
        """
        known = {self._registry.device(device).hub_signing}
        body = None if held is None else BundleRepository(connection).body(HUB_KEYS, held)
        if body is not None:
            known |= HubPublicKeys.from_body(body).trusted().keys()
        return frozenset(known & {signing_key_id(key.public_key()) for key in self._keys.signing_before})

    def _publish(self, reach: Reach, body: bytes, expires_ms: int, who: str) -> BundleRow:
        version = self._versions.next()
        self._signed(reach[0], version, body, expires_ms)  # what cannot be is refused before it is kept
        row = self._row(reach, version, body, expires_ms, who)
        self._writer.run(lambda connection: BundleRepository(connection).add(row, body))
        return row

    def _row(self, reach: Reach, version: Version, body: bytes, expires_ms: int, who: str) -> BundleRow:
        name, level, target = reach
        return BundleRow(
            name=name,
            version=version,
            size=len(body),
            expires_ms=expires_ms,
            who=who,
            at_ms=self._clock(),
            level=level,
            target=target,
        )

    def _signed(
        self, name: str, version: Version, body: bytes, expires_ms: int, trusted: Iterable[str] = ()
    ) -> Notice:
        before = self._keys.signing_before
        alone = [key for key in before if signing_key_id(key.public_key()) in set(trusted)]
        keys = [self._keys.signing, *alone, *(key for key in before[:SIGNING_BEFORE] if key not in alone)]
        if not body:
            return make_retirement(name, version, expires_ms, keys[:SIGNATURES_MAX])
        return make_notice(name, version, body, expires_ms, keys[:SIGNATURES_MAX])


def for_place(bundles: Mapping[Reach, BundleRow], place: Place, now_ms: int) -> list[BundleRow]:
    """Return what a device is to hold, one of each name: the nearest that has not expired, else the nearest.

    Of a name that is retired wherever the device looks, what retires it.

    Args:
        bundles: the newest for each name and place.
        place: where the device stands.
        now_ms: the hub's time, Unix epoch.
    """
    found: dict[str, BundleRow] = {}
    for level, target in place.targets():  # the widest first
        for row in bundles.values():
            if (row.level, row.target) == (level, target):
                before = found.get(row.name)
                if before is None or before.retires or _is_nearer(row, before, now_ms):
                    found[row.name] = row
    return list(found.values())


def _is_nearer(row: BundleRow, before: BundleRow, now_ms: int) -> bool:
    """Tell whether a bundle for a narrower place counts before one for a wider place."""
    return not row.retires and (row.expires_ms > now_ms or before.expires_ms <= now_ms)


def _check_order(content: Content | None) -> None:
    """See that every card of a packed list would be found."""
    subjects = content.subjects if isinstance(content, DenyList) else None
    if isinstance(subjects, PackedSubjects) and not subjects.is_sorted():
        raise InputError("a packed deny list is sorted, and names each card once; pack it again")
