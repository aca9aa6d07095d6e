"""The documents speak of what exists, and what exists is in the documents."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest
from typer.main import get_command

from hub.config import HubConfig
from shared.cli import build
from tests.architecture import tables
from tests.architecture.tree import (
    ROOT,
    document,
    modules_of_tests,
    product_modules,
    read,
    written_files,
)

SENTENCE = re.compile(r"^\s*[-*] \*\*([A-Z]+-\d+)\*\*", re.MULTILINE)
TEST_NAME = re.compile(r"`(?:[\w/.]+::)?(test_\w+)`")
TOPIC_WORDS = re.compile(r"vt/1/[{}\w/#+]+")


def marked(name: str) -> Iterator[tuple[str, str]]:
    """Every `pytest.mark.<name>("id", …)` in the tests: the id, and the file that carries it."""
    for module in modules_of_tests():
        for node in module.nodes:
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="mark"), attr=attr), args=args) if (
                    attr == name
                ):
                    yield from (
                        (str(arg.value), module.path) for arg in args if isinstance(arg, ast.Constant)
                    )
                case _:
                    pass


def names_of_tests() -> set[str]:
    functions = (
        node
        for module in modules_of_tests()
        for node in module.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    classes = (
        node for module in modules_of_tests() for node in module.nodes if isinstance(node, ast.ClassDef)
    )
    return {node.name for node in functions} | {f"test_{node.name}" for node in classes}


def test_sentence_of_the_protocol_is_shown_by_a_test() -> None:
    sentences = SENTENCE.findall(document("PROTOCOL.md"))
    assert sentences, "docs/PROTOCOL.md has no sentence like `- **D-1** …`"
    assert len(sentences) == len(set(sentences)), "a number is given twice"
    assert not sorted(set(sentences) - {id_ for id_, _ in marked("sentence")}), "sentences without a test"


def test_sentence_that_a_test_names_exists() -> None:
    sentences = set(SENTENCE.findall(document("PROTOCOL.md")))
    assert not sorted({f"{id_} in {path}" for id_, path in marked("sentence") if id_ not in sentences})


def test_failure_table_names_tests_that_exist() -> None:
    known = names_of_tests()
    named = TEST_NAME.findall(document("GUARANTEES.md"))
    assert named
    assert not sorted(set(named) - known)


def test_failure_table_has_a_test_in_every_row() -> None:
    table = re.search(r"(?s)^\| *[Ff]ailure.*?(?:\n\n|\Z)", document("GUARANTEES.md"), re.MULTILINE)
    assert table, "docs/GUARANTEES.md has no table whose first column is `failure`"
    rows = table[0].strip().splitlines()[2:]
    assert rows
    assert not [row for row in rows if not TEST_NAME.search(row)]


def test_limit_in_the_architecture_has_the_value_of_the_code() -> None:
    page = document("ARCHITECTURE.md")
    assert tables.LIMITS_HEAD in page
    assert tables.with_limits(page) == page, tables.MEND


def test_error_in_the_architecture_is_in_its_family() -> None:
    page = document("ARCHITECTURE.md")
    assert all(f"| `{family}` |" in page for family in tables.FAMILIES)
    assert tables.with_errors(page) == page, tables.MEND


def test_error_of_the_product_belongs_to_a_family() -> None:
    families = set(tables.FAMILIES)
    assert tables.errors_below("VentanillaError") == families.union(*map(tables.errors_below, families))


def test_setting_of_the_hub_is_in_operations() -> None:
    operations = document("OPERATIONS.md")
    names = {f"VENTANILLA_{name.upper()}" for name in HubConfig.model_fields}
    assert names
    assert not sorted(name for name in names if not re.search(rf"\b{name}\b", operations))


def test_command_is_in_operations() -> None:
    operations = document("OPERATIONS.md")
    assert not sorted(command for command in commands() if command not in operations)


def commands() -> set[str]:
    """Every command as it is typed: `ventanilla hub enrol`."""

    def walk(command: object, words: str) -> Iterator[str]:
        below = getattr(command, "commands", None)
        if not below:
            yield words
        for name, sub in (below or {}).items():
            yield from walk(sub, f"{words} {name}")

    return set(walk(get_command(build(None)), "ventanilla"))


def test_make_target_is_in_readme_or_contributing() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.MULTILINE)
    text = read("README.md") + read("CONTRIBUTING.md")
    assert targets
    assert not [target for target in targets if not re.search(rf"make {target}\b", text)]


def test_topic_in_the_code_is_in_the_protocol() -> None:
    spelled = set(TOPIC_WORDS.findall(read("shared/protocol/topics.py")))
    protocol = document("PROTOCOL.md")
    assert not sorted(topic for topic in spelled if topic.rstrip("#+/") not in protocol)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs"])
def test_link_leads_somewhere(page: str) -> None:
    paths = [path for path in written_files() if path.startswith(page) and path.endswith(".md")]
    links = [
        (path, link) for path in paths for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", read(path))
    ]
    inside = [(path, link) for path, link in links if "://" not in link]
    assert not [
        f"{path}: {link}" for path, link in inside if not (ROOT / path).parent.joinpath(link).exists()
    ]


def test_path_in_the_architecture_exists() -> None:
    named = re.findall(r"`((?:hub|shared|tests|docs|requirements)/[\w./-]*)`", document("ARCHITECTURE.md"))
    assert named
    assert not sorted({path for path in named if not (ROOT / path).exists()})


def test_room_on_disk_is_in_the_architecture() -> None:
    text = document("ARCHITECTURE.md")
    rooms = {
        str(PurePosixPath(*PurePosixPath(module.path).parts[:2]))
        for module in product_modules()
        if module.path.count("/") > 1
    }
    assert rooms
    assert not sorted(room for room in rooms if f"`{room}`" not in text and f"`{room}/`" not in text)


def test_decisions_are_numbered_without_a_hole_and_a_page_long() -> None:
    decisions = [path for path in written_files() if re.match(r"docs/adr/\d{4}-[a-z0-9-]+\.md", path)]
    numbers = [int(PurePosixPath(path).name[:4]) for path in decisions]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(len(read(path).splitlines()) <= 60 for path in decisions)
    index = read("docs/adr/README.md")
    assert not [path for path in decisions if PurePosixPath(path).name not in index]
