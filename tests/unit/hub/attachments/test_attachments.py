"""Bodies at the hub: what is taken, from whom, and what becomes of what waits for them."""

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from hub.attachments.blobs import BlobStore, NoRoomError
from hub.attachments.links import LIFE_MS, LinkError, MediaLinks
from hub.attachments.service import Attachments, DeviceQuotaError, NotAwaitedError, SpoiltError
from hub.db.attachment_repository import PAGE_ROWS, Loss, State
from hub.db.tables import exception, inbox, outgoing, quarantine
from hub.ingest.opening import Opener
from hub.usecases.take_event import ATTACHMENT_WAIT_MS
from shared.adapters.attachment_store import AttachmentStore
from shared.edge.uploader import Uploader
from shared.model.attachment import Attachment, Envelope
from shared.model.event import Stream
from shared.protocol import limits
from shared.protocol.mac import MacError
from shared.protocol.sealing import HubSealingKey
from tests.support.bodies import DEVICE, OTHER, BodiesHub, Way, take_report
from tests.support.hub_database import NOW_MS
from tests.support.street import Kiosk, sealing_key

PLAIN = b"a picture of a pothole" * 30_000


def upload(hub: BodiesHub, store: AttachmentStore) -> Way:
    way = Way(hub)
    Uploader(store, way).turn()
    return way


def due_ms(hub: BodiesHub) -> object:
    (row,) = hub.rows(outgoing)
    return row["due_ms"]


@pytest.mark.sentence("M-4")
def test_event_is_acknowledged_without_its_body_and_the_body_is_asked_for(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    kiosk, (kept,), said = take_report(hub, store, PLAIN)
    assert said.ack.streams[Stream.CASES].acked == 1
    assert said.ack.missing == (kept.envelope.sha256,)
    upload(hub, store)
    (later,) = hub.hear(kiosk.frame(Stream.CASES, first=2))
    assert later.ack.missing == ()
    assert store.waiting() == []


@pytest.mark.sentence("M-4")
def test_acknowledgement_names_a_bounded_number_of_missing_bodies(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    kiosk = Kiosk(DEVICE)
    for n in range(limits.ATTACHMENTS_LISTED_MAX + 3):
        event_id = f"01930d3e-8a00-7000-8000-{n:012x}"
        kept = store.put(event_id, "image/jpeg", BytesIO(b"x"), 1)
        kiosk.report(event_id=event_id, attachments=[kept])
    hub.enter(kiosk)
    (said,) = hub.hear(*kiosk.frames())
    assert len(said.ack.missing) == limits.ATTACHMENTS_LISTED_MAX
    upload(hub, store)
    assert store.waiting() == []


@pytest.mark.sentence("M-9")
def test_report_waits_for_its_photographs_and_goes_when_the_last_is_here(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    _, kept, _ = take_report(hub, store, PLAIN, PLAIN[:100])
    assert due_ms(hub) == NOW_MS + ATTACHMENT_WAIT_MS
    hub.now_ms += 60_000
    upload(hub, store)
    assert due_ms(hub) == NOW_MS + 60_000
    assert hub.woken >= 1
    body = str(hub.rows(outgoing)[0]["body"])
    assert all(one.envelope.sha256 in body and one.key.hex() not in body for one in kept)


@pytest.mark.sentence("M-7")
def test_body_is_read_back_as_it_was_taken_and_lies_sealed_on_the_disk(
    hub: BodiesHub, store: AttachmentStore, tmp_path: Path
) -> None:
    _, (kept,), _ = take_report(hub, store, PLAIN)
    upload(hub, store)
    assert b"".join(hub.attachments.read(hub.found(kept.envelope.sha256))) == PLAIN
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "bodies").rglob("*") if path.is_file())
    assert b"pothole" not in on_disk
    assert kept.key not in on_disk


@pytest.mark.sentence("M-7")
def test_body_that_nobody_announced_is_refused(hub: BodiesHub, store: AttachmentStore) -> None:
    _, (kept,), _ = take_report(hub, store, PLAIN)
    name = kept.envelope.sha256
    stranger = Way(hub, device=OTHER, signs_as=OTHER)
    for other, wanted in ((stranger, name), (Way(hub), "ab" * 32)):
        with pytest.raises(NotAwaitedError):
            hub.attachments.append(other.piece("PATCH", wanted, 0, b"x"))
        with pytest.raises(NotAwaitedError):
            hub.attachments.look(other.piece("HEAD", wanted, 0, b""))
    for place in ("../../etc", "kiosk-7/..", ""):
        with pytest.raises(MacError):
            hub.attachments.look(Way(hub, device=place).piece("HEAD", name, 0, b""))
        with pytest.raises(NotAwaitedError):
            hub.attachments.look(Way(hub).piece("HEAD", place, 0, b""))


@pytest.mark.sentence("M-5")
def test_another_device_s_word_counts_for_nothing(hub: BodiesHub, store: AttachmentStore) -> None:
    _, (kept,), _ = take_report(hub, store, PLAIN)
    name, forger = kept.envelope.sha256, Way(hub, signs_as=OTHER)
    for ask, method in (
        (hub.attachments.look, "HEAD"),
        (hub.attachments.append, "PATCH"),
        (hub.attachments.give_up, "DELETE"),
    ):
        with pytest.raises(MacError):
            ask(forger.piece(method, name, 0, b"x"))
    honest = Way(hub).piece("PATCH", name, 0, PLAIN[:100])
    with pytest.raises(MacError):
        hub.attachments.append(replace(honest, content=PLAIN[1:101]))
    with pytest.raises(MacError):
        hub.attachments.append(replace(honest, offset=100))
    with pytest.raises(MacError):
        hub.attachments.give_up(honest)
    assert hub.blobs.part_bytes(DEVICE, name) == 0


@pytest.mark.sentence("M-6")
def test_piece_is_taken_only_where_the_hub_is(hub: BodiesHub, store: AttachmentStore) -> None:
    _, (kept,), _ = take_report(hub, store, PLAIN)
    name, way = kept.envelope.sha256, Way(hub)
    with store.open(name) as file:
        body = file.read()
    assert way.append(name, 0, body[:1_000]).offset == 1_000
    assert way.append(name, 0, body[:1_000]).offset == 1_000
    assert way.append(name, 2_000, body[2_000:3_000]).offset == 1_000
    assert way.look(name).offset == 1_000
    assert way.append(name, 1_000, body[1_000:]).complete
    assert way.append(name, 0, body[:1_000]).complete


@pytest.mark.sentence("M-7")
def test_body_that_is_not_what_its_name_says_leaves_nothing(hub: BodiesHub, store: AttachmentStore) -> None:
    _, (kept,), _ = take_report(hub, store, PLAIN)
    name, way = kept.envelope.sha256, Way(hub)
    with store.open(name) as file:
        body = file.read()
    with pytest.raises(SpoiltError):
        hub.attachments.append(way.piece("PATCH", name, 0, body[:-1] + b"?"))
    assert way.look(name).offset == 0
    with pytest.raises(SpoiltError):
        hub.attachments.append(way.piece("PATCH", name, 0, body + b"?"))
    assert hub.found(name).state is State.MISSING
    upload(hub, store)
    assert hub.found(name).state is State.STORED


@pytest.mark.sentence("M-7")
def test_body_that_is_not_what_its_event_says_is_lost_and_told(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    kiosk, event_id = Kiosk(DEVICE), "01930d3e-8a00-7000-8000-000000000009"
    kept = store.put(event_id, "image/jpeg", BytesIO(PLAIN), len(PLAIN))
    kiosk.report(event_id=event_id, attachments=[replace(kept, plain_sha256="ab" * 32)])
    hub.enter(kiosk)
    hub.hear(*kiosk.frames())
    upload(hub, store)
    lost = hub.found(kept.envelope.sha256)
    assert (lost.state, lost.reason) == (State.LOST, Loss.UNREADABLE)
    assert [row["kind"] for row in hub.rows(exception)] == ["attachment_lost"]
    assert due_ms(hub) == NOW_MS
    assert not hub.blobs.has(DEVICE, kept.envelope.sha256)


@pytest.mark.sentence("M-8")
def test_body_that_the_device_no_longer_has_is_a_loss_that_holds_nothing_up(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    _, (kept,), _ = take_report(hub, store, PLAIN)
    store.drop(kept.envelope.sha256)
    way = Way(hub)
    uploader = Uploader(store, way)
    uploader.hear([kept.envelope.sha256])
    uploader.turn()
    uploader.turn()
    assert way.given_up == [kept.envelope.sha256]
    assert hub.found(kept.envelope.sha256).reason is Loss.GONE
    assert due_ms(hub) == NOW_MS
    (told,) = hub.rows(exception)
    assert told["kind"] == "attachment_lost"


@pytest.mark.sentence("M-8")
def test_body_that_the_device_s_disk_changed_is_said_to_be_gone(
    hub: BodiesHub, store: AttachmentStore, tmp_path: Path
) -> None:
    _, (kept,), _ = take_report(hub, store, PLAIN)
    path = tmp_path / "device" / f"{kept.envelope.sha256}.body"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    way = upload(hub, store)
    assert way.given_up == [kept.envelope.sha256]
    assert store.holding().bodies == 0


@pytest.mark.sentence("M-8")
def test_body_that_did_not_come_within_the_keep_window_is_a_loss_and_is_taken_after_all(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    _, (kept,), _ = take_report(hub, store, PLAIN)
    name = kept.envelope.sha256
    hub.attachments.review()
    assert hub.found(name).state is State.MISSING
    hub.now_ms += limits.KEEP_WINDOW_MS + 1
    hub.attachments.review()
    assert hub.found(name).reason is Loss.EXPIRED
    upload(hub, store)
    assert hub.found(name).state is State.STORED


@pytest.mark.sentence("M-8")
def test_bodies_lost_with_the_hub_s_disk_are_asked_for_again(hub: BodiesHub, store: AttachmentStore) -> None:
    kiosk, (kept,), _ = take_report(hub, store, PLAIN)
    upload(hub, store)
    hub.blobs.remove(DEVICE, kept.envelope.sha256)
    hub.attachments.review()
    (said,) = hub.hear(kiosk.frame(Stream.CASES, first=2))
    assert said.ack.missing == (kept.envelope.sha256,)
    way = Way(hub)
    uploader = Uploader(store, way)
    uploader.hear(said.ack.missing)
    uploader.turn()
    assert hub.found(kept.envelope.sha256).state is State.STORED


def test_database_that_was_restored_finds_the_bodies_that_are_there(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    _, (kept,), _ = take_report(hub, store, PLAIN)
    with store.open(kept.envelope.sha256) as file:
        hub.blobs.append(DEVICE, kept.envelope.sha256, file.read())
    assert hub.blobs.finish(DEVICE, kept.envelope.sha256)
    hub.attachments.review()
    assert hub.found(kept.envelope.sha256).state is State.STORED


@pytest.mark.sentence("M-10")
def test_event_given_again_with_its_photograph_sealed_anew_counts_once(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    kiosk, event_id = Kiosk(DEVICE), "01930d3e-8a00-7000-8000-000000000009"
    data = {"reference": "R-1", "service_code": "aceras", "channel": "kiosk", "description": "Bache"}
    first, again = (store.put(event_id, "image/jpeg", BytesIO(PLAIN), len(PLAIN)) for _ in range(2))
    for kept in (first, again):
        kiosk.take("incident.reported", data, Stream.CASES, event_id=event_id, attachments=[kept])
    hub.enter(kiosk)
    hub.hear(*kiosk.frames())
    assert len(hub.rows(inbox)) == 1
    assert hub.rows(quarantine) == []
    assert hub.attachments.find(DEVICE, again.envelope.sha256) is None
    upload(hub, store)
    assert hub.found(first.envelope.sha256).state is State.STORED
    assert store.holding().waiting == 0


def test_disk_without_room_takes_no_more_photographs(tmp_path: Path, store: AttachmentStore) -> None:
    hub = BodiesHub(tmp_path, reserve_bytes=2**60)
    _, (kept,), _ = take_report(hub, store, PLAIN)
    with pytest.raises(NoRoomError):
        hub.attachments.append(Way(hub).piece("PATCH", kept.envelope.sha256, 0, b"x"))
    hub.end()


@pytest.mark.sentence("M-7")
def test_device_that_floods_is_stopped_for_a_day_and_no_other_is(
    tmp_path: Path, store: AttachmentStore
) -> None:
    hub = BodiesHub(tmp_path, device_bytes=2_500)
    _, kept, _ = take_report(hub, store, *(bytes(1_000) for _ in range(3)))
    with pytest.raises(DeviceQuotaError):
        upload(hub, store)
    assert len(store.waiting()) == 1
    assert [hub.found(one.envelope.sha256).state for one in kept].count(State.STORED) == 2
    hub.now_ms += 86_400_001
    upload(hub, store)
    assert store.waiting() == []
    hub.end()


@pytest.mark.sentence("M-7")
def test_bodies_that_were_begun_count_whole_against_the_day(tmp_path: Path, store: AttachmentStore) -> None:
    hub = BodiesHub(tmp_path, device_bytes=2_500)
    _, kept, _ = take_report(hub, store, *(bytes(1_000) for _ in range(3)))
    first, second, third = (one.envelope.sha256 for one in kept)
    for name in (first, second):
        hub.attachments.append(Way(hub).piece("PATCH", name, 0, b"x"))
    with pytest.raises(DeviceQuotaError):
        hub.attachments.append(Way(hub).piece("PATCH", third, 0, b"x"))
    hub.end()


def test_review_looks_at_every_page(hub: BodiesHub, store: AttachmentStore) -> None:
    kiosk = Kiosk(DEVICE)
    count = PAGE_ROWS + 5
    for n in range(count):
        envelope = Envelope(sha256=f"{n:064x}", size=17, media_type="image/jpeg")
        kiosk.report(attachments=[Attachment(envelope=envelope, key=bytes(32), plain_sha256="ab" * 32)])
    hub.enter(kiosk)
    lines = len(kiosk.epochs[Stream.CASES][-1].lines)
    for first in range(1, lines + 1, 20):
        hub.hear(kiosk.frame(Stream.CASES, first=first, last=min(first + 19, lines)))
    hub.now_ms += limits.KEEP_WINDOW_MS + 1
    hub.attachments.review()
    assert {hub.found(f"{n:064x}").reason for n in range(count)} == {Loss.EXPIRED}


@pytest.mark.sentence("M-9")
def test_address_of_a_photograph_is_its_own_for_a_time_and_until_it_is_revoked(
    hub: BodiesHub, store: AttachmentStore
) -> None:
    links = MediaLinks([sealing_key()], "https://hub.example.org")
    url = links.url(DEVICE, "ab" * 32, NOW_MS + LIFE_MS)
    assert url == links.url(DEVICE, "ab" * 32, NOW_MS + LIFE_MS)
    ticket = url.rpartition("/")[2]
    links.check(DEVICE, "ab" * 32, ticket, NOW_MS + LIFE_MS)
    rotated = MediaLinks([HubSealingKey.generate(), sealing_key()], "https://hub.example.org")
    rotated.check(DEVICE, "ab" * 32, ticket, NOW_MS)
    for device, name, shown, now_ms in (
        (OTHER, "ab" * 32, ticket, NOW_MS),
        (DEVICE, "ac" * 32, ticket, NOW_MS),
        (DEVICE, "ab" * 32, ticket[:-1], NOW_MS),
        (DEVICE, "ab" * 32, "9" + ticket, NOW_MS),
        (DEVICE, "ab" * 32, "", NOW_MS),
        (DEVICE, "ab" * 32, ticket, NOW_MS + LIFE_MS + 1),
    ):
        with pytest.raises(LinkError):
            links.check(device, name, shown, now_ms)


class Interrupted(BlobStore):
    """A disk at which something happens when it is looked at."""

    def __init__(self, folder: Path, happens: Callable[[], None]) -> None:
        super().__init__(folder)
        self._happens = happens

    def has(self, device: str, name: str) -> bool:
        self._happens()
        return super().has(device, name)


@pytest.mark.sentence("M-11")
def test_body_that_is_forgotten_in_the_middle_of_a_review_is_not_missed(
    hub: BodiesHub, store: AttachmentStore, tmp_path: Path
) -> None:
    _, (kept,), _ = take_report(hub, store, PLAIN)
    upload(hub, store)
    name = kept.envelope.sha256
    blobs = Interrupted(tmp_path / "bodies", lambda: hub.attachments.forget([(DEVICE, name)]))
    opener = Opener([sealing_key()])
    Attachments(blobs, hub.writer, hub.registry, opener, lambda: hub.now_ms, lambda: None).review()
    assert hub.found(name).state is State.FORGOTTEN
    hub.now_ms += limits.KEEP_WINDOW_MS + 1
    hub.attachments.review()
    assert hub.rows(exception) == []


@pytest.mark.sentence("M-11")
def test_body_that_is_forgotten_is_gone_from_the_disk_and_nobody_sends_it_again(
    hub: BodiesHub, store: AttachmentStore, tmp_path: Path
) -> None:
    kiosk, (kept, other), _ = take_report(hub, store, PLAIN, PLAIN[:100])
    upload(hub, store)
    name, path = kept.envelope.sha256, tmp_path / "bodies" / DEVICE / kept.envelope.sha256
    body = path.read_bytes()
    hub.attachments.forget([(DEVICE, name)])
    assert hub.found(name).state is State.FORGOTTEN
    assert [found.name for found in path.parent.iterdir()] == [other.envelope.sha256]
    way = Way(hub)
    assert way.look(name).complete
    assert way.append(name, 0, body[:1_000]).complete
    way.give_up(name)
    (later,) = hub.hear(kiosk.frame(Stream.CASES, first=2))
    assert later.ack.missing == ()
    with pytest.raises(NotAwaitedError):
        hub.attachments.read(hub.found(name))
    path.write_bytes(body)
    hub.attachments.review()
    assert (path.exists(), hub.found(name).state) == (False, State.FORGOTTEN)
    assert b"".join(hub.attachments.read(hub.found(other.envelope.sha256))) == PLAIN[:100]
