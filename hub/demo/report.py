"""The report: `demo-report.json` for programs and auditors, a table for everyone."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from hub.demo.kiosk import StreetKiosk
from hub.demo.reconciliation import Evidence, Sums
from hub.demo.stage import FaultOnStage, Stage
from hub.demo.texts import Speech


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long it took, and for how much of that something was broken."""

    wall_s: float
    outage_s: float


def write_report(path: Path, sums: Sums, evidence: Evidence, stage: Stage, timing: Timing) -> None:
    """Write the report as JSON."""
    report: dict[str, Any] = {
        **asdict(sums),
        "adds_up": sums.adds_up,
        "outage_s": round(timing.outage_s, 1),
        "wall_s": round(timing.wall_s, 1),
        "at_kiosks": sum(len(kiosk.receipts) for kiosk in stage.kiosks),
        "on_buses": sum(len(bus.receipts) for bus in stage.buses),
        "devices": _of_devices(stage, evidence),
        "faults": [
            {"fault": one.name, "lasted_s": round(one.lasted_s, 1), **one.details} for one in stage.faults
        ],
        "loss_records": [dict(row) for row in evidence.losses],
    }
    path.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n")


def _of_devices(stage: Stage, evidence: Evidence) -> Mapping[str, Mapping[str, Any]]:
    """Each device's receipts by fate; those of the lanes that promise nothing are only counted."""
    found: dict[str, Mapping[str, Any]] = {}
    for device in stage.devices.values():
        receipts = device.receipts.values()
        promised = [one for one in evidence.receipts if one.event.device == device.id]
        found[device.id] = {
            "taken": len(promised),
            "refused": device.refused,
            "doubtful": device.doubtful if isinstance(device, StreetKiosk) else 0,
            "of_its_own_health": len(receipts) - len(promised),
            **Counter(evidence.fates.get(one.event.id, "unknown") for one in promised),
        }
    return found


def show_sum(
    console: Console, speech: Speech, sums: Sums, evidence: Evidence, faults: Sequence[FaultOnStage]
) -> None:
    """Show what came of it, in tables anyone can read."""
    console.print(
        Group(
            _of_faults(speech, faults), Text(), _of_losses(speech, evidence), Text(), _of_sums(speech, sums)
        )
    )


def _of_sums(speech: Speech, sums: Sums) -> Table:
    table = Table(title=speech("sum_title"), title_justify="left", title_style="bold", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    rows: tuple[tuple[str, object, bool], ...] = (
        ("sum_taken", sums.taken, True),
        ("sum_committed", sums.committed, True),
        ("sum_lost", sums.lost_recorded, True),
        ("sum_unexplained", sums.lost_unexplained, not sums.lost_unexplained),
        ("sum_in_core", sums.in_core, sums.in_core == sums.committed),
        ("sum_duplicated", sums.duplicated, not sums.duplicated),
        ("sum_unexpected", sums.unexpected, not sums.unexpected),
        ("sum_money", _money(speech, sums), sums.ledger_balanced),
        ("sum_money_lost", speech.money(sums.lost_minor), True),
    )
    for name, value, good in rows:
        table.add_row(("" if good else "✘ ") + speech(name), str(value), style="" if good else "bold red")
    return table


def _money(speech: Speech, sums: Sums) -> str:
    sides = (sums.committed_minor, sums.ledger_minor, sums.core_minor)
    return speech.money(sides[0]) if len(set(sides)) == 1 else " ≠ ".join(speech.money(one) for one in sides)


def _of_losses(speech: Speech, evidence: Evidence) -> Table:
    table = Table(
        *speech("loss_columns").split("|"),
        title=speech("loss_title"),
        title_justify="left",
        title_style="bold",
        caption=speech("loss_more"),
        caption_justify="left",
    )
    for row in evidence.losses:
        more = " +" if row["possibly_more"] else ""
        numbers = (str(row["first_seq"]), f"{row['last_seq']}{more}", str(row["found"]))
        table.add_row(row["device"], row["stream"], row["epoch"], *numbers, speech(f"reason_{row['reason']}"))
    return table


def _of_faults(speech: Speech, faults: Sequence[FaultOnStage]) -> Table:
    table = Table(
        *speech("fault_columns").split("|"),
        title=speech("fault_title"),
        title_justify="left",
        title_style="bold",
    )
    for one in faults:
        title = speech(f"{one.name}_title", **one.details)
        table.add_row(title, f"{one.lasted_s:.0f} s", speech(f"{one.name}_end", **one.details))
    return table
