"""The composition root of the faceless command: home, identity, memory, owner and teller, put together.

    with open_device(home, options) as device:
        device.teller, device.runtime

Kiosk and terminal put themselves together the same way, with their own faces.
"""

import os
import ssl
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from shared.adapters import device_keys
from shared.adapters.attachment_client import AttachmentClient
from shared.adapters.attachment_store import AttachmentStore
from shared.adapters.mqtt_link import MqttLink
from shared.adapters.outbox import Outbox, OutboxLimits
from shared.edge.admission import Admission
from shared.edge.attaching import Attaching
from shared.edge.bundle_shelf import Held
from shared.edge.contents import Contents, contents_of
from shared.edge.device_time import DeviceTime, read_boot_id, system_time
from shared.edge.errors import HomeInUseError
from shared.edge.event_lines import EventReader
from shared.edge.faceless_settings import FacelessSettings
from shared.edge.fetching import BackgroundFetch
from shared.edge.guidance import Guidance, GuidanceParts, stopped_status
from shared.edge.home import DeviceHome, DeviceSettings
from shared.edge.lanes import OutboxLanes
from shared.edge.memory import DeviceMemory
from shared.edge.operations import ROTATE_KEYS, Operations, RecentLog
from shared.edge.parts import Parts
from shared.edge.pseudonyms import Pseudonyms
from shared.edge.renewal import CertificateKeeper
from shared.edge.runtime import EdgeRuntime
from shared.edge.standing import LinkStatus, Status, lane_status
from shared.edge.status_socket import StatusSocket, ask_owner
from shared.edge.teller import Teller
from shared.edge.uploader import Uploader
from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.bundle import HubPublicKeys
from shared.protocol.contents import Content
from shared.protocol.sealing import HubSealingPublicKey

STATUS_TIMEOUT_S: Final = 5.0
_COPY_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A running device.

    Attributes:
        runtime: the owner.
        teller: takes what citizens say.
        reader: reads events from lines.
        clock: its clocks.
        keeper: renews its certificate.
        attaching: keeps the photographs that go with events.
        admission: what the town's bundles say, and let it take.
        contents: the same, for whoever shows it.
        identity: who it is.
        settings: in force, those of a face among them.
        operations: what can be asked of it; a face adds its own.
        sealing: what citizens' words are sealed to.
        face: how its face stands; more members of `look`.
    """

    runtime: EdgeRuntime
    teller: Teller
    reader: EventReader
    clock: DeviceTime
    keeper: CertificateKeeper
    attaching: Attaching
    admission: Admission
    contents: Contents
    identity: device_keys.Identity
    settings: FacelessSettings
    operations: Operations
    sealing: "SealingKey"
    face: Callable[[], Mapping[str, Any]] = dict

    def look(self) -> dict[str, Any]:
        """Return how it stands, as a JSON object's members.

        Raises:
            TimeoutError: the owner is busy with its disk.
        """
        status = self.runtime.status().result(STATUS_TIMEOUT_S)
        return {
            **status.members(),
            "reports": self.contents.reports(),
            "attachments": asdict(self.attaching.store.holding()),
            "pid": os.getpid(),
            "certificate_ends_ms": self.keeper.ends_ms,
            "identity_trouble": self.keeper.trouble,
            **self.face(),
        }


@contextmanager
def open_device(
    home: DeviceHome,
    *,
    backoff_cap_ms: int = limits.BACKOFF_MAX_MS,
    clock: DeviceTime | None = None,
    recent: RecentLog | None = None,
    restart: Callable[[], None] = lambda: None,
    face: Callable[[], Mapping[str, Any]] = dict,
) -> Generator[Device]:
    """Run a device until the block ends.

    Args:
        home: its folders.
        backoff_cap_ms: the longest wait between two attempts to reach the broker.
        clock: its clocks; None for the machine's.
        recent: the newest lines of its log.
        restart: ends the process in order, on the hub's word.
        face: how its face stands; more members of what `look` says.

    Raises:
        HomeInUseError: another process runs it.
        DeviceError: it is not enrolled, its identity, settings or outbox cannot be used.
        OSError: the home cannot be written.
    """
    clock = clock or system_time()
    with home.locked():
        identity = device_keys.load(home.identity)
        tls = identity.tls_context()
        own = home.settings()
        store = AttachmentStore(home.attachments, identity.device, bytes_max=own.attachment_bytes)
        uploader = Uploader(store, AttachmentClient.of(identity, tls), retry_max_ms=10 * backoff_cap_ms)
        settings = FacelessSettings(identity, tls, backoff_cap_ms)
        fetch = BackgroundFetch(identity)
        sealing = SealingKey(identity.hub_sealing)
        contents = Contents(clock.wall_ms)
        operations = Operations(clock.uptime_ms, recent or RecentLog(), restart)
        guidance = Guidance(
            GuidanceParts(
                identity=identity,
                folder=home.identity,
                settings=settings,
                operations=operations,
                fetch=fetch,
                uptime_ms=clock.uptime_ms,
                wall_ms=clock.wall_ms,
                taken=_readers(sealing, contents),
            )
        )
        contents.now_ms = guidance.now_ms
        runtime = EdgeRuntime(
            Parts(
                identity=identity,
                memory=DeviceMemory(home.identity, read_boot_id()),
                clock=clock,
                open_outbox=_outbox_of(home.outbox, identity.device, own),
                make_link=lambda deliver, will: MqttLink(settings.link(), deliver, will=will),
                guidance=guidance,
                closed=settings.closed,
                hear_missing=uploader.hear,
                firmware=version("ventanilla"),
            )
        )
        fetch.later = runtime.later
        teller = Teller(identity.device, sealing.key, runtime, clock)
        sealing.changed = teller.seal_to
        keeper = _keeper(home, tls, identity, runtime, clock, operations, restart)
        with _at_work(runtime, keeper, uploader):
            device = Device(
                runtime=runtime,
                teller=teller,
                reader=EventReader(identity.device, Pseudonyms(identity.fleet_key)),
                clock=clock,
                keeper=keeper,
                attaching=Attaching(store),
                admission=Admission(contents, settings.offline_limit_minor),
                contents=contents,
                identity=identity,
                settings=settings,
                operations=operations,
                sealing=sealing,
                face=face,
            )
            with closing(StatusSocket(home.run, device.look)):
                yield device


def look_at(home: DeviceHome) -> dict[str, Any]:
    """Return how a device stands: from its owner, or, where it is stopped, from a copy of what it left.

    Raises:
        OwnerSilentError: it runs and does not answer.
        DeviceError: it is not enrolled, or its outbox cannot be read.
        OSError: the home cannot be read.
    """
    identity = device_keys.load(home.identity)
    try:
        with home.locked():
            now_ms = system_time().wall_ms()
            return {
                **_look_at_copy(home, identity),
                "reports": contents_of(home.identity, lambda: now_ms).reports(),
            }
    except HomeInUseError:
        return ask_owner(home.run)


@contextmanager
def _at_work(runtime: EdgeRuntime, keeper: CertificateKeeper, uploader: Uploader) -> Generator[None]:
    """Start the threads, and stop them in the opposite order; a runtime that does not start ends it."""
    runtime.start()
    keeper.start()
    uploader.start()
    try:
        yield
    finally:
        uploader.stop()
        keeper.stop()
        runtime.stop()


def _keeper(
    home: DeviceHome,
    tls: ssl.SSLContext,
    identity: device_keys.Identity,
    runtime: EdgeRuntime,
    clock: DeviceTime,
    operations: Operations,
    restart: Callable[[], None],
) -> CertificateKeeper:
    """Make what renews certificate and link keys, and offer the latter as an operation."""
    keeper = CertificateKeeper(
        home.identity,
        identity,
        tls,
        look=lambda: runtime.status().result(STATUS_TIMEOUT_S),
        wall_ms=clock.wall_ms,
        uptime_ms=clock.uptime_ms,
        restart=restart,
    )
    operations.add(ROTATE_KEYS, lambda _args: {"link_key": keeper.rotate()})
    return keeper


class SealingKey:
    """The hub's key that citizens' words are sealed to: the enrolment's until the hub names another.

    Attributes:
        key: the present one.
        changed: called with a further one.
    """

    def __init__(self, key: HubSealingPublicKey) -> None:
        """Begin with the enrolment's."""
        self.key = key
        self.changed: Callable[[HubSealingPublicKey], None] = lambda _key: None

    def learn(self, content: Content | None) -> None:
        """Take note of what a bundle says, if it is the hub's keys."""
        if isinstance(content, HubPublicKeys):
            self.key = HubSealingPublicKey(content.sealing)
            self.changed(self.key)


def _readers(sealing: SealingKey, contents: Contents) -> Callable[[Held, Content | None], None]:
    def taken(held: Held, content: Content | None) -> None:
        sealing.learn(content)
        contents.learn(held, content)

    return taken


def _outbox_of(path: Path, device: str, settings: DeviceSettings) -> Callable[[], Outbox]:
    bounds = OutboxLimits(lane_bytes=settings.lane_bytes, ballast_bytes=settings.ballast_bytes)
    return lambda: Outbox(path, device, bounds)


def _look_at_copy(home: DeviceHome, identity: device_keys.Identity) -> dict[str, Any]:
    """Look at a copy: opening the outbox itself would be a life of its owner."""
    memory = DeviceMemory.read(home.identity)
    status = Status(
        device=identity.device,
        running=False,
        state="stopped",
        fenced=memory.fenced,
        incarnation=memory.incarnation,
        boot=memory.boot,
        link=LinkStatus(detail="the device is stopped"),
        lanes={},
        wanted=stopped_status(home.identity, system_time().wall_ms()),
    )
    if not home.outbox.exists():
        return status.members()
    clock = system_time()
    with TemporaryDirectory(prefix="ventanilla-") as folder:
        copy = Path(folder) / home.outbox.name
        for suffix in ("", "-wal"):
            _copy(home.outbox.with_name(home.outbox.name + suffix), copy.with_name(copy.name + suffix))
        bounds = OutboxLimits(lane_bytes=home.settings().lane_bytes, ballast_bytes=0)
        with Outbox(copy, identity.device, bounds) as outbox:
            same_boot = memory.boot_id == read_boot_id()
            lanes = OutboxLanes(outbox, memory.boot if same_boot else -1, clock.wall_ms)
            found = lane_status(outbox, lanes, {}, clock.uptime_ms())
            damaged_lines = outbox.damaged_lines
    return replace(
        status,
        damaged_lines=damaged_lines,
        oldest_unacknowledged_payment_ms=found[Stream.PAYMENTS].waiting_ms,
        unacknowledged=sum(lane.unacknowledged for lane in found.values()),
        lanes=found,
    ).members()


def _copy(source: Path, target: Path) -> None:
    if source.exists():
        with source.open("rb") as reading, target.open("wb") as writing:
            while block := reading.read(_COPY_BYTES):
                writing.write(block)
