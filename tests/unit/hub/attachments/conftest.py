"""A hub that takes bodies, and a device's store of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters.attachment_store import AttachmentStore
from tests.support.bodies import DEVICE, BodiesHub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[BodiesHub]:
    here = BodiesHub(tmp_path)
    yield here
    here.end()


@pytest.fixture
def store(tmp_path: Path) -> AttachmentStore:
    return AttachmentStore(tmp_path / "device", DEVICE, reserve_bytes=0)
