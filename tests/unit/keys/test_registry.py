"""The key registry: what holds after a restart, what ends when, and what must be durable first."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.keys.entries import DeviceState
from hub.keys.files import SecondCopyError
from hub.keys.records import DeviceEnrolled, Entry, KeysRotated, RecordError, TokenIssued, from_json, to_json
from hub.keys.registry import Registry, UnknownDeviceError
from shared.protocol import limits
from shared.protocol.keys import derive

START_MS = 1_800_000_000_000
YEAR_MS = 365 * 86_400_000


@dataclass(slots=True)
class Clock:
    now_ms: int = START_MS

    def __call__(self) -> int:
        return self.now_ms


def enrolled(device: str, *, secret: bytes = b"", serial: str = "1", token: str = "") -> DeviceEnrolled:
    link = derive(secret or token_bytes(32))
    return DeviceEnrolled(
        token_hash=token,
        request_hash="",
        device=device,
        kind="kiosk",
        site="",
        k_up=link.up.key.hex(),
        k_down=link.down.key.hex(),
        signing=token_bytes(32).hex(),
        serial=serial,
        expires_ms=START_MS + YEAR_MS,
        certificate="",
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(tmp_path: Path, clock: Clock) -> Registry:
    Registry.create(tmp_path / "keys", tmp_path / "copy", START_MS)
    return Registry.open(tmp_path / "keys", tmp_path / "copy", clock=clock)


def reopen(registry: Registry, tmp_path: Path, clock: Clock) -> Registry:
    registry.close()
    return Registry.open(tmp_path / "keys", tmp_path / "copy", clock=clock)


def test_unknown_device_has_no_keys_and_cannot_be_fenced(registry: Registry) -> None:
    assert dict(registry.keys_of("nobody")) == {}
    assert not registry.is_fenced("nobody")
    with pytest.raises(UnknownDeviceError):
        registry.down_key("nobody")
    with pytest.raises(UnknownDeviceError):
        registry.fence("nobody", "fork")


@pytest.mark.sentence("K-5")
def test_fence_survives_a_restart_and_a_new_enrolment_until_it_is_released(
    registry: Registry, tmp_path: Path, clock: Clock
) -> None:
    registry.record(enrolled("bus-1"))
    registry.fence("bus-1", "disk rolled back")
    registry = reopen(registry, tmp_path, clock)
    assert registry.is_fenced("bus-1")
    registry.record(enrolled("bus-1", serial="2"))
    assert registry.is_fenced("bus-1")
    assert registry.device("bus-1").fence_reason == "disk rolled back"
    registry.release("bus-1")
    registry = reopen(registry, tmp_path, clock)
    assert not registry.is_fenced("bus-1")
    registry.close()


def test_fence_twice_writes_one_line(registry: Registry, tmp_path: Path) -> None:
    registry.record(enrolled("bus-1"))
    registry.fence("bus-1", "fork")
    size = (tmp_path / "keys" / "registry.jsonl").stat().st_size
    registry.fence("bus-1", "fork")
    assert (tmp_path / "keys" / "registry.jsonl").stat().st_size == size
    registry.close()


def test_fence_holds_while_the_second_copy_is_away_and_a_key_does_not(
    registry: Registry, tmp_path: Path, clock: Clock
) -> None:
    registry.record(enrolled("bus-1"))
    (tmp_path / "copy").rename(tmp_path / "away")
    registry.fence("bus-1", "fork")
    assert registry.copy_is_behind
    with pytest.raises(SecondCopyError):
        registry.record(enrolled("bus-2"))
    assert dict(registry.keys_of("bus-2")) == {}
    (tmp_path / "away").rename(tmp_path / "copy")
    registry = reopen(registry, tmp_path, clock)
    assert registry.is_fenced("bus-1")
    registry.close()


def test_rotated_keys_both_hold_for_the_keep_window_and_the_old_ends_with_it(
    registry: Registry, tmp_path: Path, clock: Clock
) -> None:
    old, new = derive(b"\1" * 32), derive(b"\2" * 32)
    registry.record(enrolled("bus-1", secret=b"\1" * 32))
    clock.now_ms += 1000
    registry.record(KeysRotated(device="bus-1", k_up=new.up.key.hex(), k_down=new.down.key.hex()))
    assert dict(registry.keys_of("bus-1")) == {old.up.id: old.up.key, new.up.id: new.up.key}
    assert registry.down_key("bus-1") == new.down
    clock.now_ms += limits.KEEP_WINDOW_MS - 1
    registry.forget_expired()
    assert set(registry.keys_of("bus-1")) == {old.up.id, new.up.id}
    clock.now_ms += 1
    registry.forget_expired()
    assert set(registry.keys_of("bus-1")) == {new.up.id}
    registry = reopen(registry, tmp_path, clock)
    assert set(registry.keys_of("bus-1")) == {new.up.id}
    registry.close()


def test_rotated_to_the_same_keys_leaves_one_pair(registry: Registry) -> None:
    registry.record(enrolled("bus-1", secret=b"\1" * 32))
    registry.record(enrolled("bus-1", secret=b"\1" * 32, serial="2"))
    assert len(registry.device("bus-1").links) == 1
    registry.close()


def test_revoked_device_loses_everything_at_once_and_keeps_its_signing_keys(
    registry: Registry, tmp_path: Path, clock: Clock
) -> None:
    record = enrolled("bus-1")
    registry.record(record)
    registry.revoke("bus-1", "stolen")
    registry = reopen(registry, tmp_path, clock)
    device = registry.device("bus-1")
    assert (device.state, device.certificates, device.links) == (DeviceState.REVOKED, (), ())
    assert dict(registry.keys_of("bus-1")) == {}
    assert device.signing == (bytes.fromhex(record.signing),)
    with pytest.raises(UnknownDeviceError):
        registry.fence("bus-1", "fork")
    registry.close()


def test_signing_keys_of_every_enrolment_are_kept_newest_first(registry: Registry) -> None:
    records = [enrolled("bus-1", serial=str(n)) for n in range(3)]
    for record in records:
        registry.record(record)
    assert registry.device("bus-1").signing == tuple(bytes.fromhex(r.signing) for r in reversed(records))
    registry.close()


def test_certificate_expired_is_not_listed_any_more(registry: Registry, clock: Clock) -> None:
    registry.record(enrolled("bus-1"))
    clock.now_ms += YEAR_MS
    registry.forget_expired()
    assert registry.device("bus-1").certificates == ()
    registry.close()


def test_token_is_remembered_as_used_after_a_restart(
    registry: Registry, tmp_path: Path, clock: Clock
) -> None:
    expires_ms = START_MS + limits.ENROLMENT_TOKEN_LIFE_MS
    registry.record(TokenIssued(token_hash="t", device="bus-1", kind="bus", site="", expires_ms=expires_ms))
    record = enrolled("bus-1", token="t")
    registry.record(record)
    registry = reopen(registry, tmp_path, clock)
    token = registry.token("t")
    assert token is not None
    assert token.used_by == record
    clock.now_ms = expires_ms + 2 * 86_400_000
    registry.forget_expired()
    assert registry.token("t") is None
    registry.close()


def test_record_of_a_newer_version_stops_the_start() -> None:
    with pytest.raises(RecordError, match="newer"):
        from_json(b'{"at_ms":1,"record":"device_teleported","device":"bus-1"}')
    with pytest.raises(RecordError):
        from_json(b'{"at_ms":1,"record":"device_released","device":"bus-1","new":1}')
    with pytest.raises(RecordError):
        from_json(b'{"at_ms":"1","record":"device_released","device":"bus-1"}')


def test_registry_shows_no_key_in_its_representation(registry: Registry) -> None:
    record = enrolled("bus-1", secret=b"\1" * 32)
    registry.record(record)
    shown = repr(registry.device("bus-1"))
    assert record.k_up not in shown
    assert repr(bytes.fromhex(record.k_up)) not in shown
    registry.close()


DEVICES = st.sampled_from(["a", "b"])
STEPS = st.one_of(
    st.tuples(st.just("enrol"), DEVICES, st.integers(1, 3)),
    st.tuples(st.just("fence"), DEVICES, st.just(0)),
    st.tuples(st.just("release"), DEVICES, st.just(0)),
    st.tuples(st.just("revoke"), DEVICES, st.just(0)),
    st.tuples(st.just("wait"), DEVICES, st.integers(1, 40)),
    st.tuples(st.just("unplug"), DEVICES, st.just(0)),
    st.tuples(st.just("plug"), DEVICES, st.just(0)),
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, max_size=12))
def test_registry_after_any_history_is_the_same_when_it_is_opened_again(
    steps: list[tuple[str, str, int]],
) -> None:
    with TemporaryDirectory() as name:
        folder, clock = Path(name), Clock()
        copy, away = folder / "copy", folder / "away"
        Registry.create(folder / "keys", copy, START_MS)
        registry = Registry.open(folder / "keys", copy, clock=clock)
        for step, device, number in steps:
            clock.now_ms += 1 + (number * 86_400_000 if step == "wait" else 0)
            act: dict[str, Callable[[], object]] = {
                "enrol": partial(registry.record, enrolled(device, secret=bytes([number]) * 32)),
                "fence": partial(registry.fence, device, "fork"),
                "release": partial(registry.release, device),
                "revoke": partial(registry.revoke, device, "stolen"),
                "unplug": lambda: copy.exists() and copy.rename(away),
                "plug": lambda: away.exists() and away.rename(copy),
                "wait": lambda: None,
            }
            with suppress(UnknownDeviceError, SecondCopyError):
                act[step]()
        if away.exists():
            away.rename(copy)
        registry.forget_expired()
        known = registry.devices()
        registry.close()
        again = Registry.open(folder / "keys", copy, clock=clock)
        assert again.devices() == known
        assert (folder / "keys" / "registry.jsonl").read_bytes() == (copy / "registry.jsonl").read_bytes()
        again.close()


def test_entry_reads_back_as_it_was_written() -> None:
    entry = Entry(at_ms=START_MS, record=enrolled("bus-1"))
    assert from_json(to_json(entry)) == entry
