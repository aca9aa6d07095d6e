"""The device's attachment store: sealed bodies beside the outbox, each a file named by its hash.

    HOME/data/attachments/<sha256>.body     the sealed body
    HOME/data/attachments/<sha256>.json     its event, what is known of it at the hub

Rules:
- A body is sealed as it is written: the plain one is never on this disk, and its key is not kept here.
- It is durable, and so is its note, before its event is appended: a power cut in between leaves a body that
  the hub never hears of, which goes when the hub has not asked for it for a whole keep window.
- What is half written, or lacks its note or its body, is removed at the start.
- Bounded in bytes, and it leaves room on the disk for lines. What the hub has gives way, oldest first; what
  it lacks never does: then nothing more is taken, and that is said before an event counts.
- Instants are the hub's, as it tells them: the device's own clock may be wrong by years.

Not here: uploading (`shared.edge.uploader`).
"""

import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import BinaryIO, Final

from shared.adapters.durable_files import PRIVATE, make_folder, sync_folder, write_whole
from shared.adapters.outbox.errors import DiskFullError
from shared.model.attachment import SEALED_BYTES_MAX, SHA256_FORM, Attachment, Envelope
from shared.model.errors import CapacityError, DeviceError, InputError
from shared.model.fields import INTEGER_MAX, whole
from shared.model.ids import check_event_id
from shared.protocol import limits
from shared.protocol.attachment import KEY_BYTES, SEALED_CHUNK_BYTES, seal_body, sealed_size
from shared.protocol.parsing import encode, parse_object

_BODY: Final = ".body"
_NOTE: Final = ".json"
_PASSING: Final = ".passing-"
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class StoreFullError(CapacityError):
    """Too many photographs wait for the hub; take the report without one, or wait until the hub has them."""


class StoreBrokenError(DeviceError):
    """The disk failed to keep a photograph, and nothing was taken; service the device."""


class BodyTooLargeError(InputError):
    """An attachment is larger than the hub takes; give a smaller one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBody:
    """A body on this disk.

    Attributes:
        envelope: what travels.
        event_id: whose it is.
        sent_ms: when the hub had all of it, by the hub's clock; None while it lacks some.
        unawaited_ms: since when the hub does not ask for it, by its clock; None where it may.
    """

    envelope: Envelope
    event_id: str
    sent_ms: int | None = None
    unawaited_ms: int | None = None

    @property
    def name(self) -> str:
        """Its name everywhere: SHA-256 of the sealed body."""
        return self.envelope.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """How full the store is.

    Attributes:
        bodies: on this disk.
        waiting: of them, that the hub lacks.
        bytes: of all of them.
        capacity: that they may have.
    """

    bodies: int
    waiting: int
    bytes: int
    capacity: int


class AttachmentStore:
    """The bodies of one device; any thread may call.

    Args:
        folder: where they lie; made where it is missing.
        device: whose they are.
        bytes_max: what they may have together.
        reserve_bytes: what they leave free on the disk.

    Raises:
        OSError: the folder cannot be read or written.
    """

    def __init__(
        self,
        folder: Path,
        device: str,
        *,
        bytes_max: int = limits.ATTACHMENT_STORE_BYTES,
        reserve_bytes: int = limits.ATTACHMENT_RESERVE_BYTES,
    ) -> None:
        self._folder = folder
        self._device = device
        self._bytes_max = bytes_max
        self._reserve_bytes = reserve_bytes
        self._lock = threading.Lock()
        self._bodies: dict[str, StoredBody] = {}
        make_folder(folder)
        self._tidy()

    # -- taking ------------------------------------------------------------------------------------------

    def put(self, event_id: str, media_type: str, source: BinaryIO, size: int) -> Attachment:
        """Seal a body and make it durable; its event may be appended when this returns.

        Args:
            event_id: whose it is.
            media_type: of the plain body.
            source: gives the plain body.
            size: how long it is.

        Raises:
            BodyTooLargeError: it is longer than the hub takes.
            StoreFullError: what waits for the hub leaves no room.
            DiskFullError: the disk is full.
            StoreBrokenError: the disk failed.
        """
        key, plain = token_bytes(KEY_BYTES), hashlib.sha256()

        def read(count: int) -> bytes:
            block = source.read(count)
            plain.update(block)
            return block

        envelope = self._put(
            event_id, media_type, seal_body(key, self._device, event_id, read), sealed_size(size)
        )
        return Attachment(envelope=envelope, key=key, plain_sha256=plain.hexdigest())

    def put_sealed(self, event_id: str, envelope: Envelope, source: BinaryIO) -> None:
        """Make a body durable that somebody else has sealed; raises as `put` does.

        Args:
            event_id: whose it is.
            envelope: what it is to be.
            source: gives the sealed body.

        Raises:
            InputError: it is something else.
        """
        chunks = iter(lambda: source.read(SEALED_CHUNK_BYTES), b"")
        kept = self._put(event_id, envelope.media_type, chunks, envelope.size)
        if kept != envelope:
            self.drop(kept.sha256)
            raise InputError("this sealed body is not the one that was named; seal it again")

    def _put(self, event_id: str, media_type: str, chunks: Iterable[bytes], sealed_bytes: int) -> Envelope:
        if sealed_bytes > SEALED_BYTES_MAX:
            raise BodyTooLargeError(BodyTooLargeError.__doc__)
        with self._lock:
            self._make_room(sealed_bytes)
            try:
                return self._write(event_id, media_type, chunks)
            except OSError as error:
                self._remove_passing()
                if error.errno in _NO_ROOM:
                    raise DiskFullError(DiskFullError.__doc__) from error
                raise StoreBrokenError(f"{StoreBrokenError.__doc__} ({error.strerror})") from error

    def discard(self, event_id: str) -> None:
        """Forget the bodies of an event that was not taken."""
        with self._lock:
            for body in [one for one in self._bodies.values() if one.event_id == event_id]:
                self._remove(body)

    # -- what the uploader asks and tells ----------------------------------------------------------------

    def find(self, name: str) -> StoredBody | None:
        """Return a body by its hash."""
        return self._bodies.get(name)

    def waiting(self) -> Sequence[StoredBody]:
        """Return what the hub lacks, as far as this device knows."""
        with self._lock:
            return [body for body in self._bodies.values() if body.sent_ms is None]

    def open(self, name: str) -> BufferedReader:
        """Open a sealed body for reading.

        Raises:
            OSError: it is not there, or cannot be read.
        """
        return self._path(name, _BODY).open("rb")

    def is_there(self, name: str) -> bool:
        """Tell whether a body's file is still there."""
        return self._path(name, _BODY).is_file()

    def is_sound(self, name: str) -> bool:
        """Tell whether the disk gives back the bytes that it was given."""
        try:
            with self.open(name) as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == name
        except OSError:
            return False

    def note_sent(self, name: str, hub_ms: int) -> None:
        """The hub has all of it."""
        self._change(name, lambda body: replace(body, sent_ms=hub_ms, unawaited_ms=None))

    def note_missing(self, name: str) -> None:
        """The hub asks for it, again perhaps."""
        self._change(name, lambda body: replace(body, sent_ms=None, unawaited_ms=None))

    def note_unawaited(self, name: str, hub_ms: int) -> None:
        """The hub does not know its event, yet or any more."""
        self._change(name, lambda body: replace(body, unawaited_ms=body.unawaited_ms or hub_ms))

    def drop(self, name: str) -> None:
        """Remove a body that is worth nothing."""
        with self._lock:
            if (body := self._bodies.get(name)) is not None:
                self._remove(body)

    def expire(self, hub_ms: int) -> None:
        """Remove what the hub has had, or has not asked for, for the keep window."""
        with self._lock:
            for body in list(self._bodies.values()):
                since_ms = body.unawaited_ms if body.sent_ms is None else body.sent_ms
                if since_ms is not None and hub_ms - since_ms > limits.KEEP_WINDOW_MS:
                    self._remove(body)

    def holding(self) -> Holding:
        """Return how full the store is."""
        with self._lock:
            bodies = list(self._bodies.values())
        return Holding(
            bodies=len(bodies),
            waiting=sum(body.sent_ms is None and body.unawaited_ms is None for body in bodies),
            bytes=sum(body.envelope.size for body in bodies),
            capacity=self._bytes_max,
        )

    # -- files -------------------------------------------------------------------------------------------

    def _write(self, event_id: str, media_type: str, chunks: Iterable[bytes]) -> Envelope:
        sealed = hashlib.sha256()
        passing = self._folder / f"{_PASSING}{token_hex(8)}"
        descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        size = 0
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                sealed.update(chunk)
                size += file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        envelope = Envelope(sha256=sealed.hexdigest(), size=size, media_type=media_type)
        body = self._path(envelope.sha256, _BODY)
        passing.rename(body)
        try:
            self._keep(StoredBody(envelope=envelope, event_id=event_id))
        except OSError:
            body.unlink()
            raise
        return envelope

    def _keep(self, body: StoredBody) -> None:
        """Make a body's note durable, and with the folder the body's own name."""
        note = {
            "v": 1,
            "event_id": body.event_id,
            **body.envelope.to_data(),
            "sent_ms": body.sent_ms,
            "unawaited_ms": body.unawaited_ms,
        }
        write_whole(self._path(body.name, _NOTE), encode(note))
        self._bodies[body.name] = body

    def _change(self, name: str, change: Callable[[StoredBody], StoredBody]) -> None:
        """Note what was heard; where the disk does not take it, it is heard again."""
        with self._lock:
            body = self._bodies.get(name)
            if body is None or (changed := change(body)) == body:
                return
            try:
                self._keep(changed)
            except OSError:
                self._bodies[name] = changed

    def _remove(self, body: StoredBody) -> None:
        """The note first: a body without one is removed at the next start."""
        self._bodies.pop(body.name, None)
        self._path(body.name, _NOTE).unlink(missing_ok=True)
        self._path(body.name, _BODY).unlink(missing_ok=True)

    def _make_room(self, need: int) -> None:
        used = sum(body.envelope.size for body in self._bodies.values())
        sent = sorted(
            (body for body in self._bodies.values() if body.sent_ms is not None),
            key=lambda body: body.sent_ms or 0,
        )
        while used + need > self._bytes_max and sent:
            used -= sent[0].envelope.size
            self._remove(sent.pop(0))
        if used + need > self._bytes_max:
            raise StoreFullError(StoreFullError.__doc__)
        while shutil.disk_usage(self._folder).free < need + self._reserve_bytes:
            if not sent:
                raise DiskFullError(DiskFullError.__doc__)
            self._remove(sent.pop(0))

    def _tidy(self) -> None:
        """Find what is whole, and remove the rest."""
        self._remove_passing()
        for path in self._folder.iterdir():
            if path.suffix == _NOTE and SHA256_FORM.fullmatch(path.stem):
                body = _read_note(path)
                if body is not None and self._is_whole(body):
                    self._bodies[body.name] = body
        for path in self._folder.iterdir():
            if path.stem not in self._bodies and path.suffix in (_BODY, _NOTE):
                path.unlink()
        sync_folder(self._folder)

    def _is_whole(self, body: StoredBody) -> bool:
        path = self._path(body.name, _BODY)
        return path.is_file() and path.stat().st_size == body.envelope.size

    def _remove_passing(self) -> None:
        for path in self._folder.glob(f"{_PASSING}*"):
            path.unlink()
        for path in self._folder.glob(".*.new"):
            path.unlink()

    def _path(self, name: str, suffix: str) -> Path:
        return self._folder / f"{name}{suffix}"


def _read_note(path: Path) -> StoredBody | None:
    """Read a note; None where it is damaged: its body is then of no use to anyone."""
    try:
        members = parse_object(path.read_bytes())
        body = StoredBody(
            envelope=Envelope.from_data(members),
            event_id=check_event_id(members.get("event_id")),
            sent_ms=_instant(members, "sent_ms"),
            unawaited_ms=_instant(members, "unawaited_ms"),
        )
    except (InputError, OSError):
        return None
    return body if body.name == path.stem else None


def _instant(members: dict[str, object], name: str) -> int | None:
    return None if members.get(name) is None else whole(members, name, 0, INTEGER_MAX)
