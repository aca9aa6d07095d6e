"""Attachments at the hub: how a body comes, is checked, is read, and is given up.

    announced by a line -> pieces by offset -> hash of the sealed body -> durable -> hash of the plain body

Rules:
- Only what an event announced is taken, from its device alone, and no more bytes than it said.
- The hub's word on how far it is comes from its disk; any cut costs the piece that was under way.
- A body that was restored with the disk and not with the database, or the other way round, is noticed when
  the device asks, or at the next review.
- Bodies stay sealed on the disk. What opens them is in the inbox's line, under the hub's sealing key.

Not here: HTTP (`hub.api.attachments`), files (`blobs`), SQL (`hub.db.attachment_repository`).
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from typing import Final, Protocol
from zlib import crc32

import structlog

from hub.attachments.blobs import BlobStore
from hub.db.attachment_repository import AnnouncedBody, AttachmentBook, Loss, State
from hub.db.engine import Connection
from hub.db.register_repositories import ExceptionRepository
from hub.db.writer import Writer
from shared.model.attachment import SHA256_FORM, Attachment
from shared.model.errors import CapacityError, InputError
from shared.protocol import limits
from shared.protocol.attachment import body_path, check_request, open_body
from shared.protocol.delivery import HubEpoch
from shared.protocol.sealing import SealError
from shared.protocol.topics import is_device_id

LOST: Final = "attachment_lost"
"""The kind of the exception that tells of a body that cannot come any more."""
DAY_MS: Final = 86_400_000
_LOCKS: Final = 64

log = structlog.get_logger(__name__)


class NotAwaitedError(InputError):
    """The hub awaits no such attachment; send its event first."""


class SpoiltError(InputError):
    """What came is not the attachment that was announced; send it again from the beginning."""


class DeviceQuotaError(CapacityError):
    """This device has sent more attachments than it may in a day; send the others tomorrow."""


class Keys(Protocol):
    """The key registry, as attachments need it."""

    def keys_of(self, device: str) -> Mapping[str, bytes]:
        """Return the keys under which `device` may speak now; none if it is unknown or revoked."""
        ...


class LineOpener(Protocol):
    """Opens what is sealed to the hub; `hub.ingest.opening.Opener` is the one."""

    def attachments(
        self, device: str, here: HubEpoch, seq: int, raw: bytes, contexts: Mapping[str, str]
    ) -> Sequence[Attachment]:
        """Return the bodies that a line names, with their keys."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the hub is with a body.

    Attributes:
        offset: bytes that it has.
        length: bytes that it wants.
    """

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A request of a device.

    Attributes:
        device: who says it is asking.
        name: the body.
        offset: where the content belongs.
        content: at most `ATTACHMENT_STEP_BYTES`.
        shown: what it shows for itself.
    """

    device: str
    name: str
    offset: int
    content: bytes
    shown: str


class Attachments:
    """Takes and gives bodies; any thread may call.

    Args:
        blobs: where they lie.
        writer: the database.
        keys: who may speak.
        opener: opens the lines that announce them.
        clock: the hub's time, Unix epoch in milliseconds.
        work_committed: called when something that waited may be due.
        device_bytes: what a device may send within a day, unfinished bodies included.
    """

    def __init__(
        self,
        blobs: BlobStore,
        writer: Writer,
        keys: Keys,
        opener: LineOpener,
        clock: Callable[[], int],
        work_committed: Callable[[], None],
        *,
        device_bytes: int = limits.ATTACHMENT_DEVICE_BYTES,
    ) -> None:
        self._blobs = blobs
        self._writer = writer
        self._keys = keys
        self._opener = opener
        self._clock = clock
        self._work_committed = work_committed
        self._device_bytes = device_bytes
        self._locks = tuple(threading.Lock() for _ in range(_LOCKS))

    # -- from devices ------------------------------------------------------------------------------------

    def look(self, piece: Piece) -> Progress:
        """Say how far the hub is with a body.

        Raises:
            MacError: the device is unknown or revoked, or did not say this.
            NotAwaitedError: no event of this device announced it.
        """
        body = self._awaited("HEAD", piece)
        with self._lock(body):
            return self._progress(body)

    def append(self, piece: Piece) -> Progress:
        """Take a piece of a body, if it goes on where the hub is; say how far it is then.

        Raises:
            MacError: the device is unknown or revoked, or did not say this.
            NotAwaitedError: no event of this device announced it.
            SpoiltError: it is whole now, and not what was announced; nothing is left of it.
            DeviceQuotaError: too much of this device's is unfinished, or came within a day.
            NoRoomError: the disk is full.
            TransientError: the database did not take note; the body is here, ask again.
        """
        body = self._awaited("PATCH", piece)
        with self._lock(body):
            here = self._progress(body)
            if here.offset != piece.offset or here.offset == here.length:
                return here
            if here.offset + len(piece.content) > body.size:
                self._blobs.remove(body.device, body.sha256)
                raise SpoiltError(SpoiltError.__doc__)
            if not here.offset:
                self._check_quota(body)
            if self._blobs.append(body.device, body.sha256, piece.content) < body.size:
                return Progress(here.offset + len(piece.content), body.size)
            if not self._blobs.finish(body.device, body.sha256):
                raise SpoiltError(SpoiltError.__doc__)
            self._take(body)
            return Progress(body.size, body.size)

    def give_up(self, piece: Piece) -> None:
        """Note that a device no longer has a body; one that is here is here.

        Raises:
            MacError: the device is unknown or revoked, or did not say this.
            NotAwaitedError: no event of this device announced it.
        """
        body = self._awaited("DELETE", piece)
        with self._lock(body):
            if self._progress(body).offset < body.size:
                self._blobs.remove(body.device, body.sha256)
                self._settle(body, State.LOST, Loss.GONE)

    # -- to whoever may read -----------------------------------------------------------------------------

    def find(self, device: str, name: str) -> AnnouncedBody | None:
        """Return what is known of a body."""
        with self._writer.read() as connection:
            return AttachmentBook(connection).find(device, name)

    def of_event(self, device: str, event_id: str) -> Sequence[AnnouncedBody]:
        """Return the bodies of an event."""
        with self._writer.read() as connection:
            return AttachmentBook(connection).of_event(device, event_id)

    def read(self, body: AnnouncedBody) -> Iterator[bytes]:
        """Open a body that is here; nothing is given that was not checked.

        Raises:
            NotAwaitedError: it is not here.
            InputError: it, or the line that announced it, cannot be opened.
        """
        secret = self._secret(body)
        try:
            file = self._blobs.open(body.device, body.sha256)
        except FileNotFoundError:
            raise NotAwaitedError(NotAwaitedError.__doc__) from None
        return _opened(body, secret, file)

    def revoke(self, device: str, name: str) -> bool:
        """Let nobody outside the hub fetch a body any more; tell whether there is one."""
        return self._writer.run(lambda connection: AttachmentBook(connection).revoke(device, name))

    def forget(self, bodies: Sequence[tuple[str, str]]) -> None:
        """Keep bodies no longer, by device and hash; devices hear that they came whole.

        Raises:
            TransientError: the database did not commit.
        """
        now_ms = self._clock()
        self._writer.run(lambda connection: AttachmentBook(connection).forget(bodies, now_ms))
        for device, name in bodies:
            self._blobs.remove(device, name)

    # -- timed work --------------------------------------------------------------------------------------

    def review(self) -> None:
        """Give up what did not come within the keep window, and miss what is no longer on the disk.

        What was forgotten goes from the disk: a copy that was put back, or a power cut, may have left it.

        Raises:
            TransientError: the database did not commit.
        """
        now_ms = self._clock()
        early_ms = now_ms - limits.KEEP_WINDOW_MS
        for body in self._every(State.MISSING):
            with self._lock(body):
                if self._blobs.has(body.device, body.sha256):
                    self._take(body)
                elif body.announced_ms < early_ms:
                    self._settle(body, State.LOST, Loss.EXPIRED)
        for body in self._every(State.STORED):
            if not self._blobs.has(body.device, body.sha256):
                self._settle(body, State.MISSING, None)
        for device, names in self._blobs.whole():
            with self._writer.read() as connection:
                forgotten = AttachmentBook(connection).forgotten(device, names)
            for name in forgotten:
                self._blobs.remove(device, name)
        self._blobs.remove_old_parts(early_ms / 1000)

    # -- inside ------------------------------------------------------------------------------------------

    def _every(self, state: State) -> Iterator[AnnouncedBody]:
        """Give every body in a state, a page at a time."""
        after = ("", "")
        while True:
            with self._writer.read() as connection:
                page = AttachmentBook(connection).page(state, after)
            yield from page
            if not page:
                return
            after = (page[-1].device, page[-1].sha256)

    def _awaited(self, method: str, piece: Piece) -> AnnouncedBody:
        keys: Mapping[str, bytes] = self._keys.keys_of(piece.device) if is_device_id(piece.device) else {}
        path = body_path(piece.device, piece.name)
        check_request(keys, piece.shown, method, path, piece.offset, piece.content)
        if SHA256_FORM.fullmatch(piece.name) is None:
            raise NotAwaitedError(NotAwaitedError.__doc__)
        body = self.find(piece.device, piece.name)
        if body is None or body.reason is Loss.UNREADABLE:
            raise NotAwaitedError(NotAwaitedError.__doc__)
        return body

    def _progress(self, body: AnnouncedBody) -> Progress:
        """Look at the disk, and believe it; a body that was forgotten had come."""
        if body.state is State.FORGOTTEN:
            return Progress(body.size, body.size)
        if self._blobs.has(body.device, body.sha256):
            if body.state is not State.STORED:
                self._take(body)
            return Progress(body.size, body.size)
        if body.state is State.STORED:
            self._settle(body, State.MISSING, None)
        return Progress(self._blobs.part_bytes(body.device, body.sha256), body.size)

    def _check_quota(self, body: AnnouncedBody) -> None:
        """A device that floods fills neither the disk nor the day of the others.

        A body that was begun counts whole: whoever begins many may go on with each of them.
        """
        begun = {*self._blobs.begun(body.device), body.sha256}
        with self._writer.read() as connection:
            book = AttachmentBook(connection)
            today = book.stored_bytes(body.device, self._clock() - DAY_MS)
            unfinished = book.announced_bytes(body.device, sorted(begun))
        if unfinished + today > self._device_bytes:
            raise DeviceQuotaError(DeviceQuotaError.__doc__)

    def _take(self, body: AnnouncedBody) -> None:
        """Take note of a body that is durable, and see that it is what its event says.

        Where its line cannot be opened now, as in quarantine, it is kept: a clerk may release it later.
        """
        try:
            secret = self._secret(body)
        except InputError:
            self._settle(body, State.STORED, None)
            return
        if self._is_readable(body, secret):
            self._settle(body, State.STORED, None)
        else:
            self._blobs.remove(body.device, body.sha256)
            self._settle(body, State.LOST, Loss.UNREADABLE)

    def _is_readable(self, body: AnnouncedBody, secret: Attachment) -> bool:
        """Tell whether a body opens to what its event says."""
        plain = hashlib.sha256()
        with self._blobs.open(body.device, body.sha256) as file:
            try:
                for chunk in open_body(secret.key, body.device, body.event_id, file.read):
                    plain.update(chunk)
            except SealError:
                return False
        return plain.hexdigest() == secret.plain_sha256

    def _settle(self, body: AnnouncedBody, state: State, reason: Loss | None) -> None:
        now_ms = self._clock()

        def job(connection: Connection) -> None:
            if AttachmentBook(connection).settle(body, state, reason, now_ms) and reason is not None:
                detail = {"event_id": body.event_id, "sha256": body.sha256, "reason": reason.value}
                exceptions = ExceptionRepository(connection)
                exceptions.open(LOST, body.device, detail, now_ms)
                exceptions.flush()

        self._writer.run(job)
        if reason is not None:
            log.warning("attachment_lost", device=body.device, cause=reason.value)
        self._work_committed()

    def _secret(self, body: AnnouncedBody) -> Attachment:
        """Find the key of a body in the line that announced it."""
        with self._writer.read() as connection:
            event = AttachmentBook(connection).sealed_event(body)
        if event is None:
            raise SealError(SealError.__doc__)
        here = HubEpoch(stream=event.stream, epoch=event.epoch, chain=None)
        named = self._opener.attachments(body.device, here, event.seq, event.line, event.contexts)
        for one in named:
            if one.envelope.sha256 == body.sha256:
                return one
        raise SealError(SealError.__doc__)

    def _lock(self, body: AnnouncedBody) -> threading.Lock:
        """One device's bodies are touched one at a time, so that its quota is counted once."""
        return self._locks[crc32(body.device.encode()) % _LOCKS]


def _opened(body: AnnouncedBody, secret: Attachment, file: BufferedReader) -> Iterator[bytes]:
    with file:
        yield from open_body(secret.key, body.device, body.event_id, file.read)
