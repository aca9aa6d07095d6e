"""pcscd with our reader at one place for the whole run, a fresh process for each test; and cards."""

import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.pcsc import SOCKET_NAME, CardProcess, Pcscd, make_driver


@pytest.fixture(scope="session")
def pcscd_folder() -> Generator[Path]:
    """A short path, because a socket's name is short; this process speaks to the pcscd that is there."""
    make_driver()
    folder = Path(tempfile.mkdtemp(prefix="vt-pcscd-"))
    os.environ[SOCKET_NAME] = str(folder / "pcscd.comm")
    try:
        yield folder
    finally:
        del os.environ[SOCKET_NAME]
        shutil.rmtree(folder)


@pytest.fixture
def pcscd(pcscd_folder: Path) -> Generator[Pcscd]:
    running = Pcscd(pcscd_folder, "door@1500")
    running.start()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def new_card() -> Generator[Callable[[], CardProcess]]:
    with ExitStack() as closing:
        made: list[CardProcess] = []

        def new() -> CardProcess:
            card = CardProcess(b"\x04\x78\x2e\x21\x80\x1d" + bytes([len(made)]))
            made.append(card)
            closing.callback(card.close)
            return card

        yield new
