"""A device that is enrolled and has no network: nothing listens where its broker should be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.edge.home import DeviceHome
from tests.support.edge import enrol_home
from tests.support.town import Town


@pytest.fixture(scope="session")
def town_of_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.close()


@pytest.fixture
def home(tmp_path: Path, town_of_keys: Town) -> DeviceHome:
    home = DeviceHome(tmp_path / "bus-7")
    enrol_home(town_of_keys, home, "bus-7")
    return home
