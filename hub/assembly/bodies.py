"""From settings and keys to what takes the bodies that devices send apart from their events."""

from collections.abc import Callable

from hub.attachments.blobs import BlobStore
from hub.attachments.service import Attachments
from hub.config import HubConfig
from hub.db.writer import Writer
from hub.ingest.opening import Opener
from hub.keys.room import KeyRoom


def make_attachments(
    config: HubConfig,
    room: KeyRoom,
    writer: Writer,
    clock: Callable[[], int],
    work_committed: Callable[[], None],
) -> Attachments:
    """Make what takes bodies.

    Args:
        config: the settings.
        room: who may speak, and what opens what they sealed.
        writer: the database.
        clock: the hub's time, Unix epoch in milliseconds.
        work_committed: called when something that waited may be due.
    """
    opener = Opener(room.keys.sealing)
    return Attachments(
        BlobStore(config.attachments_dir), writer, room.registry, opener, clock, work_committed
    )
