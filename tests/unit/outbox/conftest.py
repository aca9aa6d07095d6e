"""An outbox in a folder of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.adapters.outbox import Outbox, OutboxLimits
from tests.support.outbox import DEVICE, fast_folder

Open = Callable[..., Outbox]


@pytest.fixture
def file() -> Iterator[Path]:
    with fast_folder() as folder:
        yield folder / "outbox.db"


@pytest.fixture
def open_outbox(file: Path) -> Iterator[Open]:
    """Opens the same file again and again; each time is a new life of its owner."""
    lives: list[Outbox] = []

    def begin(**limits: object) -> Outbox:
        for life in lives:
            life.close()
        bounds = {"ballast_bytes": 4096, **limits}
        lives[:] = [Outbox(file, DEVICE, OutboxLimits(**bounds))]
        return lives[0]

    yield begin
    for life in lives:
        life.close()


@pytest.fixture
def outbox(open_outbox: Open) -> Outbox:
    return open_outbox()
