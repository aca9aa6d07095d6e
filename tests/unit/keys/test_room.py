"""Set-up, cut anywhere and done again; opening; the incarnation; the hub's own secrets."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.keys import authority, files, hub_keys, incarnation, journal, room
from hub.keys.files import KeyFileError, SecondCopyError, TwinFolder
from hub.keys.hub_keys import API_TOKEN_OVERLAP_MS, ApiTokenError, make_hub_key, rotate_api_token
from hub.keys.incarnation import Incarnation
from hub.keys.journal import JournalBusyError
from hub.keys.records import HubKeyRole
from hub.keys.room import ClockNotSetError, KeyRoom, set_up
from shared.adapters import durable_files
from shared.protocol.sealing import SealedContext
from tests.support.cuts import restore, states_during

NOW_MS = 1_800_000_000_000
NAMES = ("hub.example.org", "192.0.2.7")


def clock() -> int:
    return NOW_MS


@pytest.fixture
def home(tmp_path: Path) -> Path:
    set_up(tmp_path / "keys", tmp_path / "copy", names=NAMES, now_ms=NOW_MS)
    return tmp_path


def open_room(home: Path, *, count_start: bool = True) -> KeyRoom:
    return KeyRoom.open(home / "keys", home / "copy", clock=clock, count_start=count_start)


def secrets_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "registry.lock"}


def test_set_up_makes_private_files_in_both_places(home: Path) -> None:
    assert secrets_of(home / "keys") == secrets_of(home / "copy")
    public = {"ca.crt", "server.crt", "hub.crt"}
    for path in (*(home / "keys").iterdir(), *(home / "copy").iterdir()):
        assert path.stat().st_mode & 0o777 == (0o644 if path.name in public else 0o600), path
    assert (home / "keys").stat().st_mode & 0o777 == 0o700


def test_set_up_again_changes_nothing(home: Path) -> None:
    before = secrets_of(home / "keys")
    set_up(home / "keys", home / "copy", names=NAMES, now_ms=NOW_MS + 1)
    assert secrets_of(home / "keys") == before


def test_set_up_cut_anywhere_is_completed_by_the_next_and_replaces_no_key(tmp_path: Path) -> None:
    modules = [authority, files, hub_keys, incarnation, journal, room, durable_files]
    home = tmp_path / "home"
    home.mkdir()
    states = states_during(
        home, lambda: set_up(home / "keys", home / "copy", names=NAMES, now_ms=NOW_MS), modules
    )
    assert len(states) > 40
    for state in states:
        where = tmp_path / "again"
        restore(state, where)
        set_up(where / "keys", where / "copy", names=NAMES, now_ms=NOW_MS)
        open_room(where).close()
        used = {"keys/fleet.key", "keys/api-token", "keys/ca.crt", "keys/registry.jsonl"}
        for name in used & state.keys():
            now = (where / name).read_bytes()
            assert now.startswith(state[name] or b""), name


def test_set_up_with_the_second_copy_away_makes_nothing_that_could_be_used(tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("a file where the disk should be")
    with pytest.raises(SecondCopyError, match="mount"):
        set_up(tmp_path / "keys", tmp_path / "copy", names=NAMES, now_ms=NOW_MS)
    assert not (tmp_path / "keys").exists()


def test_set_up_and_start_with_a_clock_that_was_never_set_refuse(home: Path) -> None:
    with pytest.raises(ClockNotSetError, match="timedatectl"):
        set_up(home / "new", None, names=NAMES, now_ms=1_000)
    with pytest.raises(ClockNotSetError):
        KeyRoom.open(home / "keys", home / "copy", clock=lambda: 1_000)


def test_set_up_under_a_new_name_makes_new_server_certificates_and_keeps_the_authority(home: Path) -> None:
    before = secrets_of(home / "keys")
    set_up(home / "keys", home / "copy", names=("town.example.org",), now_ms=NOW_MS)
    after = secrets_of(home / "keys")
    assert after["server.crt"] != before["server.crt"]
    assert after["ca.crt"] == before["ca.crt"]


def test_set_up_near_the_end_of_the_server_certificate_renews_it(home: Path) -> None:
    before = secrets_of(home / "keys")
    set_up(home / "keys", home / "copy", names=NAMES, now_ms=NOW_MS + 700 * 86_400_000)
    assert secrets_of(home / "keys")["server.crt"] != before["server.crt"]


def test_open_while_it_is_open_is_refused(home: Path) -> None:
    opened = open_room(home)
    with pytest.raises(JournalBusyError):
        open_room(home)
    opened.close()
    open_room(home).close()


@pytest.mark.sentence("B-8")
def test_open_counts_each_start_and_looking_does_not(home: Path) -> None:
    def value_of(opened: KeyRoom) -> int | None:
        opened.close()
        return None if opened.incarnation is None else opened.incarnation.value

    assert value_of(open_room(home)) == 1
    assert value_of(open_room(home, count_start=False)) is None
    assert value_of(open_room(home)) == 2


@pytest.mark.parametrize(
    "name", ["ca.key", "ca.crt", "hub.crt", "fleet.key", "api-token", "sealing-*.key", "signing-*.key"]
)
def test_file_lost_in_the_first_comes_back_from_the_copy(home: Path, name: str) -> None:
    path = next((home / "keys").glob(name))
    content = path.read_bytes()
    path.unlink()
    open_room(home).close()
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "name", ["ca.key", "ca.crt", "hub.crt", "fleet.key", "api-token", "sealing-*.key", "signing-*.key"]
)
@pytest.mark.parametrize("damage", [lambda _: b"", lambda content: content[: len(content) // 3]])
def test_file_damaged_refuses_the_start_and_names_it(
    home: Path, name: str, damage: Callable[[bytes], bytes]
) -> None:
    path = next((home / "keys").glob(name))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(KeyFileError, match=path.name.split(".")[0]):
        open_room(home)
    with pytest.raises(KeyFileError):
        open_room(home)


def test_key_of_another_hub_refuses_the_start(home: Path, tmp_path: Path) -> None:
    set_up(tmp_path / "other" / "keys", None, names=NAMES, now_ms=NOW_MS)
    shutil.copy(tmp_path / "other" / "keys" / "ca.key", home / "keys" / "ca.key")
    with pytest.raises(KeyFileError, match="not the key of"):
        open_room(home)


def test_copy_on_the_same_disk_and_no_copy_are_noted(home: Path) -> None:
    opened = open_room(home)
    opened.close()
    assert any("one disk" in note for note in opened.notes)
    opened = KeyRoom.open(home / "keys", None, clock=clock)
    opened.close()
    assert any("no second copy" in note for note in opened.notes)


def test_sealing_key_retired_still_opens_what_was_sealed_to_it(home: Path) -> None:
    opened = open_room(home)
    old = opened.keys.sealing[0].public()
    sealed = old.seal("kiosk-1", "c1", b"\7" * 32)
    name = make_hub_key(opened.folder, opened.registry, HubKeyRole.SEALING)
    opened.close()
    opened = open_room(home)
    opened.close()
    assert [key.retired for key in opened.registry.hub_keys(HubKeyRole.SEALING)] == [False, True]
    assert opened.registry.hub_keys(HubKeyRole.SEALING)[0].key_id == name
    assert len(opened.keys.sealing) == 2
    assert opened.keys.sealing[1].public().raw == old.raw
    opened.keys.sealing[1].open("kiosk-1", SealedContext("c1", sealed))


def test_api_token_is_compared_whole(home: Path) -> None:
    opened = open_room(home)
    opened.close()
    opened.keys.check_api_token((home / "keys" / "api-token").read_text())
    for shown in ("", opened.keys.api_token[:-1], opened.keys.api_token + "x", "ñ"):
        with pytest.raises(ApiTokenError, match="api-token"):
            opened.keys.check_api_token(shown)


def test_keys_show_nothing_in_their_representation(home: Path) -> None:
    opened = open_room(home)
    opened.close()
    assert opened.keys.api_token not in repr(opened)
    assert repr(opened.keys.fleet) not in repr(opened)


class TestIncarnation:
    """The counter alone."""

    @pytest.fixture
    def twin(self, tmp_path: Path) -> TwinFolder:
        twin = TwinFolder(tmp_path / "keys", tmp_path / "copy")
        Incarnation.create(twin)
        return twin

    def test_jump_goes_above_what_was_seen_and_never_back(self, twin: TwinFolder) -> None:
        counter = Incarnation.raise_at_start(twin)
        counter.rise_above(41)
        assert counter.value == 42
        counter.rise_above(7)
        counter.keep()
        assert counter.value == 42
        assert Incarnation.raise_at_start(twin).value == 43

    def test_older_copy_is_not_believed(self, twin: TwinFolder) -> None:
        old = (twin.first / "incarnation").read_bytes()
        assert Incarnation.raise_at_start(twin).value == 1
        (twin.first / "incarnation").write_bytes(old)
        assert Incarnation.raise_at_start(twin).value == 2

    @pytest.mark.parametrize("damage", [b"", b"\0", b"9 wrongsum\n", b"-1 00000000\n", b"x" * 100])
    def test_damaged_copy_is_passed_over_and_two_refuse(self, twin: TwinFolder, damage: bytes) -> None:
        Incarnation.raise_at_start(twin)
        (twin.first / "incarnation").write_bytes(damage)
        assert Incarnation.raise_at_start(twin).value == 2
        assert twin.second is not None
        for folder in (twin.first, twin.second):
            (folder / "incarnation").write_bytes(damage)
        with pytest.raises(KeyFileError, match="incarnation"):
            Incarnation.raise_at_start(twin)

    def test_copy_away_does_not_stop_the_hub(self, twin: TwinFolder) -> None:
        assert twin.second is not None
        twin.second.rename(twin.second.with_name("away"))
        twin.second.write_text("not a folder")
        assert Incarnation.raise_at_start(twin).value == 1
        assert Incarnation.raise_at_start(twin).value == 2

    def test_cut_at_any_step_never_gives_a_number_twice(self, tmp_path: Path, twin: TwinFolder) -> None:
        first = Incarnation.raise_at_start(twin)
        first.rise_above(10)
        states = states_during(tmp_path, first.keep, [incarnation, files, durable_files])
        assert len(states) > 4
        again = tmp_path.with_name(tmp_path.name + "-again")
        values = list[int]()
        for state in states:
            restore(state, again)
            values.append(Incarnation.raise_at_start(TwinFolder(again / "keys", again / "copy")).value)
        assert set(values) == {2, 12}
        shutil.rmtree(again)


def test_api_token_before_a_rotation_is_good_for_a_month(home: Path) -> None:
    opened = KeyRoom.open(home / "keys", home / "copy", clock=lambda: NOW_MS)
    first = opened.keys.api_token
    rotate_api_token(opened.folder, NOW_MS)
    opened.close()
    now_ms = NOW_MS
    again = KeyRoom.open(home / "keys", home / "copy", clock=lambda: now_ms)
    for good in (first, again.keys.api_token):
        again.keys.check_api_token(good)
    now_ms += API_TOKEN_OVERLAP_MS
    again.keys.check_api_token(again.keys.api_token)
    with pytest.raises(ApiTokenError):
        again.keys.check_api_token(first)
    rotate_api_token(again.folder, now_ms)
    again.close()
    third = KeyRoom.open(home / "keys", home / "copy", clock=lambda: now_ms)
    with pytest.raises(ApiTokenError):
        third.keys.check_api_token(first)
    assert (home / "copy" / "api-token.before").stat().st_mode & 0o77 == 0
    third.close()
