"""A town with two devices and a running broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.town import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path, devices=("kiosk-1", "kiosk-2"))
    town.broker.start()
    yield town
    town.close()
