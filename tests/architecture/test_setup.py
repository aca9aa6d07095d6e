"""Set-up tells a person what is missing, with the exact line, and stops with status 3."""

import base64
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, read
from tests.support.programs import LISTED, find_program, listed_programs


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that set-up reads before there is an environment."""
    for path in (".ci/programs", "tests/support/programs.txt"):
        (tmp_path / path).parent.mkdir(parents=True)
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)
    return folder / name


def look(checkout: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Look as a person without root would: `id -u` answers 1000."""
    program(checkout / "bin", "id", "echo 1000")
    environment = {**os.environ, "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}"}
    command = [str(checkout / ".ci/programs"), *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_setup_without_a_program_names_its_package_and_the_line(checkout: Path) -> None:
    (checkout / "tests/support/programs.txt").write_text(
        "no-such-program some-package why\n", encoding="utf-8"
    )
    looked = look(checkout, "daemons")
    assert looked.returncode == 3
    assert "Not installed: some-package" in looked.stderr
    assert (
        "sudo apt-get update && sudo apt-get install -y --no-install-recommends some-package" in looked.stderr
    )


def test_setup_with_every_program_is_silent(checkout: Path) -> None:
    (checkout / "tests/support/programs.txt").write_text("# a comment\nsh dash why\n", encoding="utf-8")
    looked = look(checkout, "daemons")
    assert (looked.returncode, looked.stdout, looked.stderr) == (0, "", "")


def test_setup_with_an_old_python_says_which_is_needed(checkout: Path) -> None:
    old = program(checkout / "old", "python3", 'case "$1" in -V) echo Python 3.9.2 ;; *) exit 1 ;; esac')
    looked = look(checkout, "python", old)
    assert looked.returncode == 3
    assert "needs Python 3.11 or newer" in looked.stderr
    assert "is 3.9.2" in looked.stderr


def test_setup_without_python_names_the_package(checkout: Path) -> None:
    looked = look(checkout, "python", "no-such-python")
    assert looked.returncode == 3
    assert "install -y --no-install-recommends python3 python3-venv" in looked.stderr


def test_program_that_is_not_listed_cannot_be_required() -> None:
    with pytest.raises(LookupError, match=LISTED.name):
        find_program("no-such-program")
    assert all(name for name in listed_programs())


@pytest.mark.parametrize(("environment", "outcome"), [({}, "1 skipped"), ({"CI": "true"}, "1 error")])
def test_requires_a_missing_program_skips_by_name_and_fails_in_ci(
    tmp_path: Path, environment: dict[str, str], outcome: str
) -> None:
    test = "import pytest\n@pytest.mark.requires('tmux')\ndef test_it() -> None: ...\n"
    (tmp_path / "test_it.py").write_text(test, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-ra", "-W", "ignore", "-p", "tests.conftest", str(tmp_path)]
    away = {"PATH": str(tmp_path), "PYTHONPATH": str(ROOT), **environment}
    told = subprocess.run(command, cwd=tmp_path, env=away, capture_output=True, text=True, check=False).stdout
    assert outcome in told
    assert "The program tmux is not installed" in told


@pytest.fixture
def looking(tmp_path: Path) -> Path:
    """The files that bring the screens' typefaces, and a lock of one package of ours."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / "requirements").mkdir()
    shutil.copy(ROOT / ".ci/look", tmp_path / ".ci/look")
    return tmp_path


def bring(looking: Path, integrity: str, npm: str) -> subprocess.CompletedProcess[str]:
    """Bring them with a registry that always gives the same file."""
    (looking / "requirements/look.lock").write_text(f"# a comment\nfaces 1.0.0 {integrity} a.ttf LICENSE\n")
    (looking / "package").mkdir(exist_ok=True)
    for name in ("a.ttf", "LICENSE"):
        (looking / "package" / name).write_text(name)
    made = ["tar", "--mtime=@0", "--owner=0", "--group=0", "-cf", str(looking / "faces.tar"), "package"]
    subprocess.run(made, cwd=looking, check=True)
    (looking / "faces.tgz").write_bytes(gzip.compress((looking / "faces.tar").read_bytes(), mtime=0))
    program(looking / "bin", "npm", npm.format(file=looking / "faces.tgz"))
    environment = {**os.environ, "PATH": f"{looking / 'bin'}:{os.environ['PATH']}"}
    command = [str(looking / ".ci/look"), str(looking / "here")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


COPY = 'cp {file} "$4"/faces.tgz'


def test_typefaces_of_the_lock_are_brought_with_their_licence(looking: Path) -> None:
    bring(looking, "sha512-none", COPY)
    digest = hashlib.sha512((looking / "faces.tgz").read_bytes()).digest()
    brought = bring(looking, f"sha512-{base64.b64encode(digest).decode()}", COPY)
    assert (brought.returncode, brought.stderr) == (0, "")
    assert {path.name for path in (looking / "here").iterdir()} == {"a.ttf", "faces.LICENSE"}


def test_typefaces_that_are_not_those_of_the_lock_are_not_installed(looking: Path) -> None:
    brought = bring(looking, "sha512-none", COPY)
    assert brought.returncode == 1
    assert "is not what requirements/look.lock names" in brought.stderr
    assert not (looking / "here").exists()


def test_typefaces_that_cannot_be_had_say_what_to_do(looking: Path) -> None:
    brought = bring(looking, "sha512-none", 'echo "no such host" >&2; exit 1')
    assert brought.returncode == 3
    assert "faces 1.0.0 cannot be had: no such host" in brought.stderr
    assert "make look" in brought.stderr


def test_lock_of_the_look_names_a_version_and_a_hash_and_no_address() -> None:
    rows = [row for row in read("requirements/look.lock").splitlines() if not row.startswith("#")]
    assert len(rows) == 2
    assert all(
        re.fullmatch(r"@\S+ \d+\.\d+\.\d+ sha512-[A-Za-z0-9+/]{86}==( [\w./-]+)+", row) for row in rows
    )
    assert not any("://" in row for row in rows)


def test_library_is_found_where_debian_keeps_it() -> None:
    found = find_program("libGL.so.1")
    assert found is None or found.name == "libGL.so.1"


def test_micropython_that_cannot_be_had_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/micropython", tmp_path / ".ci/micropython")
    program(tmp_path / "bin", "apt-get", "exit 0")
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    command = [str(tmp_path / ".ci/micropython"), str(tmp_path / "here")]
    brought = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert brought.returncode == 3
    assert "cannot be had: apt knows no mirror of Debian" in brought.stderr
    assert "make micropython" in brought.stderr
    assert not (tmp_path / "here").exists()
