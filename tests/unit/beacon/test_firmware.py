"""The firmware's parts: slots, settings, clock, identity, guard; some of them inside MicroPython."""

import hashlib
import hmac
import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from beacon_node.firmware import boot, clock, config, guard, identity
from beacon_node.firmware.wifi import networks_of
from beacon_node.image import lay_out, sources
from shared.beacon_wire import eid
from tests.support.micropython import MACHINES, Block, run
from tests.support.on_a_board.rotating import SECRET, START_S


class Ticks:
    """A counter that wraps as a board's."""

    def __init__(self) -> None:
        self.now = (1 << 30) - 1_500

    def ticks_ms(self) -> int:
        return self.now

    def ticks_diff(self, late: int, early: int) -> int:
        return ((late - early + (1 << 29)) & ((1 << 30) - 1)) - (1 << 29)

    def pass_ms(self, passed_ms: int) -> None:
        self.now = (self.now + passed_ms) & ((1 << 30) - 1)


class Rtc:
    """A clock that runs on over a restart."""

    def __init__(self) -> None:
        self.mark = b""
        self.told: tuple[int, ...] = (2000, 1, 1, 0, 0, 0, 0, 0)

    def memory(self, data: bytes | None = None) -> bytes:
        self.mark = self.mark if data is None else data
        return self.mark

    def datetime(self, said: tuple[int, ...] | None = None) -> tuple[int, ...]:
        self.told = self.told if said is None else said
        return self.told


class Dog:
    """A watchdog that counts."""

    def __init__(self) -> None:
        self.fed = 0

    def feed(self) -> None:
        self.fed += 1


@pytest.fixture
def slots_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.syspath_prepend(str(tmp_path))
    return str(tmp_path / "slots")


def stand(path: str, **said: object) -> None:
    Path(path).write_text(json.dumps({"good": "a", "boots": 0, "refused": [], "trial": None} | said))


def test_trial_has_three_starts_and_then_is_refused(slots_file: str) -> None:
    stand(slots_file, trial="b", sequence=12, refused=[11])
    assert [boot.start(slots_file) for _ in range(5)] == ["b", "b", "b", "a", "a"]
    found = boot.read(slots_file)
    assert (found["trial"], found["refused"], found["boots"]) == (None, [11, 12], 2)
    assert sys.path[0] == "/a"


def test_start_that_cannot_be_counted_tries_nothing(tmp_path: Path, slots_file: str) -> None:
    stand(slots_file, trial="b", sequence=12)
    (tmp_path / "slots.new").mkdir()  # what is written first cannot be written
    assert boot.start(slots_file) == "a"
    assert boot.read(slots_file)["boots"] == 0


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"good":"c"}', '{"good":"a","trial":"a"}', '{"boots":-1,"refused":7}', "\xff"],
)
def test_spoilt_slots_are_as_none(slots_file: str, text: str) -> None:
    Path(slots_file).write_text(text, encoding="latin-1")
    found = boot.read(slots_file)
    assert (found["good"], found["trial"], found["boots"], found["refused"]) == ("a", None, 0, [])


def test_refused_sequences_are_bounded(slots_file: str) -> None:
    stand(slots_file, trial="b", sequence=99, boots=3, refused=list(range(16)))
    boot.start(slots_file)
    assert boot.read(slots_file)["refused"] == [*range(1, 16), 99]


@pytest.fixture
def paths(tmp_path: Path) -> tuple[str, str]:
    return str(tmp_path / "config"), str(tmp_path / "config.good")


def test_settings_come_back_and_unknown_ones_are_kept(paths: tuple[str, str]) -> None:
    config.save({"beacon.interval_ms": 250, "wifi.networks": [{"name": "x"}]}, paths[0])
    found = config.load(*paths)
    assert found["beacon.interval_ms"] == 250
    assert found["wifi.networks"] == [{"name": "x"}]
    assert found["beacon.eid_exponent"] == 10


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "other", "huge", "none"])
def test_damaged_settings_give_way_to_the_good_ones_and_these_to_defaults(
    paths: tuple[str, str], damage: str
) -> None:
    config.save({"beacon.interval_ms": 250}, paths[0])
    config.save({"beacon.interval_ms": 777}, paths[1])
    whole = Path(paths[0]).read_bytes()
    flipped = bytes([*whole[:-3], whole[-3] ^ 1, *whole[-2:]])
    damaged = {"flip": flipped, "cut": whole[:-1], "empty": b"", "other": b"\xff" * 99, "huge": whole * 99}
    Path(paths[0]).unlink()
    if damage in damaged:
        Path(paths[0]).write_bytes(damaged[damage])
    assert config.load(*paths)["beacon.interval_ms"] == 777
    Path(paths[1]).write_bytes(b"no")
    assert config.load(*paths) == config.DEFAULTS


@pytest.mark.parametrize("value", [99, 10_001, "400", None, True, 4.5, [400]])
def test_setting_out_of_bounds_is_its_default(paths: tuple[str, str], value: object) -> None:
    config.save({"beacon.interval_ms": value, "beacon.url": 7, "beacon.tx_dbm_0m": -4}, paths[0])
    found = config.load(*paths)
    assert found == config.DEFAULTS | {"beacon.tx_dbm_0m": -4}


def test_settings_larger_than_a_node_keeps_are_refused(paths: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="4096"):
        config.save({"filler": "x" * 4_096}, paths[0])


def test_clock_goes_on_over_the_counters_wrap_and_the_halves(tmp_path: Path) -> None:
    ticks = Ticks()
    told = clock.Clock(ticks, None, str(tmp_path / "clock"))
    assert not told.trusted
    begun_ms = (27_394 * 65_536 - 2) * 1000 + 400
    told.trust(begun_ms)
    passed_ms = 0
    for step_ms in (300, 1_100, 2_600, 86_400_000, 999, 400_000_000, 1):
        ticks.pass_ms(step_ms)
        passed_ms += step_ms
        assert told.unix_ms() == begun_ms + passed_ms
    assert told.trusted


def test_time_on_the_flash_is_a_lower_bound_and_no_trust(tmp_path: Path) -> None:
    record = str(tmp_path / "clock")
    clock.Clock(Ticks(), None, record).trust(START_S * 1000)
    again = clock.Clock(Ticks(), None, record)
    assert (again.unix_s(), again.trusted) == (START_S, False)
    for spoilt in ("", "x", "-4", "99999999999"):
        Path(record).write_text(spoilt)
        assert clock.Clock(Ticks(), None, record).unix_s() == 0


def test_time_that_the_hub_says_with_every_word_is_no_wear_of_the_flash(tmp_path: Path) -> None:
    ticks, record = Ticks(), tmp_path / "clock"
    told = clock.Clock(ticks, None, str(record))
    told.trust(START_S * 1000)
    record.unlink()
    for word in range(1, clock.RECORD_S):
        ticks.now = (ticks.now + 1000) & ((1 << 30) - 1)
        told.trust((START_S + word) * 1000 + word % 7)
    assert not record.exists()
    ticks.now = (ticks.now + 1000) & ((1 << 30) - 1)
    told.trust((START_S + clock.RECORD_S) * 1000)
    assert record.read_text() == str(START_S + clock.RECORD_S)
    told.trust((START_S - 3600) * 1000)  # an hour earlier is news
    assert record.read_text() == str(START_S - 3600)


def test_clock_that_ran_on_is_trusted_only_if_it_was_set_from_trusted_time(tmp_path: Path) -> None:
    rtc, record = Rtc(), str(tmp_path / "clock")
    assert not clock.Clock(Ticks(), rtc, record).trusted
    rtc.told = (2026, 11, 22, 6, 1, 2, 3, 0)
    assert not clock.Clock(Ticks(), rtc, record).trusted  # somebody else set it
    clock.Clock(Ticks(), rtc, record).trust(START_S * 1000)
    again = clock.Clock(Ticks(), rtc, record)
    assert (again.trusted, again.unix_s()) == (True, START_S)
    rtc.told = (2025, 1, 1, 0, 0, 0, 0, 0)
    assert not clock.Clock(Ticks(), rtc, record).trusted  # it is later than that


def test_dates_are_those_of_the_calendar() -> None:
    assert clock.days(2026, 11, 22) == 20_779
    assert all(clock.days(*clock.date(count)) == count for count in range(47_000))
    assert clock.date(20_779) == (2026, 11, 22)


def test_air_key_is_hkdf_of_the_secret() -> None:
    derived = HKDF(SHA256(), 32, b"", b"vt1 air").derive(SECRET)
    assert identity.Identity("beacon-17", "Vilanova", SECRET, b"").air_key() == derived[:16]
    for key in (b"k", b"k" * 64, b"k" * 65):
        assert identity.hmac(key, b"text") == hmac.digest(key, b"text", "sha256")


@pytest.mark.parametrize("text", ["", "{}", '{"device":7,"town":"x"}', "[1]", '{"device":"a"}'])
def test_board_that_nobody_set_up_says_its_chip(tmp_path: Path, text: str) -> None:
    (tmp_path / "identity").write_text(text)
    (tmp_path / "secret").write_bytes(b"short")
    found = identity.load(b"chip", str(tmp_path / "identity"), str(tmp_path / "secret"))
    assert (found.device, found.air_key()) == ("", None)
    assert found.namespace == hashlib.sha256(b"ventanilla").digest()[:10]
    assert found.instance == hashlib.sha256(b"chip").digest()[:6]


def test_watchdog_is_fed_only_while_every_task_moves(tmp_path: Path) -> None:
    ticks, dog, stalled = Ticks(), Dog(), tmp_path / "stalled"
    kept = guard.Guard(ticks, dog, str(stalled))
    kept.watch("air", 2_000)
    kept.watch("link", 60_000)
    ticks.pass_ms(1_900)
    assert kept.check() is None
    kept.moved("link")
    ticks.pass_ms(200)
    assert (kept.check(), dog.fed, stalled.read_text()) == ("air", 1, "air")
    kept.let_go("air")
    assert (kept.check(), dog.fed) == (None, 2)


@pytest.mark.parametrize("name", MACHINES)
def test_power_cut_at_every_operation_of_the_flash_leaves_old_or_new(name: str) -> None:
    lines = run(name, "cutting.py", heap="2M")  # files that the cut left open complain when they are swept up
    rows = [line.split()[1:] for line in lines if line.startswith("found ")]
    assert {row[0] for row in rows} == {"config", "slots", "clock"}
    assert {row[2] for row in rows} == {"old", "new"}
    cuts = {row[0]: int(row[1]) + 1 for row in rows}
    assert {deed: sum(int(row[3]) for row in rows if row[0] == deed) for deed in cuts} == cuts


@pytest.mark.parametrize("name", MACHINES)
def test_step_of_the_air_allocates_nothing(name: str) -> None:
    (allocated, addresses) = run(name, "rotating.py", "alloc", "400")
    assert allocated.startswith("allocated 0 ")
    assert int(addresses.split()[1]) > 1  # identifiers turned while nothing could be made


@pytest.mark.parametrize(("step_s", "days"), [(5, 1), (60, 7)])
def test_identifiers_of_a_day_and_a_week_are_right_and_the_heap_is_flat(step_s: int, days: int) -> None:
    *said, time, heap = run("32 bits", "rotating.py", "week", str(step_s), str(days))
    key = identity.Identity("", "", SECRET, b"").air_key()
    assert key
    seconds = [int(line.split()[1]) for line in said]
    assert len(said) == (START_S + seconds[-1] - START_S >> 10) - (START_S >> 10) + 1
    for line in said:
        _, second, identifier = line.split()
        period_key = eid.temporary_key(Block, key, int(second) >> 16)
        assert eid.identifier(Block, period_key, int(second), 10).hex() == identifier
    assert time.split()[1] == time.split()[2]
    begun, ended = map(int, heap.split()[1:])
    assert ended - begun < 512


def test_firmware_has_every_file_and_is_bytecode(tmp_path: Path) -> None:
    lay_out(tmp_path)
    names = {
        path.relative_to(tmp_path / "a").as_posix() for path in (tmp_path / "a").rglob("*") if path.is_file()
    }
    assert names == {f"{place}.mpy" for place in sources()}
    assert {"beacon_node/firmware/main.mpy", "shared/beacon_wire/eid.mpy"} <= names
    assert {path.name for path in tmp_path.iterdir()} == {"a", "boot.py", "main.py"}


@pytest.mark.parametrize(
    "said", [None, 7, "casa", {"a": "b"}, [7], [["casa"]], [["casa", 7]], [["a", "b", "c"]]]
)
def test_networks_that_make_no_sense_are_as_none(said: object) -> None:
    assert networks_of({"wifi.networks": said}) == []
    assert networks_of({"wifi.networks": [said, ["casa", "palabra"]]}) == [["casa", "palabra"]]
