"""`python -m tests.bench [part …]`: measure, write `bench.json`, print a table."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import forward, full_disk, herd, ingest, outbox, simulate

PARTS: Mapping[str, Callable[[], list[dict[str, object]]]] = {
    "outbox": outbox.run,
    "full_disk": full_disk.run,
    "ingest": ingest.run,
    "herd": herd.run,
    "forward": forward.run,
    "simulate": simulate.run,
}


def main(wanted: list[str]) -> None:
    """Run the parts that are named, or all of them."""
    console = Console()
    rows: list[dict[str, object]] = []
    for name in wanted or PARTS:
        with console.status(f"Measuring {name} …"):
            rows += PARTS[name]()
    Path("bench.json").write_text(json.dumps(rows, indent=1) + "\n")
    table = Table("what", "value", "unit", "against", "ratio")
    for row in rows:
        table.add_row(*(str(row[column]) for column in ("name", "value", "unit", "against", "ratio")))
    console.print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
