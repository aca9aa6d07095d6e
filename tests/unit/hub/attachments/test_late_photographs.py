"""Photographs that come after their report: told once, to the core or to a clerk, and none that was named."""

import asyncio
import json
from collections.abc import Mapping
from typing import cast
from uuid import UUID

import pytest

from hub.attachments.links import LIFE_MS, MediaLinks
from hub.core.open311_photographs import NAME
from hub.core.port import Effect
from hub.db.outgoing_repository import OutgoingRepository
from hub.db.tables import exception, outgoing
from hub.jobs.late_photographs import LATE, LatePhotographs
from hub.jobs.media import HubMedia
from shared.adapters.attachment_store import AttachmentStore
from shared.edge.uploader import Uploader
from shared.model.attachment import Attachment
from tests.support.bodies import DEVICE, BodiesHub, Way, take_report
from tests.support.hub_database import NOW_MS
from tests.support.street import sealing_key

BASE = "https://hub.example"


def links() -> MediaLinks:
    return MediaLinks([sealing_key()], BASE)


def media_of(hub: BodiesHub) -> HubMedia:
    return HubMedia(hub.writer, links(), lambda: hub.now_ms)


def work_of(hub: BodiesHub, connector: str) -> list[Mapping[str, object]]:
    return [row for row in hub.rows(outgoing) if row["connector"] == connector]


def effect_of(row: Mapping[str, object], *, created_ms: int | None = None) -> Effect:
    body = cast("Mapping[str, object]", json.loads(str(row["body"])))
    created = cast("int", row["created_ms"]) if created_ms is None else created_ms
    return Effect(
        key=UUID(str(row["effect_key"])), aggregate=str(row["aggregate"]), body=body, created_ms=created
    )


def send(hub: BodiesHub, row: Mapping[str, object]) -> list[str]:
    """What a request would name, at this moment."""
    body = asyncio.run(media_of(hub).addressed(effect_of(row)))
    return list(cast("list[str]", body.get("media_urls", [])))


def done(hub: BodiesHub, row: Mapping[str, object], core_ref: str = "41") -> None:
    number = cast("int", row["id"])
    hub.writer.run(lambda connection: OutgoingRepository(connection).done([(number, core_ref)], hub.now_ms))


def report(hub: BodiesHub) -> Mapping[str, object]:
    (row,) = work_of(hub, "open311")
    return row


def upload(hub: BodiesHub, store: AttachmentStore, *names: Attachment) -> None:
    for one in names:
        name = one.envelope.sha256
        with store.open(name) as file:
            Way(hub).append(name, 0, file.read())


def turn(hub: BodiesHub, *, core_takes_them: bool = True) -> int:
    woken: list[int] = []
    late = LatePhotographs(
        hub.writer, lambda: hub.now_ms, lambda: woken.append(1), core_takes_them=core_takes_them
    )
    late.run()
    return len(woken)


@pytest.mark.sentence("C-6")
def test_photograph_that_comes_after_its_report_is_told_to_the_core_once(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    _, (early, late), _ = take_report(hub, store, b"one", b"another")
    upload(hub, store, early)
    assert [early.envelope.sha256 in url for url in send(hub, report(hub))] == [True]
    upload(hub, store, late)
    assert turn(hub) == 0  # the report is not there yet: what it names may still be more
    done(hub, report(hub))
    assert [turn(hub), turn(hub)] == [1, 0]
    (update,) = work_of(hub, NAME)
    said = effect_of(update).body
    assert (said["service_request_id"], said["status"], said["reference"]) == (
        "41",
        "open",
        report(hub)["aggregate"],
    )
    (url,) = send(hub, update)
    assert links().named(url) == (DEVICE, late.envelope.sha256)
    assert work_of(hub, "open311")[0]["core_ref"] == "41"


@pytest.mark.sentence("C-6")
def test_photographs_that_the_report_named_are_not_told_again(hub: BodiesHub, store: AttachmentStore) -> None:
    _, kept, _ = take_report(hub, store, b"one", b"another")
    upload(hub, store, *kept)
    assert len(send(hub, report(hub))) == 2
    done(hub, report(hub))
    assert turn(hub) == 0
    assert work_of(hub, NAME) == []


@pytest.mark.sentence("C-6")
def test_core_that_takes_no_updates_leaves_a_late_photograph_to_a_clerk_once(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    _, (late,), _ = take_report(hub, store, b"one")
    done(hub, report(hub), "token:7")
    upload(hub, store, late)
    assert [turn(hub, core_takes_them=False) for _ in range(2)] == [0, 0]
    (told,) = hub.rows(exception)
    assert told["kind"] == LATE
    detail = cast("Mapping[str, str]", told["detail"])
    assert detail["photograph"] == f"/v1/attachments/{DEVICE}/{late.envelope.sha256}/body"
    assert (detail["reference"], work_of(hub, NAME)) == (report(hub)["aggregate"], [])


def test_report_that_has_a_receipt_alone_is_waited_for_until_it_has_its_number(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    _, (late,), _ = take_report(hub, store, b"one")
    done(hub, report(hub), "token:7")
    upload(hub, store, late)
    assert turn(hub) == 0
    done(hub, report(hub), "41")
    assert turn(hub) == 1


def test_photograph_that_was_revoked_is_told_to_nobody(hub: BodiesHub, store: AttachmentStore) -> None:
    _, (late,), _ = take_report(hub, store, b"one")
    done(hub, report(hub))
    upload(hub, store, late)
    hub.attachments.revoke(DEVICE, late.envelope.sha256)
    turn(hub)
    turn(hub, core_takes_them=False)
    assert (work_of(hub, NAME), hub.rows(exception)) == ([], [])


@pytest.mark.sentence("C-6")
def test_report_that_is_found_at_the_core_says_which_photographs_it_has(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    """A hub that was put back has forgotten what it told; the core shows the first photograph at least."""
    _, (known, other), _ = take_report(hub, store, b"one", b"another")
    upload(hub, store, known, other)
    url = links().url(DEVICE, known.envelope.sha256, hub.now_ms)
    strangers = ["https://elsewhere.example/media/x/y/z", f"{BASE}/media/kiosk-9/aa/1.x", BASE, ""]
    asyncio.run(media_of(hub).seen(effect_of(report(hub)), [url, *strangers]))
    done(hub, report(hub))
    turn(hub)
    (update,) = work_of(hub, NAME)
    assert effect_of(update).body["attachments"] == [{"device": DEVICE, "sha256": other.envelope.sha256}]


def test_address_holds_also_where_nobody_knows_when_the_effect_was_decided(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    """After a restore effects are sent with caution: as of no known instant."""
    _, (kept,), _ = take_report(hub, store, b"one")
    upload(hub, store, kept)
    effect = effect_of(report(hub), created_ms=0)
    body = asyncio.run(media_of(hub).addressed(effect))
    (url,) = cast("list[str]", body["media_urls"])
    device, name, ticket = url.removeprefix(f"{BASE}/media/").split("/")
    links().check(device, name, ticket, hub.now_ms)
    assert ticket.startswith(f"{NOW_MS + LIFE_MS}.")


def test_uploader_brings_a_body_that_was_given_up_no_more(hub: BodiesHub, store: AttachmentStore) -> None:
    """What the device says is gone and brings after all, from another disk, is late and not lost."""
    _, (late,), _ = take_report(hub, store, b"one")
    Way(hub).give_up(late.envelope.sha256)
    done(hub, report(hub))
    Uploader(store, Way(hub)).turn()
    assert turn(hub) == 1
