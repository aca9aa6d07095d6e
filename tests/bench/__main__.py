"""`python -m tests.bench [--peers] [part …]`: measure, write `bench.json` and the page, print a table.

Each part takes the place of what it measured before; the other parts stay as they are. All of it takes about
ten minutes on two quiet cores, and with `--peers`, which measures other products too, at most twenty-five.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.bench import (
    beacon,
    card,
    forward,
    full_disk,
    herd,
    ingest,
    kiosk,
    memory,
    outbox,
    receiver,
    screen,
    simulate,
)
from tests.bench.machine import describe
from tests.bench.page import RESULTS, Results, read_results, write_page
from tests.bench.peers import run as peers

PEERS: Final = "peers"
PARTS: Mapping[str, Callable[[], list[dict[str, object]]]] = {
    "outbox": outbox.run,
    "full_disk": full_disk.run,
    "ingest": ingest.run,
    "herd": herd.run,
    "forward": forward.run,
    "simulate": simulate.run,
    "screen": screen.run,
    "kiosk": kiosk.run,
    "memory": memory.run,
    "card": card.run,
    "receiver": receiver.run,
    "beacon": beacon.run,
    PEERS: peers.run,
}


def main(words: Sequence[str]) -> None:
    """Run the parts that are named, or all of them; the peers where they are asked for."""
    asked = [word for word in words if word != "--peers"]
    wanted = asked or [name for name in PARTS if name != PEERS]
    if "--peers" in words and PEERS not in wanted:
        wanted = [*wanted, PEERS]
    console = Console()
    results = read_results() or Results(machine={}, parts={})
    for name in wanted:
        began_s = time.monotonic()
        with console.status(f"Measuring {name} …"):
            rows = PARTS[name]()
        results["machine"] = describe()
        results["parts"][name] = {
            "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "minutes": round((time.monotonic() - began_s) / 60, 1),
            "rows": rows,
        }
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_page(results)
    table = Table("what", "value", "unit", "against", "ratio")
    for name in wanted:
        for row in results["parts"][name]["rows"]:
            table.add_row(*(str(row[column]) for column in ("name", "value", "unit", "against", "ratio")))
    console.print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
