"""A hub that takes bodies, without HTTP and broker, and a device's way to it that can be cut anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from sqlalchemy import Connection, Table

from hub.attachments.blobs import BlobStore
from hub.attachments.service import Attachments, NotAwaitedError, Piece, Progress, SpoiltError
from hub.db.attachment_repository import AnnouncedBody
from hub.db.engine import open_reader, open_writer, sqlite_url
from hub.db.triggers import create_all
from hub.db.unit_of_work import UnitOfWork
from hub.db.writer import Writer
from hub.ingest.apply import Incoming
from hub.ingest.opening import Opener
from shared.adapters.attachment_client import Standing
from shared.adapters.attachment_store import AttachmentStore
from shared.adapters.enrolment_client import HubUnreachableError
from shared.model.attachment import Attachment
from shared.protocol.attachment import body_path, sign_request
from shared.protocol.keys import derive
from tests.simulation.device import secret_of
from tests.support.hub_database import rows
from tests.support.street import Kiosk, Said, Street, sealing_key

DEVICE = "kiosk-7"
OTHER = "bus-7"


class BodiesHub(Street):
    """A hub whose database is a file or a server, so that its attachments have connections of their own.

    Attributes:
        attachments: what takes bodies.
        blobs: where they lie.
        woken: how often work was said to be due.
    """

    def __init__(
        self, folder: Path, *, reserve_bytes: int = 0, device_bytes: int = 2**30, url: str | None = None
    ) -> None:
        super().__init__()
        self.woken = 0
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._device_bytes = device_bytes
        self._url = url or sqlite_url(folder / "hub.db")
        engine = open_writer(self._url)
        with engine.begin() as connection:
            create_all(connection)
        engine.dispose()
        self.begin()

    def begin(self) -> None:
        """A life of the process begins; nothing is in memory."""
        self.writer = Writer(open_writer(self._url), open_reader(self._url))
        self.blobs = BlobStore(self._folder / "bodies", reserve_bytes=self._reserve_bytes)
        opener = Opener([sealing_key()])
        self.attachments = Attachments(
            self.blobs,
            self.writer,
            self.registry,
            opener,
            lambda: self.now_ms,
            self._wake,
            device_bytes=self._device_bytes,
        )

    def end(self) -> None:
        self.writer.close()

    def hear(self, *messages: Incoming, commit: bool = True) -> list[Said]:
        """Take messages in one transaction of the writer."""

        def job(connection: Connection) -> list[Said]:
            uow = UnitOfWork(connection)
            out = self.ingest.apply(messages, uow, self.now_ms)
            uow.flush()
            return [self._opened(each) for each in out]

        return self.writer.run(job)

    def rows(self, table: Table) -> list[Mapping[str, object]]:
        with self.writer.read() as connection:
            return rows(connection, table)

    def found(self, name: str, device: str = DEVICE) -> AnnouncedBody:
        body = self.attachments.find(device, name)
        assert body is not None
        return body

    def _wake(self) -> None:
        self.woken += 1


@dataclass
class Way:
    """A device's way to the hub without HTTP; the test says where it is cut.

    Attributes:
        hub: at its end.
        cuts: by number of the call: "before" the hub heard of it, or "after", before the answer came.
        calls: so far.
        given_up: what the device said is gone.
    """

    hub: BodiesHub
    device: str = DEVICE
    signs_as: str = DEVICE
    cuts: Mapping[int, str] = field(default_factory=dict[int, str])
    calls: int = 0
    given_up: list[str] = field(default_factory=list[str])

    def look(self, name: str) -> Standing:
        return self._ask("HEAD", name, 0, b"")

    def append(self, name: str, offset: int, content: bytes) -> Standing:
        return self._ask("PATCH", name, offset, content)

    def give_up(self, name: str) -> None:
        self.hub.attachments.give_up(self.piece("DELETE", name, 0, b""))
        self.given_up.append(name)

    def close(self) -> None:
        pass

    def piece(self, method: str, name: str, offset: int, content: bytes) -> Piece:
        """A request as the hub gets it."""
        key = derive(secret_of(self.signs_as)).up
        shown = sign_request(key, method, body_path(self.device, name), offset, content)
        return Piece(self.device, name, offset, content, shown)

    def _ask(self, method: str, name: str, offset: int, content: bytes) -> Standing:
        self.calls += 1
        cut = self.cuts.get(self.calls)
        if cut == "before":
            raise HubUnreachableError(HubUnreachableError.__doc__)
        attachments = self.hub.attachments
        work = attachments.look if method == "HEAD" else attachments.append
        try:
            progress: Progress = work(self.piece(method, name, offset, content))
        except NotAwaitedError:
            return Standing(awaited=False, hub_ms=self.hub.now_ms)
        except SpoiltError:
            return Standing(awaited=True, spoilt=True, length=1, hub_ms=self.hub.now_ms)
        if cut == "after":
            raise HubUnreachableError(HubUnreachableError.__doc__)
        return Standing(awaited=True, offset=progress.offset, length=progress.length, hub_ms=self.hub.now_ms)


def take_report(
    hub: BodiesHub, store: AttachmentStore, *plains: bytes, kiosk: Kiosk | None = None
) -> tuple[Kiosk, Sequence[Attachment], Said]:
    """Let a citizen report something with photographs, and the hub hear of it.

    Returns:
        The device, its attachments, and the hub's acknowledgement of the event.
    """
    kiosk = kiosk or Kiosk(DEVICE)
    event_id = f"01930d3e-8a00-7000-8000-{len(store.waiting()):012x}"
    kept = [store.put(event_id, "image/jpeg", BytesIO(plain), len(plain)) for plain in plains]
    kiosk.report(event_id=event_id, attachments=kept)
    hub.enter(kiosk)
    (said,) = hub.hear(*kiosk.frames())
    return kiosk, kept, said
