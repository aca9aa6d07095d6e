"""Dispatch: whoever is connected and lacks something is sent it, and sent it again until it says otherwise.

    changed()  ->  everyone who is connected is looked at
    heard(d)   ->  whoever said what it has is looked at
    run()      ->  looks, gives versions out where settings changed, and publishes; called twice a second

Rules:
- What a device has is what it reported, nothing else: no PUBACK, no retained message.
- One look takes at most `LOOK_MAX` devices in one transaction; what is behind is looked at again after 5 s,
  doubling to 10 minutes, while the device is connected. Whoever connects reports, and is looked at.
- A device that knows a later version than this database gave (a restore) is given the same under a new one.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from hub.db.engine import Connection
from hub.db.fleet_repository import (
    BundleRepository,
    BundleRow,
    CommandRepository,
    Reach,
    TwinRepository,
    TwinRow,
)
from hub.db.settings_repository import SettingsRepository, place_of
from hub.db.update_repository import OwnBundleRepository
from hub.db.writer import Writer
from hub.domain.settings.service import Value, document, in_force
from hub.fleet.bundle_press import BundlePress, for_place
from hub.fleet.own_bundles import OwnBundles
from hub.fleet.versions import Versions
from hub.keys.registry import Registry
from shared.model.errors import CapacityError, TransientError
from shared.protocol import limits, topics
from shared.protocol.bundle import HUB_KEYS
from shared.protocol.command import encode_command
from shared.protocol.mac import seal_message
from shared.protocol.settings import CONFIRM, settings_of
from shared.protocol.twin import CONFIRM_S, Desired, encode_desired
from shared.protocol.versions import Version

LOOK_MAX: Final = 200
"""Devices in one look: the writer is not held for long."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchParts:
    """What dispatch works with.

    Attributes:
        writer: the database.
        registry: knows devices, their sites and their keys.
        versions: gives versions out.
        press: makes notices.
        own: makes those of bundles that are one device's own.
        publish: hands a message to the broker; raises where it cannot.
        connected: the devices that speak in a session now.
        clock: the hub's time, Unix epoch in milliseconds.
    """

    writer: Writer
    registry: Registry
    versions: Versions
    press: BundlePress
    own: OwnBundles
    publish: Callable[[str, bytes], None]
    connected: Callable[[], Iterable[str]]
    clock: Callable[[], int]


@dataclass(frozen=True, slots=True)
class _Message:
    device: str
    topic: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Books:
    """What one transaction needs of the database, read once for all its devices."""

    values: Sequence[Value]
    districts: dict[str, str]
    twins: dict[str, TwinRow]
    bundles: dict[Reach, BundleRow]
    held: dict[str, dict[str, Version]]
    own: dict[str, list[tuple[BundleRow, bytes]]]
    ahead: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    messages: Sequence[_Message]
    behind: set[str]


class Dispatch:
    """Brings devices up to what is wanted; from any thread.

    Attributes:
        sent: messages published since the start.
    """

    def __init__(self, parts: DispatchParts) -> None:
        """Begin with nobody behind."""
        self.sent = 0
        self._parts = parts
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._due_ms: dict[str, int] = {}
        self._waits_ms: dict[str, int] = {}

    @property
    def behind(self) -> int:
        """How many devices are to be looked at again."""
        return len(self._waits_ms)

    def changed(self) -> None:
        """Something may be wanted now that was not: look at everyone who is connected, at once."""
        self.heard(self._parts.connected())
        with suppress(TransientError, CapacityError):  # they stay due, and the next look is soon
            self.run()

    def wake(self, device: str) -> None:
        """Something waits for one device: look at it at once."""
        self.heard([device])
        with suppress(TransientError, CapacityError):  # it stays due, and the next look is soon
            self.run()

    def heard(self, devices: Iterable[str]) -> None:
        """These devices have said what they have: look at them soon."""
        with self._lock:
            for device in devices:
                self._due_ms[device] = 0
                self._waits_ms.pop(device, None)

    def run(self) -> None:
        """Look at whoever is due.

        Raises:
            TransientError: the database does not answer; they stay due.
            CapacityError: too much waits for it; the same.
        """
        with self._looking:
            while devices := self._take_due(self._parts.clock()):
                try:
                    looked = self._parts.writer.run(partial(self._look, devices))
                except (TransientError, CapacityError):
                    self.heard(devices)
                    raise
                self._again_later(looked.behind)
                for message in looked.messages:
                    self._publish(message)

    def _take_due(self, now_ms: int) -> list[str]:
        """Take out who is due; whoever is not connected reports when it is, and waits for nothing."""
        connected = set(self._parts.connected())
        with self._lock:
            for device in [d for d in self._due_ms if d not in connected]:
                del self._due_ms[device]
                self._waits_ms.pop(device, None)
            due = [d for d, due_ms in self._due_ms.items() if due_ms <= now_ms][:LOOK_MAX]
            for device in due:
                del self._due_ms[device]
        return [device for device in due if self._parts.registry.keys_of(device)]

    def _again_later(self, behind: Iterable[str]) -> None:
        now_ms = self._parts.clock()
        with self._lock:
            for device in behind:
                wait_ms = self._waits_ms.get(device, limits.PUSH_FIRST_MS)
                self._waits_ms[device] = min(2 * wait_ms, limits.PUSH_MAX_MS)
                self._due_ms.setdefault(device, now_ms + wait_ms)

    def _publish(self, message: _Message) -> None:
        key = self._parts.registry.down_key(message.device)
        try:
            self._parts.publish(message.topic, seal_message(key, message.topic, message.body))
            self.sent += 1
        except (TransientError, CapacityError) as error:
            log.warning("not_sent", device=message.device, reason=str(error))

    # ---- on the writer's thread

    def _look(self, devices: Sequence[str], connection: Connection) -> _Looked:
        settings, bundles = SettingsRepository(connection), BundleRepository(connection)
        books = _Books(
            values=settings.values(),
            districts=settings.districts(),
            twins=TwinRepository(connection).rows(devices),
            bundles=bundles.newest(),
            held=bundles.held(devices),
            own=OwnBundleRepository(connection).of(devices),
        )
        commands = CommandRepository(connection).open(devices, self._parts.clock())
        messages: list[_Message] = []
        waiting: set[str] = set()
        for device in devices:
            desired = self._desired(device, books, connection)
            if desired is None and device in books.ahead:
                waiting.add(device)
            elif desired is not None:
                messages.append(_Message(device, topics.desired(device), encode_desired(desired)))
            messages += self._bundles(device, books, connection)
            messages += self._own_bundles(device, books, connection)
            messages += [
                _Message(device, topics.command(device), encode_command(command))
                for command in commands.get(device, ())
            ]
        return _Looked(messages=messages, behind=waiting | {message.device for message in messages})

    def _desired(self, device: str, books: _Books, connection: Connection) -> Desired | None:
        """Return the settings that a device lacks; None where it has answered those that are wanted."""
        row = books.twins.get(device)
        given, reported = (row.desired, row.reported) if row is not None else (None, None)
        entry = self._parts.registry.device(device)
        place = place_of(device, entry.site, books.districts)
        doc = settings_of(entry.kind, document(in_force(books.values, place)))
        if given is None and reported is None and not doc:
            return None
        ahead = reported is not None and (given is None or reported > given.version)
        if given is None or given.doc != doc or ahead:
            version = self._parts.versions.next()
            if reported is not None and version <= reported:
                books.ahead.add(device)  # the hub has yet to go above what the device has seen
                return None
            given = Desired(version=version, doc=doc, confirm_s=doc.get(CONFIRM, CONFIRM_S))
            TwinRepository(connection).give(device, given)
        return None if reported == given.version else given

    def _bundles(self, device: str, books: _Books, connection: Connection) -> list[_Message]:
        found: list[_Message] = []
        held = books.held.get(device, {})
        entry = self._parts.registry.device(device)
        if entry.kind == "beacon":  # a node holds none
            return found
        place = place_of(device, entry.site, books.districts)
        wanted_here = for_place(books.bundles, place, self._parts.clock())
        # First of all the keys: what comes behind may be signed by one that the device has yet to trust.
        for row in sorted(wanted_here, key=lambda one: one.name != HUB_KEYS):
            version = held.get(row.name)
            if version == row.version or (row.retires and version is None):
                continue
            wanted = row
            if version is not None and version > row.version:
                wanted = self._parts.press.again(row, connection)
                books.bundles[row.reach] = wanted
            trusted = frozenset[str]()
            if row.name == HUB_KEYS:
                trusted = self._parts.press.trusted(device, version, connection)
            said = self._parts.press.notice(wanted, connection, trusted)
            if said is not None:
                found.append(_Message(device, topics.bundle(device, row.name), said))
        return found

    def _own_bundles(self, device: str, books: _Books, connection: Connection) -> list[_Message]:
        found: list[_Message] = []
        for row, body in books.own.get(device, ()):
            held = books.held.get(device, {}).get(row.name)
            if held == row.version:
                continue
            ahead = held is not None and held > row.version
            wanted = self._parts.own.again(device, row, body, connection) if ahead else row
            found.append(
                _Message(device, topics.bundle(device, row.name), self._parts.own.notice(wanted, body))
            )
        return found
