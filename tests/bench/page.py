"""The figures of `docs/BENCHMARKS.md` and its plots, made from `bench.json`.

`python -m tests.bench.page` (or `make plots`) writes every table that `bench.json` has figures for, and the
plots; the words between the tables are written by hand. A table stands between `<!-- table: NAME -->` and
`<!-- /table -->`.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypedDict

from tests.bench.plots import Bar, bars

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "bench.json"
PAGE: Final = ROOT / "docs" / "BENCHMARKS.md"
IMAGES: Final = ROOT / "docs" / "images"
TITLES: Final = {
    "bench-outbox": "An event taken and synced, as a share of what the disk can do",
    "bench-goals": "How far each figure reaches its goal (1 is the goal; cut at 3)",
    "bench-kills": "Of 100 events that were told as taken",
}
"""The plots, by their files."""
OURS: Final = ("ventanilla", "ours", "cases", "payments")

Row = Mapping[str, Any]


class Part(TypedDict):
    """One part of a run: when, how long it took, and its rows."""

    at: str
    minutes: float
    rows: list[dict[str, object]]


class Results(TypedDict):
    """What `bench.json` holds."""

    machine: dict[str, str]
    parts: dict[str, Part]


GOALS: Final[Mapping[tuple[str, str], tuple[str, float]]] = {
    ("outbox.append cases", "floor"): ("≥", 0.6),
    ("outbox.fsyncs", "one"): ("≤", 1.01),
    ("outbox.full_disk ours", "all"): ("≥", 1.0),
    ("ingest.single", "bare paho + batch insert"): ("≥", 0.35),
    ("ingest.batched", "raw sqlite3, same rows and groups"): ("≥", 0.35),
    ("ingest.herd", "CPU of batched"): ("≤", 1.4),
    ("ingest.herd slowest", "median device"): ("≤", 2.0),
    ("ingest.herd memory", "300 MB"): ("≤", 1.0),
    ("ingest.herd page", "0.5 s"): ("≤", 1.0),
    ("kiosk.submit", "150 ms, p95"): ("≤", 1.0),
    ("kiosk.wipe", "100 ms, p95"): ("≤", 1.0),
    ("kiosk.memory", "300 MB"): ("≤", 1.0),
    ("kiosk.memory growth", "10 MB, 80 citizens"): ("≤", 1.0),
    ("tap.apdus", "8"): ("≤", 1.0),
    ("tap.vs_floor", "8 bare exchanges"): ("≤", 2.0),
    ("tap.presented_to_light", "300 ms"): ("≤", 1.0),
    ("transmit", "ctypes on libpcsclite"): ("≤", 1.3),
    ("card_event.recovered", "1 s"): ("≤", 1.0),
    ("card_event.missed", "none"): ("≤", 0.0),
    ("denylist.lookup", "20 µs"): ("≤", 1.0),
    ("denylist.memory", "3 MB"): ("≤", 1.0),
    ("denylist.swap", "5 ms"): ("≤", 1.0),
    ("receiver.match", "0.1 ms"): ("≤", 1.0),
    ("receiver.match window", "20 ms"): ("≤", 1.0),
    ("receiver.match first windows", "20 ms"): ("≤", 1.0),
    ("screen.cold_start", "2 s"): ("≤", 1.0),
    ("screen.idle_cpu attract", "1 %"): ("≤", 1.0),
    ("screen.idle_cpu home", "2 %"): ("≤", 1.0),
    ("screen.touch", "80 ms"): ("≤", 1.0),
    ("screen.redraw", "30 frames/s"): ("≥", 1.0),
    ("beacon.heap_used", "40 KB"): ("≤", 1.0),
    ("beacon.heap_free", "60 KB"): ("≥", 1.0),
    ("beacon.rotation_alloc", "none"): ("≤", 0.0),
    ("beacon.first_pdu", "150 ms, p95"): ("≤", 1.0),
    ("simulate.seeds", "20 seeds/s"): ("≥", 1.0),
}
"""What a ratio should be, by the row's name and what it is held against."""


def read_results() -> Results | None:
    """Read `bench.json`; None where there is none, or one of another form."""
    found: Any = json.loads(RESULTS.read_text()) if RESULTS.exists() else ()
    return found if "parts" in found else None


def write_page(results: Results) -> None:
    """Write the tables and the plots that there are figures for."""
    page = PAGE.read_text()
    for name, text in tables(results).items():
        page = with_table(page, name, text)
    for name, image in plots(results).items():
        page = with_table(page, name, f"![{TITLES[name]}](images/{name}.svg)\n")
        (IMAGES / f"{name}.svg").write_text(image)
    PAGE.write_text(page)


def with_table(page: str, name: str, text: str) -> str:
    """Put a table between its marks.

    Raises:
        LookupError: the page has no such marks.
    """
    marks = re.compile(rf"(<!-- table: {re.escape(name)} -->\n).*?(<!-- /table -->)", re.DOTALL)
    found, count = marks.subn(lambda match: match[1] + text + match[2], page)
    if count != 1:
        msg = f"docs/BENCHMARKS.md has no place for the table {name!r}; put its two marks there."
        raise LookupError(msg)
    return found


# ---- tables


def tables(results: Results) -> dict[str, str]:
    """Return every table that there are figures for, by its name."""
    made: dict[str, str] = {}
    if results["machine"]:
        made["machine"] = _table(("what", "which"), results["machine"].items())
    for name, part in results["parts"].items():
        when = f"\nMeasured {part['at']}, in {part['minutes']} minutes.\n"
        if name == "peers":
            made |= {table: text + when for table, text in _peers(part["rows"]).items()}
        else:
            made[name] = _figures(part["rows"]) + when
    return made


def goal_of(row: Row) -> str:
    """Say what a row's ratio should be, and whether it is."""
    goal = GOALS.get((row["name"], row["against"]))
    if goal is None:
        return ""
    sign, value = goal
    kept = row["ratio"] >= value if sign == "≥" else row["ratio"] <= value
    return f"{sign} {value:g}" + ("" if kept else " **missed**")


def _figures(rows: Iterable[Row]) -> str:
    head = ("what", "value", "unit", "against", "ratio", "goal")
    cells = (
        (f"`{r['name']}`", _figure(r["value"]), r["unit"], r["against"], r["ratio"], goal_of(r)) for r in rows
    )
    return _table(head, cells)


def _peers(rows: Sequence[Row]) -> dict[str, str]:
    stores, chains, paces, full = (
        _begin(rows, *kinds)
        for kinds in (("store",), ("chain",), ("told", "arrived", "append"), ("full_disk",))
    )
    sums = ("kills", "told", "lost", "doubled")
    made = {
        "stores": _table(
            ("store", *sums, "syncs of an append"),
            ((_who(row), *(_figure(row[name]) for name in sums), row["syncs"]) for row in stores),
        ),
        "chains": _table(
            ("chain", "killed with -9", *sums),
            (
                (_who(row), row["trial"].removesuffix(" killed"), *(_figure(row[name]) for name in sums))
                for row in chains
            ),
        ),
        "paces": _table(
            ("who", "from being given to", "events/s", "ours / theirs"),
            ((_who(row), _until(row), _figure(row["value"]), row["ratio"]) for row in paces),
        ),
    }
    if full:
        names = ("told", "held", "arrived", "arrivals", "left", "ended")
        made["full"] = _table(
            ("who", *names), ((_who(row), *(_figure(row[name]) for name in names)) for row in full)
        )
    return made


def _begin(rows: Iterable[Row], *kinds: str) -> list[Row]:
    """Give the rows of some kinds: `peers.<kind> <who>`."""
    return [row for row in rows if str(row["name"]).startswith(tuple(f"peers.{kind} " for kind in kinds))]


def _who(row: Row) -> str:
    return str(row["name"]).partition(" ")[2]


def _until(row: Row) -> str:
    return str(row["name"]).partition(" ")[0].removeprefix("peers.").replace("append", "stored")


def _table(head: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _figure(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


# ---- plots


def plots(results: Results) -> dict[str, str]:
    """Return every plot that there are figures for, by its file's name."""
    rows = [row for part in results["parts"].values() for row in part["rows"]]
    found: dict[str, Callable[[Sequence[Row]], str | None]] = {
        "bench-outbox": _plot_outbox,
        "bench-goals": _plot_goals,
        "bench-kills": _plot_kills,
    }
    return {name: image for name, plot in found.items() if (image := plot(rows)) is not None}


def _plot_outbox(rows: Sequence[Row]) -> str | None:
    made = [
        Bar(str(row["name"]).removeprefix("outbox.append ").removeprefix("beside: "), float(row["ratio"]))
        for row in rows
        if str(row["name"]).startswith("outbox.append ") and row["against"] == "floor"
    ]
    marked = [Bar(bar.label, bar.value, ours=bar.label in OURS) for bar in made]
    return bars(TITLES["bench-outbox"], marked) if made else None


def _plot_goals(rows: Sequence[Row]) -> str | None:
    made: list[Bar] = []
    for row in rows:
        sign, value = GOALS.get((row["name"], row["against"]), ("", 0.0))
        if sign and row["ratio"]:
            share = row["ratio"] / value if sign == "≥" else value / row["ratio"]
            made.append(Bar(str(row["name"]), min(share, 3.0), ours=True))
    return bars(TITLES["bench-goals"], made, line=1.0) if made else None


def _plot_kills(rows: Sequence[Row]) -> str | None:
    made: list[Bar] = []
    for row in rows:
        if str(row["name"]).startswith("peers.chain "):
            label = f"{_who(row)}: {row['trial']}"
            lost, doubled = row["lost"] / row["told"], row["doubled"] / row["told"]
            made.append(Bar(f"{label}, lost", 100 * lost, ours=label.startswith(OURS)))
            made.append(Bar(f"{label}, doubled", 100 * doubled, ours=label.startswith(OURS)))
    return bars(TITLES["bench-kills"], made) if made else None


if __name__ == "__main__":
    there = read_results()
    if there is None:
        sys.exit("There are no figures yet: make bench writes bench.json.")
    write_page(there)
