"""The hardware pages say what their data says, and what norms, software and firmware ask for."""

import csv
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


BEACON = ROOT / "hardware" / "beacon"
BOARDS = {
    path.stem: tomllib.loads(path.read_text()) for path in (ROOT / "beacon_node/firmware/boards").iterdir()
}
PINS: dict[str, Any] = tomllib.loads((BEACON / "pins.toml").read_text())
ADC_PINS = {"esp32": range(32, 40), "esp32s3": range(1, 11), "picow": range(26, 29)}
"""Those that measure while the radio is on. Source: the chips' data sheets (ADC1; RP2040: ADC0 to 2)."""


def test_boards_of_the_firmware_are_those_that_are_wired() -> None:
    assert set(BOARDS) == set(PINS) == set(ADC_PINS)
    for name, board in BOARDS.items():
        assert board["node"]["board"] == name
        assert board["node"]["battery_pin"] == PINS[name]["battery"]["pin"]
        assert board["node"]["battery_divider"] == PINS[name]["battery"]["divider"]
        assert PINS[name]["battery"]["pin"] in ADC_PINS[name]
        assert 1_000 < board["node"]["watchdog_ms"] <= (8_388 if board["port"] == "rp2" else 60_000)


def test_wiring_says_the_pins_and_the_list_has_what_it_draws() -> None:
    wiring = (BEACON / "wiring.md").read_text()
    for part in ("battery", "power"):
        said = ", ".join(f"{name} {pins[part]['pin']}" for name, pins in PINS.items())
        assert f"{part}: {said}" in wiring
    parts = list(csv.DictReader((BEACON / "bom.csv").read_text().splitlines()))
    assert all(row["part"] and int(row["count"]) > 0 and row["for"] for row in parts)
    assert any("100 kOhm" in row["part"] and row["count"] == "2" for row in parts)
