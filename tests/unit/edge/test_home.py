import os
from pathlib import Path

import pytest

from shared.edge.errors import HomeInUseError
from shared.edge.home import DeviceHome, DeviceSettings, SettingsError
from shared.protocol import limits


def test_home_locked_twice_is_refused_and_names_the_process(tmp_path: Path) -> None:
    home = DeviceHome(tmp_path / "bus-7")
    with home.locked(), pytest.raises(HomeInUseError, match=str(os.getpid())), home.locked():
        pass
    with home.locked():
        assert {folder.name for folder in home.path.iterdir()} == {"identity", "data", "run"}


def test_folders_are_the_device_users_alone(tmp_path: Path) -> None:
    home = DeviceHome(tmp_path / "bus-7")
    with home.locked():
        assert {folder.stat().st_mode & 0o777 for folder in home.path.iterdir()} == {0o700}


def test_settings_that_are_absent_are_the_shipped_ones(tmp_path: Path) -> None:
    assert DeviceHome(tmp_path).settings() == DeviceSettings()


def test_settings_change_what_they_name_and_nothing_else(tmp_path: Path) -> None:
    home = DeviceHome(tmp_path)
    with home.locked():
        (home.identity / "settings.json").write_text('{"lane_bytes":{"cases":1000000},"ballast_bytes":0}')
        settings = home.settings()
    assert settings.lane_bytes == {**limits.LANE_BYTES, "cases": 1_000_000}
    assert settings.ballast_bytes == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"lanes":{}}',
        '{"lane_bytes":{"case":1000000}}',
        '{"lane_bytes":{"cases":1}}',
        '{"ballast_bytes":-1}',
    ],
)
def test_settings_that_make_no_sense_stop_the_device_with_a_sentence(tmp_path: Path, text: str) -> None:
    home = DeviceHome(tmp_path)
    with home.locked():
        (home.identity / "settings.json").write_text(text)
        with pytest.raises(SettingsError, match=r"settings\.json"):
            home.settings()
