"""The wheel, installed away from the checkout, carries all it needs: commands, migrations, templates.

One environment sees every third party that is installed here, another only what a device has: the base
dependencies and what they ask for in turn.
"""

import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import venv
import zipfile
from contextlib import closing
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.architecture.tree import PACKAGES, ROOT, settings, written_files

COMMANDS = sorted(settings()["project"]["entry-points"]["ventanilla.commands"])


def run(*words: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a program from `/`, where nothing of the checkout is in reach."""
    command = [str(word) for word in words]
    done = subprocess.run(command, cwd="/", env={}, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that the checkout stays clean."""
    copy, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for path in written_files():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, copy / path)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "-w", made, copy], check=True, capture_output=True)
    (built,) = made.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with the wheel in it, which sees the third parties installed here."""
    return install(wheel, tmp_path_factory.mktemp("whole"), Path(sysconfig.get_path("purelib")))


@pytest.fixture(scope="module")
def device_programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the base dependencies alone."""
    base = tmp_path_factory.mktemp("base")
    for name in {
        part for found in closure(settings()["project"]["dependencies"]) for part in top_names(found)
    }:
        (base / name).symlink_to(Path(sysconfig.get_path("purelib")) / name)
    return install(wheel, tmp_path_factory.mktemp("device"), base)


def closure(lines: list[str]) -> list[Distribution]:
    """What these requirements ask for, and what that asks for in turn."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(line) for line in lines]
    while waiting:
        wanted = waiting.pop()
        if wanted.name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        found[wanted.name] = distribution(wanted.name)
        waiting += [Requirement(line) for line in found[wanted.name].requires or ()]
    return list(found.values())


def top_names(found: Distribution) -> set[str]:
    """The files and folders of site-packages that are this distribution's."""
    return {file.parts[0] for file in found.files or () if file.parts[0] not in {"..", "__pycache__"}}


def install(wheel: Path, environment: Path, third_parties: Path) -> Path:
    """Install the wheel in a new environment that also looks into a folder; returns its `bin`."""
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, wheel], check=True, capture_output=True)
    # A plain path: the .pth files of that folder, this checkout's among them, are not read.
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "third_parties.pth").write_text(str(third_parties), encoding="utf-8")
    return environment / "bin"


def test_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert inside == {
        path for path in written_files() if path.startswith(tuple(f"{name}/" for name in PACKAGES))
    }


def test_wheel_installed_is_what_runs(programs: Path) -> None:
    found = run(programs / "python", "-c", "import hub, shared; print(hub.__file__, shared.__file__)").stdout
    assert all(str(programs.parent) in file for file in found.split())


def test_wheel_from_the_root_folder_says_its_version_and_commands(programs: Path) -> None:
    assert run(programs / "ventanilla", "--version").stdout.strip() == settings()["project"]["version"]
    helped = run(programs / "ventanilla", "--help").stdout
    assert all(command in helped for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_wheel_from_the_root_folder_helps_with_each_command(programs: Path, command: str) -> None:
    assert "Usage" in run(programs / "ventanilla", command, "--help").stdout


def test_device_without_the_hub_extra_has_its_own_command(device_programs: Path) -> None:
    assert "Usage" in run(device_programs / "ventanilla", "device", "--help").stdout


def test_hub_command_without_its_extra_says_what_to_install(device_programs: Path) -> None:
    refused = run(device_programs / "ventanilla", "hub", "run", "--any", "option", status=3)
    assert "pip install 'ventanilla[hub]'" in refused.stderr


def test_wheel_from_the_root_folder_makes_the_schema(programs: Path, tmp_path: Path) -> None:
    made = (
        "from hub.db.migrate import upgrade; from hub.db.schema import newest; "
        "upgrade(r'sqlite:///{}'); print(newest())"
    )
    told = run(programs / "python", "-c", made.format(tmp_path / "hub.db")).stdout
    with closing(sqlite3.connect(tmp_path / "hub.db")) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert version == told.strip()
