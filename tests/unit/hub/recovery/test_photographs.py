"""Photographs beside a copy of the database: what is there, what comes again, what is gone."""

from dataclasses import replace
from pathlib import Path

from hub.recovery.photographs import Photographs, look
from shared.adapters.attachment_store import AttachmentStore
from shared.edge.uploader import Uploader
from shared.protocol import limits
from tests.support.bodies import DEVICE, BodiesHub, Way, take_report


def test_photographs_of_a_database_are_counted_present_coming_and_gone(tmp_path: Path) -> None:
    hub, store = BodiesHub(tmp_path), AttachmentStore(tmp_path / "device", DEVICE, reserve_bytes=0)
    _, kept, _ = take_report(hub, store, b"one", b"two", b"three")
    Uploader(store, Way(hub)).turn()
    bodies, sizes = tmp_path / "bodies", [one.envelope.size for one in kept]
    late_ms = hub.now_ms + limits.KEEP_WINDOW_MS + 1
    with hub.writer.read() as connection:
        whole = Photographs(present=3, present_bytes=sum(sizes), coming=0, gone=0)
        assert look(connection, bodies, hub.now_ms) == whole
        (bodies / DEVICE / kept[0].envelope.sha256).unlink()
        coming = Photographs(present=2, present_bytes=sum(sizes[1:]), coming=1, gone=0)
        assert look(connection, bodies, hub.now_ms) == coming
        assert look(connection, bodies, late_ms) == replace(coming, coming=0, gone=1)
    hub.end()
