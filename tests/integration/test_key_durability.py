"""What the kernel is asked, in which order: nothing about a key is told before both copies are durable."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.support.programs import find_program

pytestmark = pytest.mark.requires("strace")

ROOT = Path(__file__).parents[2]
CALLS = "openat,pwrite64,write,fsync,rename,ftruncate,close"
TOLD = "told: it is durable"


def calls_of(program: str, folder: Path) -> list[tuple[str, str]]:
    """Run a program under strace; return its calls on files below a folder, and what it told, in order."""
    strace = find_program("strace")
    assert strace is not None
    log = folder.with_suffix(".strace")
    command = [strace, "-f", "-y", "-s", "200", "-e", f"trace={CALLS}", "-o", log, sys.executable, "-c"]
    subprocess.run([*command, textwrap.dedent(program), folder], cwd=ROOT, check=True, timeout=60)
    calls = list[tuple[str, str]]()
    for line in log.read_text().splitlines():
        if TOLD in line:
            calls.append(("told", ""))
        elif match := re.search(rf"(\w+)\((?:\d+<|\"){re.escape(str(folder))}/([^\">]*)", line):
            calls.append((match[1], match[2]))
    return calls


@pytest.mark.sentence("K-5")
def test_registry_line_is_fsynced_in_copy_then_first_before_it_is_told(tmp_path: Path) -> None:
    calls = calls_of(
        f"""
        import os, sys
        from pathlib import Path
        from hub.keys.journal import Journal
        home = Path(sys.argv[1])
        Journal.create(home / "keys", home / "copy", b'{{"n":0}}')
        journal, _ = Journal.open(home / "keys", home / "copy")
        os.write(2, b"{TOLD}")
        journal.append(b'{{"n":1}}', must_be_copied=True)
        os.write(2, b"{TOLD}")
        """,
        tmp_path / "home",
    )
    told = [at for at, (call, _) in enumerate(calls) if call == "told"]
    append = [entry for entry in calls[told[0] + 1 : told[1]] if entry[0] in {"pwrite64", "fsync"}]
    assert append == [
        ("pwrite64", "copy/registry.jsonl"),
        ("fsync", "copy/registry.jsonl"),
        ("pwrite64", "keys/registry.jsonl"),
        ("fsync", "keys/registry.jsonl"),
    ]
    created = calls[: told[0]]
    for folder in ("copy", "keys"):
        renamed = created.index(("rename", f"{folder}/.registry.jsonl.new"))
        assert ("fsync", f"{folder}/.registry.jsonl.new") in created[:renamed]
        assert ("fsync", folder) in created[renamed:]


@pytest.mark.sentence("B-8")
@pytest.mark.sentence("B-6")
def test_boot_and_incarnation_are_fsynced_before_they_are_told(tmp_path: Path) -> None:
    calls = calls_of(
        f"""
        import os, sys
        from pathlib import Path
        from hub.keys.files import TwinFolder
        from hub.keys.incarnation import Incarnation
        from shared.adapters.device_keys import BootCounter
        home = Path(sys.argv[1])
        twin = TwinFolder(home / "keys", home / "copy")
        Incarnation.create(twin)
        Incarnation.raise_at_start(twin)
        BootCounter(home / "identity").count()
        os.write(2, b"{TOLD}")
        """,
        tmp_path / "home",
    )
    assert calls[-1][0] == "told"
    renames = [at for at, (call, _) in enumerate(calls) if call == "rename"]
    assert len(renames) == 6
    for at in renames:
        passing = calls[at][1]
        folder = passing.rpartition("/")[0]
        assert ("fsync", passing) in calls[:at]
        assert ("fsync", folder) in calls[at:]
