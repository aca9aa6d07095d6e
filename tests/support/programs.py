"""The programs of the machine that some tests need: where they are. The list itself is `programs.txt`."""

import shutil
from pathlib import Path

LISTED = Path(__file__).with_suffix(".txt")


def listed_programs() -> tuple[str, ...]:
    """Every program that some test may require, as `make setup` checks them."""
    rows = (line.split() for line in LISTED.read_text(encoding="utf-8").splitlines())
    return tuple(row[0] for row in rows if row and not row[0].startswith("#"))


def find_program(name: str) -> Path | None:
    """Find a program on the path or where Debian keeps daemons.

    Args:
        name: A program of the list, or a library.

    Returns:
        Its path, or None when it is not installed.

    Raises:
        LookupError: The name is not in the list, so set-up would never install it.
    """
    if name not in listed_programs():
        msg = f"{name} is not in {LISTED.name}: add it with its Debian package."
        raise LookupError(msg)
    if ".so" in name:
        places = ("*", "*/dri", "pcsc/drivers/*")
        return next((path for place in places for path in Path("/usr/lib").glob(f"{place}/{name}")), None)
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places = [*map(str, newest_first), "/usr/sbin"]
    found = shutil.which(name) or shutil.which(name, path=":".join(places))
    return Path(found) if found else None
