"""The kiosk's hardware pages say what its data says, and what the norm and the software ask for."""

import re
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from kiosk_app.owner.screens import HANG_MS, START_MS
from shared.cli import build
from tests.architecture.tree import ROOT

READER = ROOT / "hardware" / "reader"
FOLDER = ROOT / "hardware" / "kiosk"
KIOSK: dict[str, Any] = tomllib.loads((FOLDER / "kiosk.toml").read_text())
README = (FOLDER / "README.md").read_text()
OPERATED = ("Keypad", "Headset socket", "Camera", "Ticket printer")


def unit(path: Path = FOLDER / "ventanilla-kiosk.service") -> ConfigParser:
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",), strict=False)
    parser.optionxform = str  # pyright: ignore[reportAttributeAccessIssue]  names keep their case
    parser.read(path)
    return parser


def test_table_of_parts_is_the_data() -> None:
    rows = {row.split("|")[1].strip(): row for row in README.splitlines() if row.startswith("| ")}
    for part in KIOSK["part"]:
        assert all(part[name] in rows[part["name"]] for name in ("kind", "connection", "why"))
        if "from_mm" in part:
            assert str(part["from_mm"]) in rows[part["name"]]


@pytest.mark.parametrize("name", OPERATED)
def test_part_that_is_operated_stands_within_reach(name: str) -> None:
    (part,) = (part for part in KIOSK["part"] if part["name"] == name)
    assert KIOSK["reach"]["lowest_mm"] <= part["from_mm"] <= part["to_mm"] <= KIOSK["reach"]["highest_mm"]


def test_reach_is_that_of_the_norm() -> None:
    reach = KIOSK["reach"]
    assert (reach["lowest_mm"], reach["highest_mm"]) == (380, 1220)
    assert (reach["floor_wide_mm"], reach["floor_deep_mm"]) == (760, 1220)
    assert reach["lowest_mm"] < reach["main_action_from_mm"] < reach["main_action_to_mm"]
    assert reach["main_action_to_mm"] < reach["eyes_of_who_sits_mm"] + 10
    (screen,) = (part for part in KIOSK["part"] if part["name"] == "Screen")
    assert (screen["from_mm"] + screen["to_mm"]) / 2 <= reach["highest_mm"]  # all of reach mode is below this


def test_service_is_watched_by_the_screens_clock_and_keeps_nothing() -> None:
    service = unit()["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) * 1000 > START_MS + HANG_MS  # the owner mends a screen by itself first
    assert service["LimitCORE"] == "0"
    assert service["MemorySwapMax"] == "0"
    assert service["LimitMEMLOCK"] == "infinity"
    assert service["Restart"] == "always"


def test_service_and_page_use_options_that_the_command_has() -> None:
    kiosk: Any = get_command(build("kiosk"))
    options = {name for each in kiosk.commands["kiosk"].commands["run"].params for name in each.opts}
    used = set(re.findall(r"(--[a-z-]+)", unit()["Service"]["ExecStart"]))
    (line,) = re.findall(r"KIOSK_OPTIONS=(.*?)`", README, re.DOTALL)
    assert used | set(re.findall(r"(--[a-z-]+)", line)) <= options


def test_terminals_service_and_page_use_options_that_the_command_has_and_keep_no_key() -> None:
    service = unit(READER / "ventanilla-reader.service")["Service"]
    reader: Any = get_command(build("reader"))
    options = {name for each in reader.commands["reader"].commands["run"].params for name in each.opts}
    page = (READER / "README.md").read_text()
    (line,) = re.findall(r'READER_OPTIONS="(.*?)"', page)
    used = set(re.findall(r"(--[a-z-]+)", service["ExecStart"] + line))
    assert used <= options
    assert set(re.findall(r"ventanilla reader ([a-z-]+)", page)) <= set(reader.commands["reader"].commands)
    assert (service["Type"], service["LimitCORE"], service["MemorySwapMax"]) == ("notify", "0", "0")
