from pathlib import Path

import pytest

from shared.adapters.device_keys import BootCounter
from shared.edge.memory import DeviceMemory, Memory


def test_boot_counter_rises_with_the_machine_and_not_with_the_process(tmp_path: Path) -> None:
    first = DeviceMemory(tmp_path, "boot-a")
    assert (first.now.boot, first.started_anew) == (1, True)
    again = DeviceMemory(tmp_path, "boot-a")
    assert (again.now.boot, again.started_anew) == (1, False)
    after = DeviceMemory(tmp_path, "boot-b")
    assert (after.now.boot, after.started_anew) == (2, True)


def test_boot_counter_never_falls_when_the_memory_is_lost(tmp_path: Path) -> None:
    for boot in ("a", "b", "c"):
        DeviceMemory(tmp_path, boot)
    (tmp_path / "memory.json").unlink()
    assert DeviceMemory(tmp_path, "c").now.boot == 4


def test_boot_that_was_counted_but_not_remembered_is_counted_again(tmp_path: Path) -> None:
    DeviceMemory(tmp_path, "a")
    BootCounter(tmp_path).count()
    assert DeviceMemory(tmp_path, "b").now.boot == 3


def test_fence_and_incarnation_survive_process_and_machine(tmp_path: Path) -> None:
    DeviceMemory(tmp_path, "a").keep(incarnation=12, fenced=True)
    for boot in ("a", "b"):
        now = DeviceMemory(tmp_path, boot).now
        assert (now.incarnation, now.fenced) == (12, True)
    DeviceMemory(tmp_path, "b").keep(incarnation=12, fenced=False)
    assert not DeviceMemory.read(tmp_path).fenced


def test_memory_that_is_known_already_is_not_written(tmp_path: Path) -> None:
    memory = DeviceMemory(tmp_path, "a")
    memory.keep(incarnation=3, fenced=False)
    before = (tmp_path / "memory.json").stat().st_ino
    memory.keep(incarnation=3, fenced=False)
    assert (tmp_path / "memory.json").stat().st_ino == before


@pytest.mark.parametrize("content", [b"", b"{", b'{"v":1}', b"\0" * 100])
def test_memory_that_is_damaged_counts_as_fenced(tmp_path: Path, content: bytes) -> None:
    DeviceMemory(tmp_path, "a")
    (tmp_path / "memory.json").write_bytes(content)
    assert DeviceMemory(tmp_path, "a").now.fenced
    assert DeviceMemory(tmp_path, "a").now.boot == 2


def test_memory_that_says_no_word_of_the_fence_counts_as_fenced(tmp_path: Path) -> None:
    (tmp_path / "memory.json").write_bytes(b'{"boot_id":"a","boot":1,"incarnation":1,"fenced":null}')
    assert DeviceMemory.read(tmp_path).fenced


def test_memory_of_a_new_device_is_empty(tmp_path: Path) -> None:
    assert DeviceMemory.read(tmp_path) == Memory()
