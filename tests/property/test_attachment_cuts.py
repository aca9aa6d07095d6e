"""Whatever is cut, and wherever: the body arrives whole, once, and nothing else does."""

import os
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.db.attachment_repository import State
from shared.adapters.attachment_store import AttachmentStore
from shared.adapters.enrolment_client import HubUnreachableError
from shared.edge.uploader import Uploader
from shared.protocol.attachment import CHUNK_BYTES, open_body, seal_body
from shared.protocol.limits import ATTACHMENT_STEP_BYTES
from shared.protocol.sealing import SealError
from tests.support.bodies import DEVICE, BodiesHub, Way, take_report

EVENT = "01930d3e-8a00-7000-8000-000000000001"
TURNS_MAX = 40


@pytest.mark.sentence("M-6")
@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(1, 3 * ATTACHMENT_STEP_BYTES),
    cuts=st.dictionaries(st.integers(1, 12), st.sampled_from(["before", "after"]), max_size=6),
    hub_dies_at=st.sets(st.integers(1, 6), max_size=2),
    torn_bytes=st.integers(0, 2 * ATTACHMENT_STEP_BYTES),
)
def test_upload_that_is_cut_anywhere_goes_on_where_the_hub_is(
    size: int, cuts: dict[int, str], hub_dies_at: set[int], torn_bytes: int
) -> None:
    """At each death the hub loses what was in memory, and a tail of what was not fsynced."""
    plain = os.urandom(size)
    with TemporaryDirectory() as folder:
        hub = BodiesHub(Path(folder))
        store = AttachmentStore(Path(folder) / "device", DEVICE, reserve_bytes=0)
        _, (kept,), _ = take_report(hub, store, plain)
        way = Way(hub, cuts=cuts)
        for turn in range(1, TURNS_MAX):
            if turn in hub_dies_at:
                hub.end()
                for part in Path(folder).rglob("*.part"):
                    os.truncate(part, max(0, part.stat().st_size - torn_bytes))
                hub.begin()
            store = AttachmentStore(Path(folder) / "device", DEVICE, reserve_bytes=0)
            try:
                Uploader(store, way).turn()
            except HubUnreachableError:
                continue
            if not store.waiting():
                break
        found = hub.found(kept.envelope.sha256)
        assert found.state is State.STORED
        assert b"".join(hub.attachments.read(found)) == plain
        assert list(Path(folder).rglob("*.part")) == []
        hub.end()


@pytest.mark.sentence("M-2")
@settings(max_examples=60, deadline=None)
@given(
    size=st.sampled_from([1, 100, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES]),
    place=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
)
def test_body_with_any_bit_flipped_does_not_open(size: int, place: float, bit: int) -> None:
    key = os.urandom(32)
    body = bytearray(b"".join(seal_body(key, DEVICE, EVENT, BytesIO(bytes(size)).read)))
    body[int(place * len(body))] ^= 1 << bit
    with pytest.raises(SealError):
        for _ in open_body(key, DEVICE, EVENT, BytesIO(body).read):
            pass


@pytest.mark.sentence("M-2")
@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, 3 * CHUNK_BYTES), place=st.floats(0, 1, exclude_max=True))
def test_body_cut_short_anywhere_does_not_open(size: int, place: float) -> None:
    key = os.urandom(32)
    body = b"".join(seal_body(key, DEVICE, EVENT, BytesIO(bytes(size)).read))
    with pytest.raises(SealError):
        for _ in open_body(key, DEVICE, EVENT, BytesIO(body[: int(place * len(body))]).read):
            pass
