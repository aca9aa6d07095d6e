"""The identity folder, cut at every step of its making, and the boot counter."""

import shutil
from pathlib import Path

import pytest

from hub.keys.authority import Authority
from hub.keys.files import TwinFolder
from shared.adapters import device_keys, durable_files
from shared.adapters.device_keys import (
    BootCounter,
    Identity,
    IdentityDamagedError,
    KeySet,
    NotEnrolledError,
    accept,
    load,
    pending_keys,
)
from shared.protocol.enrolment import EnrolmentAnswer
from shared.protocol.sealing import HubSealingKey
from tests.support.cuts import restore, state_of, states_during

NOW_MS = 1_800_000_000_000
SEALING = HubSealingKey.generate().public().raw.hex()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(TwinFolder(tmp_path / "keys", None), NOW_MS)


def answer_to(authority: Authority, keys: KeySet) -> EnrolmentAnswer:
    return EnrolmentAnswer(
        device="kiosk-7",
        kind="kiosk",
        site="",
        certificate=authority.issue_device("kiosk-7", keys.certification_request("kiosk-7"), NOW_MS).pem,
        authority=authority.pem,
        brokers=("127.0.0.1:8883",),
        hub_url="https://127.0.0.1:8443",
        hub_signing="05" * 32,
        hub_sealing=SEALING,
        fleet_key="07" * 32,
        time_ms=NOW_MS,
    )


def enrol(folder: Path, authority: Authority) -> Identity:
    return accept(folder, answer_to(authority, pending_keys(folder)))


def test_pending_keys_asked_again_are_the_same(tmp_path: Path) -> None:
    first, again = pending_keys(tmp_path / "identity"), pending_keys(tmp_path / "identity")
    assert first.links == again.links
    assert first.tls.private_numbers() == again.tls.private_numbers()
    assert first.signing.private_bytes_raw() == again.signing.private_bytes_raw()


def test_pending_keys_cut_at_any_step_are_whole_at_the_next_and_kept_once_whole(tmp_path: Path) -> None:
    folder = tmp_path / "identity"
    folder.mkdir()
    states = states_during(folder, lambda: pending_keys(folder), [device_keys, durable_files])
    whole = pending_keys(folder)
    assert len(states) > 6
    for state in states:
        restore(state, folder)
        keys = pending_keys(folder)
        assert pending_keys(folder).links == keys.links
        if {"pending/secret", "pending/signing.key", "pending/tls.key"} <= state.keys():
            assert keys.links == whole.links


def test_answer_accepted_and_cut_at_any_step_leaves_the_old_identity_or_the_new(
    tmp_path: Path, authority: Authority
) -> None:
    folder = tmp_path / "identity"
    old = enrol(folder, authority)
    keys = pending_keys(folder)
    answer = answer_to(authority, keys)
    states = states_during(folder, lambda: accept(folder, answer), [device_keys, durable_files])
    new = load(folder)
    assert new.previous == old.keys.links
    assert len(states) > 6
    found = list[bool]()
    for state in states:
        restore(state, folder)
        links = load(folder).keys.links
        assert links in (old.keys.links, new.keys.links)
        found.append(links == new.keys.links)
        if not found[-1]:
            # The technician repeats it with the same token: the same keys, and it is done.
            assert pending_keys(folder).links == keys.links
            assert accept(folder, answer).keys.links == keys.links
    assert found == sorted(found)
    assert {False, True} == set(found)


def test_first_enrolment_cut_at_any_step_leaves_nothing_or_all(tmp_path: Path, authority: Authority) -> None:
    folder = tmp_path / "identity"
    answer = answer_to(authority, pending_keys(folder))
    states = states_during(folder, lambda: accept(folder, answer), [device_keys, durable_files])
    outcomes = set[bool]()
    for state in states:
        restore(state, folder)
        try:
            outcomes.add(load(folder).device == "kiosk-7")
        except NotEnrolledError:
            outcomes.add(False)
    assert outcomes == {False, True}


def test_identity_before_the_previous_one_is_removed(tmp_path: Path, authority: Authority) -> None:
    folder = tmp_path / "identity"
    identities = [enrol(folder, authority) for _ in range(4)]
    assert sorted(path.name for path in folder.iterdir()) == ["3", "4"]
    newest = load(folder)
    assert newest.keys.links == identities[3].keys.links
    assert newest.previous == identities[2].keys.links
    assert set(newest.down_keys) == {pair.keys.links.down.id for pair in identities[2:]}


def test_answer_for_other_keys_is_refused_and_the_identity_before_stays(
    tmp_path: Path, authority: Authority
) -> None:
    folder = tmp_path / "identity"
    foreign = answer_to(authority, pending_keys(tmp_path / "elsewhere"))
    pending_keys(folder)
    with pytest.raises(IdentityDamagedError):
        accept(folder, foreign)
    with pytest.raises(NotEnrolledError):
        load(folder)
    before = enrol(folder, authority)
    pending_keys(folder)
    with pytest.raises(IdentityDamagedError):
        accept(folder, foreign)
    assert load(folder).keys.links == before.keys.links


def test_identity_shows_no_key_in_its_representation(tmp_path: Path, authority: Authority) -> None:
    identity = enrol(tmp_path / "identity", authority)
    assert identity.answer.fleet_key not in repr(identity)
    assert repr(identity.fleet_key) not in repr(identity)
    assert repr(identity.keys.links.up.key) not in repr(identity)


def test_boot_is_counted_up_and_survives(tmp_path: Path) -> None:
    assert [BootCounter(tmp_path / "identity").count() for _ in range(3)] == [1, 2, 3]


def test_boot_cut_at_any_step_never_gives_a_number_twice(tmp_path: Path) -> None:
    folder = tmp_path / "identity"
    BootCounter(folder).count()
    told = list[int]()
    states = states_during(
        folder, lambda: told.append(BootCounter(folder).count()), [device_keys, durable_files]
    )
    assert told == [2]
    assert len(states) > 4
    for state in states:
        restore(state, folder)
        assert BootCounter(folder).count() >= 2
    restore(states[-1], folder)
    assert BootCounter(folder).count() == 3


@pytest.mark.parametrize("damage", [b"", b"\0\0\0", b"7 00000000\n", b"x"])
def test_boot_with_one_copy_damaged_goes_on_and_with_two_says_enrol_again(
    tmp_path: Path, damage: bytes
) -> None:
    folder = tmp_path / "identity"
    BootCounter(folder).count()
    (folder / "boot").write_bytes(damage)
    assert BootCounter(folder).count() == 2
    for name in ("boot", "boot.copy"):
        (folder / name).write_bytes(damage)
    before = state_of(folder)
    with pytest.raises(IdentityDamagedError):
        BootCounter(folder).count()
    assert state_of(folder) == before
    shutil.rmtree(folder)
