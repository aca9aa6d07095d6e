"""The device's store of bodies: durable before the event counts, bounded, and tidy after any cut."""

import json
from io import BytesIO
from pathlib import Path

import pytest

from shared.adapters.attachment_store import AttachmentStore, BodyTooLargeError, StoreFullError
from shared.adapters.outbox import DiskFullError
from shared.model.attachment import SEALED_BYTES_MAX, Attachment
from shared.protocol import limits
from shared.protocol.attachment import open_body

EVENT = "01930d3e-8a00-7000-8000-000000000001"
OTHER = "01930d3e-8a00-7000-8000-000000000002"
HUB_MS = 1_795_255_200_000


def opened(folder: Path, **bounds: int) -> AttachmentStore:
    return AttachmentStore(folder / "attachments", "kiosk-7", **bounds)


def put(store: AttachmentStore, plain: bytes = b"picture", event_id: str = EVENT) -> Attachment:
    return store.put(event_id, "image/jpeg", BytesIO(plain), len(plain))


@pytest.mark.sentence("M-3")
def test_body_is_on_the_disk_sealed_when_put_returns(tmp_path: Path) -> None:
    kept = put(opened(tmp_path), b"what the camera saw" * 10_000)
    again = opened(tmp_path)
    assert again.find(kept.envelope.sha256) is not None
    assert again.is_sound(kept.envelope.sha256)
    with again.open(kept.envelope.sha256) as file:
        assert b"".join(open_body(kept.key, "kiosk-7", EVENT, file.read)) == b"what the camera saw" * 10_000
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "attachments").iterdir())
    assert b"camera" not in on_disk
    assert kept.key not in on_disk
    assert kept.key.hex().encode() not in on_disk


@pytest.mark.sentence("M-3")
@pytest.mark.parametrize("left", ["passing", "body alone", "note alone", "body cut short", "note damaged"])
def test_power_cut_at_any_step_leaves_whole_bodies_alone(tmp_path: Path, left: str) -> None:
    store = opened(tmp_path)
    whole, cut = put(store), put(store, b"another", OTHER).envelope.sha256
    folder = tmp_path / "attachments"
    body, note = folder / f"{cut}.body", folder / f"{cut}.json"
    match left:
        case "passing":
            note.unlink()
            body.rename(folder / ".passing-0123456789abcdef")
        case "body alone":
            note.rename(folder / f".{note.name}.new")
        case "note alone":
            body.unlink()
        case "body cut short":
            body.write_bytes(body.read_bytes()[:-1])
        case _:
            note.write_text("{")
    again = opened(tmp_path)
    assert [one.name for one in again.waiting()] == [whole.envelope.sha256]
    assert {path.stem for path in folder.iterdir()} == {whole.envelope.sha256}
    assert put(again, b"another", OTHER).envelope.sha256 != cut


@pytest.mark.sentence("M-8")
def test_what_the_hub_has_gives_way_and_what_it_lacks_never_does(tmp_path: Path) -> None:
    store = opened(tmp_path, bytes_max=3_000)
    first, second = put(store, bytes(1_000)), put(store, bytes(1_000))
    with pytest.raises(StoreFullError, match="without one"):
        put(store, bytes(1_000))
    store.note_sent(first.envelope.sha256, HUB_MS)
    third = put(store, bytes(1_000))
    assert store.find(first.envelope.sha256) is None
    assert {one.name for one in store.waiting()} == {second.envelope.sha256, third.envelope.sha256}


@pytest.mark.sentence("M-3")
def test_disk_that_is_full_says_so_before_anything_is_promised(tmp_path: Path) -> None:
    store = opened(tmp_path, reserve_bytes=2**60)
    with pytest.raises(DiskFullError):
        put(store)
    assert store.holding().bodies == 0
    assert list((tmp_path / "attachments").iterdir()) == []


def test_body_larger_than_the_hub_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BodyTooLargeError):
        opened(tmp_path).put(EVENT, "image/jpeg", BytesIO(), SEALED_BYTES_MAX)


def test_bodies_of_an_event_that_was_not_taken_are_forgotten(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store)
    put(store)
    kept = put(store, event_id=OTHER)
    store.discard(EVENT)
    assert [one.name for one in opened(tmp_path).waiting()] == [kept.envelope.sha256]


@pytest.mark.sentence("M-8")
def test_body_is_kept_for_the_keep_window_and_sent_again_where_the_hub_asks(tmp_path: Path) -> None:
    store = opened(tmp_path)
    name = put(store).envelope.sha256
    store.expire(HUB_MS + 10 * limits.KEEP_WINDOW_MS)
    assert store.find(name)
    store.note_sent(name, HUB_MS)
    assert opened(tmp_path).waiting() == []
    store.expire(HUB_MS + limits.KEEP_WINDOW_MS)
    store.note_missing(name)
    assert [one.name for one in opened(tmp_path).waiting()] == [name]
    store.note_sent(name, HUB_MS)
    store.expire(HUB_MS + limits.KEEP_WINDOW_MS + 1)
    assert opened(tmp_path).find(name) is None


def test_body_whose_event_the_hub_never_heard_of_goes_after_the_keep_window(tmp_path: Path) -> None:
    store = opened(tmp_path)
    name = put(store).envelope.sha256
    store.note_unawaited(name, HUB_MS)
    store.note_unawaited(name, HUB_MS + limits.KEEP_WINDOW_MS)
    assert store.holding().waiting == 0
    store.expire(HUB_MS + limits.KEEP_WINDOW_MS + 1)
    assert store.find(name) is None


def test_body_that_the_disk_changed_is_not_sound(tmp_path: Path) -> None:
    store = opened(tmp_path)
    name = put(store).envelope.sha256
    path = tmp_path / "attachments" / f"{name}.body"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert not store.is_sound(name)
    note = json.loads((tmp_path / "attachments" / f"{name}.json").read_text())
    assert set(note) == {"v", "event_id", "sha256", "size", "media_type", "sent_ms", "unawaited_ms"}
