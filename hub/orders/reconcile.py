"""`ventanilla hub reconcile`: a day of every terminal, for whoever audits it."""

import csv
import json
from pathlib import Path
from typing import Any, Final, cast

import typer

from hub.config import HubConfig
from hub.orders.asking import running, table
from shared.adapters.durable_files import PRIVATE, write_whole
from shared.model.errors import InputError
from shared.model.money import Money

COLUMNS: Final = (
    *("day", "device", "site", "lines", "currency"),
    *("counted_taps", "counted_minor", "arrived_taps", "arrived_minor", "booked_taps", "booked_minor"),
    *("repeated_taps", "repeated_minor", "due_taps", "due_minor", "settled_taps", "settled_minor"),
    *("waiting", "stuck", "signed", "unsigned", "doubted", "is_desk", "unsettled", "differences", "remarks"),
)


def reconcile(config: HubConfig, day: str, file: Path | None) -> bool:
    """Show a day, or write it as CSV; tells whether everything agrees.

    Raises:
        HubAwayError: the hub is stopped.
        InputError: the file cannot be written.
    """
    found = running(config).get(f"/v1/reconciliation/days/{day}")["terminals"]
    if file is None:
        _show(found)
    else:
        _write(file, found)
    return not any(one["differences"] for one in found)


def _show(found: list[dict[str, Any]]) -> None:
    table(
        ("terminal or desk", "site", "lines", "counted", "arrived", "booked", "due", "settled", "agrees"),
        [
            (
                one["device"],
                one["site"],
                " ".join(one["lines"]),
                *(
                    _sum(one[name], one["currency"])
                    for name in ("counted", "arrived", "booked", "due", "settled")
                ),
                "no" if one["differences"] else "yes",
            )
            for one in found
        ],
    )
    for one in found:
        for said in (*one["differences"], *one["remarks"]):
            typer.echo(f"{one['device']}: {said}")


def _sum(said: dict[str, int] | None, currency: str) -> str:
    return "–" if said is None else f"{said['taps']} / {Money(said['amount_minor'], currency)}"


def _write(file: Path, found: list[dict[str, Any]]) -> None:
    lines = _Lines()
    writer = csv.DictWriter(lines, COLUMNS, lineterminator="\r\n")  # RFC 4180
    writer.writeheader()
    for one in found:
        writer.writerow({name: _cell(one, name) for name in COLUMNS})
    try:
        write_whole(file, "".join(lines.said).encode(), PRIVATE)
    except OSError as error:
        raise InputError(f"{file} cannot be written ({error.strerror}); choose another place") from error
    typer.echo(f"{file}: {len(found)} terminals and desks.")


def _cell(one: dict[str, Any], name: str) -> object:
    whole, _, part = name.rpartition("_")
    if part in {"taps", "minor"}:
        said = one[whole]
        return "" if said is None else said["taps" if part == "taps" else "amount_minor"]
    value: Any = one[name]
    return " ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else _plain(value)


def _plain(value: object) -> object:
    """A text that a spreadsheet would take for a formula is quoted."""
    return json.dumps(value) if isinstance(value, str) and value[:1] in {"=", "+", "-", "@"} else value


class _Lines:
    """Collects what is written."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def write(self, line: str) -> int:
        """Take a line."""
        self.said.append(line)
        return len(line)
