"""What is written: the project's files as git sees them, and their syntax trees.

Files that git ignores are not looked at; a new file counts before it is committed.
"""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("beacon_node", "card_reader", "hub", "kiosk_app", "shared")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Python file: its path from the root, its text, its syntax tree, and every node of it."""

    path: str
    text: str
    tree: ast.Module
    nodes: tuple[ast.AST, ...]

    @classmethod
    def parse(cls, path: str, text: str) -> "Module":
        """Parse a file's text."""
        tree = ast.parse(text, path)
        return cls(path=path, text=text, tree=tree, nodes=tuple(ast.walk(tree)))

    @property
    def dotted(self) -> str:
        """The name by which it is imported."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def imports(self) -> Iterator[tuple[int, str]]:
        """Every module that is imported anywhere in the file, with its line."""
        for node in self.nodes:
            match node:
                case ast.Import(names=names):
                    yield from ((node.lineno, alias.name) for alias in names)
                case ast.ImportFrom(module=str(module), names=names):
                    yield from ((node.lineno, f"{module}.{alias.name}") for alias in names)
                case _:
                    pass

    def within(self, *rooms: str) -> bool:
        """Whether the file is, or lies in, one of these dotted names."""
        return any(self.dotted == room or self.dotted.startswith(f"{room}.") for room in rooms)


@cache
def written_files() -> tuple[str, ...]:
    """Paths from the root of every file that is tracked, or would be by `git add`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return tuple(sorted(path for path in listed.split("\0") if path and (ROOT / path).is_file()))


@cache
def modules() -> tuple[Module, ...]:
    """Every Python file of the project, tests included."""
    paths = (path for path in written_files() if path.endswith(".py"))
    return tuple(Module.parse(path, read(path)) for path in paths)


@cache
def product_modules() -> tuple[Module, ...]:
    """The Python files that are shipped."""
    return tuple(module for module in modules() if module.within(*PACKAGES))


@cache
def modules_of_tests() -> tuple[Module, ...]:
    """The Python files of the tests."""
    return tuple(module for module in modules() if module.within("tests"))


@cache
def read(path: str) -> str:
    """The text of a file, by its path from the root."""
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def settings() -> dict[str, Any]:
    """What `pyproject.toml` says."""
    return tomllib.loads(read("pyproject.toml"))


def document(name: str) -> str:
    """The text of a page in docs/, failing with its name where it is missing."""
    assert (ROOT / "docs" / name).is_file(), f"docs/{name} is missing."
    return read(f"docs/{name}")
