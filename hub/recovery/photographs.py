"""Photographs beside a copy of the database: the copy does not hold them, and whoever restores it is told.

A body never changes and is named by its hash, so its folder can be copied by any means, before the database
or after it. What is missing afterwards is asked for again: a device keeps its own for the keep window.
"""

from dataclasses import dataclass
from pathlib import Path

from hub.attachments.blobs import BlobStore
from hub.db.attachment_repository import AttachmentBook, State
from hub.db.engine import Connection
from shared.protocol import limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Photographs:
    """What a database names and a folder holds.

    Attributes:
        present: how many are there.
        present_bytes: how large they are together, sealed.
        coming: how many are not, and are sent again by their devices.
        gone: how many are not, and are so old that no device keeps them.
    """

    present: int
    present_bytes: int
    coming: int
    gone: int


def look(connection: Connection, folder: Path, now_ms: int) -> Photographs:
    """Hold a database against the folder of photographs.

    Args:
        connection: reads the database.
        folder: the hub's photographs.
        now_ms: the hub's time, Unix epoch.

    Raises:
        OSError: the folder cannot be read.
    """
    blobs = BlobStore(folder)
    present, present_bytes, coming, gone = 0, 0, 0, 0
    for body in AttachmentBook(connection).every(State.STORED):
        if blobs.has(body.device, body.sha256):
            present, present_bytes = present + 1, present_bytes + body.size
        elif body.announced_ms < now_ms - limits.KEEP_WINDOW_MS:
            gone += 1
        else:
            coming += 1
    return Photographs(present=present, present_bytes=present_bytes, coming=coming, gone=gone)
