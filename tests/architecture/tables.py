"""Tables that repeat what the code says: made from the code, compared by tests, written again by a command.

`python -m tests.architecture.tables` writes the packages into pyproject.toml, and errors and limits into
docs/ARCHITECTURE.md. The tests that compare them say so when they differ.
"""

import ast
import re
from collections.abc import Mapping
from pathlib import PurePath

from shared.protocol import limits
from tests.architecture.tree import PACKAGES, ROOT, product_modules, read, written_files

MEND = "Mend with: .venv/bin/python -m tests.architecture.tables"
FAMILIES = ("InputError", "TransientError", "DeviceError", "CapacityError")
LIMITS_HEAD = "| limit | value |\n|---|---|\n"


def folders_with_code() -> set[str]:
    """Every package on disk, by its dotted name."""
    files = (PurePath(path) for path in written_files() if path.endswith(".py"))
    return {".".join(file.parent.parts) for file in files if file.parts[0] in PACKAGES}


def errors_below(family: str) -> set[str]:
    """Every error class that a caller can meet as this family."""
    bases = {family}
    classes = (
        node for module in product_modules() for node in module.nodes if isinstance(node, ast.ClassDef)
    )
    above = {node.name: {ast.unparse(base) for base in node.bases} for node in classes}
    while more := {name for name in above if above[name] & bases} - bases:
        bases |= more
    return {name for name in bases - {family} if not name.startswith("_")}


def figures(value: object) -> str:
    """A limit as the table has it: figures in groups of three."""
    match value:
        case int():
            return f"{value:,}"
        case Mapping():
            return ", ".join(f"{key} {amount:,}" for key, amount in value.items())
        case _:
            return str(value)


def with_packages(settings: str) -> str:
    """The text of pyproject.toml, listing what is on disk."""
    rows = "".join(f'    "{name}",\n' for name in sorted(folders_with_code()))
    return re.sub(r"(?<=^packages = \[\n).*?(?=^\])", rows, settings, flags=re.MULTILINE | re.DOTALL)


def with_errors(page: str) -> str:
    """The text of the architecture, with every error in its family."""
    for family in FAMILIES:
        members = ", ".join(f"`{name}`" for name in sorted(errors_below(family)))
        page = re.sub(rf"^(\| `{family}` \| [^|]+ \|).*$", rf"\1 {members} |", page, flags=re.MULTILINE)
    return page


def with_limits(page: str) -> str:
    """The text of the architecture, with the value of every limit."""
    values = {name: getattr(limits, name) for name in vars(limits) if name.isupper()}
    rows = "".join(f"| `{name}` | {figures(value)} |\n" for name, value in values.items())
    before, head, after = page.partition(LIMITS_HEAD)
    return before + head + rows + re.sub(r"\A(\|.*\n)*", "", after)


def main() -> None:
    """Write the tables again."""
    for path, text in {
        "pyproject.toml": with_packages(read("pyproject.toml")),
        "docs/ARCHITECTURE.md": with_limits(with_errors(read("docs/ARCHITECTURE.md"))),
    }.items():
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
