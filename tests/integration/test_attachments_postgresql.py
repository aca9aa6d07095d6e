"""Attachments on PostgreSQL: announced, missing, stored, lost, and what waits for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from hub.core.open311_photographs import NAME
from hub.db.attachment_repository import Loss, State
from hub.db.outgoing_repository import OutgoingRepository
from hub.db.tables import exception, outgoing
from hub.jobs.late_photographs import LatePhotographs
from hub.usecases.take_event import ATTACHMENT_WAIT_MS
from shared.adapters.attachment_store import AttachmentStore
from shared.edge.uploader import Uploader
from shared.protocol import limits
from tests.support.bodies import DEVICE, BodiesHub, Way, take_report
from tests.support.hub_database import NOW_MS
from tests.support.postgresql import new_database, postgresql_server

pytestmark = pytest.mark.requires("postgres")


def number_of(row: Mapping[str, object]) -> int:
    return cast("int", row["id"])


def test_photographs_come_and_do_not_come(tmp_path: Path) -> None:
    with postgresql_server() as server:
        hub = BodiesHub(tmp_path, url=new_database(server))
        store = AttachmentStore(tmp_path / "device", DEVICE, reserve_bytes=0)
        _, (here, gone), said = take_report(hub, store, b"one", b"another")
        assert set(said.ack.missing) == {here.envelope.sha256, gone.envelope.sha256}
        (report,) = hub.rows(outgoing)
        assert report["due_ms"] == NOW_MS + ATTACHMENT_WAIT_MS
        store.drop(gone.envelope.sha256)
        Uploader(store, Way(hub)).turn()
        hub.attachments.review()
        assert b"".join(hub.attachments.read(hub.found(here.envelope.sha256))) == b"one"
        hub.now_ms += limits.KEEP_WINDOW_MS + 1
        hub.attachments.review()
        assert hub.found(gone.envelope.sha256).reason is Loss.EXPIRED
        assert hub.found(here.envelope.sha256).state is State.STORED
        assert [row["kind"] for row in hub.rows(exception)] == ["attachment_lost"]
        hub.writer.run(lambda connection: OutgoingRepository(connection).done([(number_of(report), "41")], 1))
        for _ in range(2):
            LatePhotographs(hub.writer, lambda: hub.now_ms, lambda: None, core_takes_them=True).run()
        assert [row["connector"] for row in hub.rows(outgoing)] == ["open311", NAME]
        assert hub.attachments.revoke(DEVICE, here.envelope.sha256)
        assert hub.found(here.envelope.sha256).revoked
        hub.end()
