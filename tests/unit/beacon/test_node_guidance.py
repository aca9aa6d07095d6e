"""A node's settings and commands: taken on trial, gone back from, remembered, whatever is cut or foreign."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from beacon_node.firmware import config, slots
from beacon_node.firmware.answers import MessageError
from beacon_node.firmware.orders import BYTES_MAX, FULL, INTERRUPTED, Orders
from beacon_node.firmware.twin import OlderError, Twin
from beacon_node.firmware.wifi import Wifi
from shared.protocol import limits
from shared.protocol.settings import SETTINGS
from tests.support.micropython import MACHINES, ROOT, run

URL = {"beacon.url": "https://x.es/b/1"}
OTHER = {"beacon.url": "https://x.es/b/2"}
VECTORS_HEAP = "2M"
"""The vectors themselves lie there, a message of 16 KiB among them."""
NOW_MS = 1_795_293_730_000


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "kept")


def wanted(n: int, doc: object, confirm_s: object = 60) -> dict[str, Any]:
    return {"v": 1, "version": [12, n], "doc": doc, "confirm_s": confirm_s}


def good(path: str) -> Twin:
    """A twin whose first version has reached the hub."""
    twin = Twin(path)
    assert twin.take(wanted(1, URL))
    twin.reached()
    return twin


def state(twin: Twin) -> object:
    said = twin.report()
    return said and said["state"]


@pytest.mark.sentence("W-1")
@pytest.mark.sentence("W-2")
@pytest.mark.sentence("W-3")
@pytest.mark.sentence("W-5")
@pytest.mark.sentence("W-6")
@pytest.mark.parametrize("machine", MACHINES)
def test_node_holds_the_vectors_of_settings_and_commands(machine: str, tmp_path: Path) -> None:
    vectors = ROOT / "tests" / "vectors" / "fleet"
    said = run(machine, "guidance_vectors.py", str(vectors), str(tmp_path), heap=VECTORS_HEAP)
    assert said == ["held 9 8"]


@pytest.mark.sentence("W-3")
def test_settings_that_reach_nobody_are_gone_back_from_and_not_taken_again(path: str) -> None:
    twin = good(path)
    assert twin.take(wanted(2, OTHER))
    assert twin.put_in_force(1_000) == OTHER
    assert not twin.look(60_999)
    assert twin.look(61_000)
    assert twin.put_in_force(61_000) == URL
    assert state(twin) == "pending"
    assert not twin.reached()
    assert twin.report() == {
        "version": [12, 2],
        "state": "reverted",
        "in_force": [12, 1],
        "why": "the hub was not reached with it",
    }
    assert not twin.take(wanted(2, OTHER))
    assert Twin(path).report() == twin.report()


@pytest.mark.sentence("W-3")
def test_settings_are_tried_again_where_the_older_ones_reached_nobody_either(path: str) -> None:
    twin = good(path)
    twin.take(wanted(2, OTHER))
    twin.put_in_force(0)
    assert twin.look(60_000)
    assert twin.put_in_force(60_000) == URL
    assert twin.look(120_000)
    assert twin.put_in_force(120_000) == OTHER
    assert not twin.look(239_999)  # twice as long
    assert twin.look(240_000)
    twin.put_in_force(240_000)
    assert twin.reached()  # the older ones, after a doubt: once more
    assert twin.in_force() == OTHER
    assert state(twin) == "pending"
    twin.reached()
    assert state(twin) == "reached"


@pytest.mark.sentence("W-4")
def test_trial_outlives_power_cuts_and_is_over_at_the_fourth_start(path: str) -> None:
    good(path).take(wanted(2, OTHER))
    assert [Twin(path).in_force() for _ in range(4)] == [OTHER, OTHER, OTHER, URL]
    assert state(Twin(path)) == "pending"


def test_first_settings_that_reach_nobody_leave_what_the_node_was_set_up_with(path: str) -> None:
    twin = Twin(path)
    twin.take(wanted(1, {"link.brokers": ["nowhere:1"]}))
    twin.put_in_force(0)
    assert twin.look(60_000)
    assert twin.put_in_force(60_000) == {}


@pytest.mark.parametrize(
    "doc",
    [
        {"beacon.interval_ms": 99},
        {"beacon.interval_ms": True},
        {"beacon.eid_exponent": 16},
        {"beacon.tx_dbm_0m": "-4"},
        {"beacon.url": "https://example.com/much-too-long"},
        {"beacon.url": 7},
        {"link.brokers": []},
        {"link.brokers": ["host"]},
        {"link.brokers": ["host:70000"]},
        {"link.brokers": [7]},
        {"wifi.networks": [["name"]]},
        {"wifi.networks": "name"},
        {"other": "x" * 3_072},
    ],
)
def test_settings_that_cannot_be_are_given_up_at_once(path: str, doc: dict[str, object]) -> None:
    twin = good(path)
    with pytest.raises(MessageError):
        twin.take(wanted(2, doc))
    assert state(twin) == "reverted"
    assert twin.in_force() == URL


@pytest.mark.parametrize(
    "said",
    [
        wanted(2, OTHER, 0),
        wanted(2, OTHER, 3_601),
        wanted(2, OTHER, None),
        wanted(2, []),
        {"version": [12], "doc": {}, "confirm_s": 1},
        {"version": [12, -1], "doc": {}, "confirm_s": 1},
        {"version": "12-2", "doc": {}, "confirm_s": 1},
        {},
    ],
)
def test_desired_twin_that_is_malformed_changes_nothing(path: str, said: dict[str, Any]) -> None:
    twin = good(path)
    with pytest.raises(MessageError):
        twin.take(said)
    assert state(twin) == "reached"


def test_desired_twin_that_is_older_changes_nothing(path: str) -> None:
    twin = good(path)
    with pytest.raises(OlderError):
        twin.take(wanted(0, OTHER))
    assert not twin.take(wanted(1, OTHER))
    assert twin.in_force() == URL


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff" * 99, None])
def test_spoilt_twin_is_as_none(path: str, damage: bytes | None) -> None:
    good(path)
    if damage is None:
        config.save({"good": 7, "bad": [], "phase": "steady"}, path)
    else:
        Path(path).write_bytes(damage)
    assert Twin(path).report() is None
    assert Twin(path).in_force() == {}


def test_twin_that_cannot_be_stored_is_not_taken(path: str) -> None:
    twin = good(path)
    Path(path + ".new").mkdir()
    with pytest.raises(OSError, match="directory"):
        twin.take(wanted(2, OTHER))
    assert twin.in_force() == URL


def test_bounds_of_a_node_are_those_of_the_hub() -> None:
    for name, value in (
        ("beacon.eid_exponent", 15),
        ("beacon.interval_ms", 10_000),
        ("beacon.tx_dbm_0m", 20),
    ):
        setting = SETTINGS[name]
        assert str(config.DEFAULTS[name]) == setting.default
        for said in (value, value + 1):
            assert setting.allows(said) is not bool(config.fault({name: said}))
    for url in ("https://villar.es/b/7", "https://villar.es/ab/12345678", "ftp://x.es", "x", ""):
        assert SETTINGS["beacon.url"].allows(url) is not bool(config.fault({"beacon.url": url}))


# ---- commands


def order(name: str, op: str = "ping", ends_ms: int = NOW_MS + 60_000) -> dict[str, Any]:
    return {"v": 1, "id": name, "op": op, "args": {}, "expires_ms": ends_ms}


@pytest.mark.sentence("W-5")
def test_command_under_way_at_a_start_is_told_as_it_is_known(path: str) -> None:
    orders = Orders(path, "restart")
    for name, op in (("a", "restart"), ("b", "report")):
        assert orders.take(order(name, op), NOW_MS)[0]
    again = Orders(path, "restart")
    assert again.take(order("a"), NOW_MS)[1][0] == {"state": "duplicate", "was": "done", "detail": ""}
    assert again.take(order("b"), NOW_MS)[1][0]["detail"] == INTERRUPTED


@pytest.mark.sentence("W-6")
def test_commands_that_are_remembered_fit_the_flash_and_no_further_one_is_taken(path: str) -> None:
    orders = Orders(path, "restart")
    for number in range(limits.COMMANDS_REMEMBERED):
        name = f"{number:036}"
        assert orders.take(order(name, "o" * 32), NOW_MS)[0]
        orders.settle(name, "failed", "x" * 200)
    assert Path(path).stat().st_size < BYTES_MAX
    assert orders.take(order("new"), NOW_MS) == (False, ({"state": "failed", "detail": FULL},))
    assert orders.take(order("new", ends_ms=NOW_MS + 120_000), NOW_MS + 60_000)[0]


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": "x" * 37},
        {"id": "ñ" * 36},
        {"op": 7},
        {"args": []},
        {"expires_ms": "1"},
        {"id": None},
    ],
)
def test_command_that_is_malformed_is_refused(path: str, change: dict[str, object]) -> None:
    with pytest.raises(MessageError):
        Orders(path, "restart").take(order("a") | change, NOW_MS)


# ---- the rest


class Station:
    """A Wi-Fi radio."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.on: str | None = None

    def active(self, on: bool) -> None:
        pass

    def isconnected(self) -> bool:
        return self.on == "casa"

    def connect(self, name: str, word: str) -> None:
        self.tried.append(name)
        self.on = name

    def disconnect(self) -> None:
        self.on = None


def test_wifi_leaves_its_network_when_the_settings_name_others() -> None:
    station = Station()
    networks = [["casa", "palabra1"]]
    wifi = Wifi(station, lambda: list(networks))
    asyncio.run(wifi.join())
    asyncio.run(wifi.join())
    assert station.tried == ["casa"]
    networks.insert(0, ["casa", "palabra2"])
    asyncio.run(wifi.join())
    assert station.tried == ["casa", "casa"]


def test_firmware_on_trial_has_failed_by_the_hub_that_speaks_and_not_by_one_that_is_silent() -> None:
    assert not slots.has_failed(1_439, 0)
    assert not slots.has_failed(1_439, 29)
    assert slots.has_failed(31, 30)
    assert slots.has_failed(1_440, 0)
