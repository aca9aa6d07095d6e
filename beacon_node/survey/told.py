"""A survey as it is told: a table for the terminal, lines for a spreadsheet, a picture.

No colour speaks alone: a standing is a word with its sign.
"""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from types import MappingProxyType
from typing import Final
from xml.sax.saxutils import escape

from beacon_node.survey.surveying import Row, Standing
from shared.model.instants import to_rfc3339

SIGNS: Final[Mapping[Standing, str]] = MappingProxyType(
    {
        Standing.OURS: "+",
        Standing.UNPROVEN: "?",
        Standing.REPLAYED: "!",
        Standing.COPIED: "!",
        Standing.UNLISTED: "!",
        Standing.FOREIGN: " ",
    }
)
COLUMNS: Final = (
    "beacon",
    "standing",
    "rssi_dbm",
    "mean_dbm",
    "weakest_dbm",
    "strongest_dbm",
    "tx_dbm_0m",
    "count",
    "senders",
    "window_off",
    "battery_mv",
    "temperature_c",
    "sent",
    "uptime_s",
    "url",
    "last",
)
_NAME_WIDTH: Final = 32
_FLOOR_DBM: Final = -100
_TOP_DBM: Final = -20
_WIDTH, _LEFT, _STEP, _HEAD = 900, 340, 28, 64
_PLOT: Final = _WIDTH - _LEFT - 90
_STYLE: Final = (
    "text{font:14px 'Atkinson Hyperlegible Next',sans-serif;fill:#14212B} "
    ".title{font-size:18px;font-weight:bold} "
    ".quiet{fill:#4E5C66} line{stroke:#0B4F5C;stroke-width:2} circle{fill:#0B4F5C} .grid{stroke:#C9DADD;"
    "stroke-width:1} .bad line,.bad circle{stroke:#A8281F;fill:#A8281F} .bad text{fill:#A8281F}"
)


def table(rows: Sequence[Row], others: int, now_ms: int) -> str:
    """Return the table for a terminal, at most 110 signs wide."""
    head = f"{'beacon':<{_NAME_WIDTH}}  standing    now   mean  heard  age    battery  temp    up       note"
    lines = [head, "-" * len(head)]
    lines += [_line(row, now_ms) for row in rows]
    return "\n".join([*lines, "", f"{len(rows)} beacons, {others} other advertisements"])


def as_csv(rows: Sequence[Row]) -> str:
    """Return one line for each beacon, with a head; what begins like a formula is text."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        told = row.telemetry
        writer.writerow(
            (
                row.name,
                row.standing.value,
                _or_empty(row.rssi_dbm),
                "" if row.mean_dbm is None else f"{row.mean_dbm:.1f}",
                row.weakest_dbm if row.measured else "",
                row.strongest_dbm if row.measured else "",
                _or_empty(row.tx_dbm_0m),
                row.count,
                len(row.senders),
                row.window_off,
                "" if told is None or not told.battery_mv else told.battery_mv,
                "" if told is None or told.temperature_c is None else f"{told.temperature_c:.1f}",
                "" if told is None else told.sent,
                "" if told is None else f"{told.uptime_s:.0f}",
                row.url or "",
                to_rfc3339(row.last_ms),
            )
        )
    return out.getvalue()


def as_svg(rows: Sequence[Row], title: str) -> str:
    """Return a picture: how strong each beacon came in, weakest to strongest as a line, the mean as a dot."""
    height = _HEAD + _STEP * max(1, len(rows)) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#FAF7F2"/>',
        f'<text class="title" x="16" y="30">{escape(title)}</text>',
    ]
    for level_dbm in range(_FLOOR_DBM, _TOP_DBM + 1, 20):
        at = _at(level_dbm)
        parts.append(f'<line class="grid" x1="{at}" y1="{_HEAD - 14}" x2="{at}" y2="{height - 30}"/>')
        where = f'x="{at}" y="{height - 12}" text-anchor="middle"'
        parts.append(f'<text class="quiet" {where}>{level_dbm} dBm</text>')
    for number, row in enumerate(rows):
        parts += _drawn(row, _HEAD + _STEP * number + 6)
    return "\n".join([*parts, "</svg>", ""])


def _line(row: Row, now_ms: int) -> str:
    told = row.telemetry
    mean = "" if row.mean_dbm is None else f"{row.mean_dbm:.0f}"
    battery = f"{told.battery_mv} mV" if told is not None and told.battery_mv else ""
    degrees = f"{told.temperature_c:.1f} C" if told is not None and told.temperature_c is not None else ""
    up = "" if told is None else _span(told.uptime_s)
    return (
        f"{row.name[:_NAME_WIDTH]:<{_NAME_WIDTH}}  {SIGNS[row.standing]} {row.standing.value:<9}"
        f" {_or_empty(row.rssi_dbm):>4}  {mean:>4}  {row.count:>5}  {_span((now_ms - row.last_ms) / 1000):<5}"
        f"  {battery:<7}  {degrees:<6}  {up:<7}  {_note(row)}"
    ).rstrip()


def _note(row: Row) -> str:
    notes: list[str] = []
    if row.standing is Standing.REPLAYED:
        notes.append(f"{abs(row.window_off)} windows {'old' if row.window_off < 0 else 'ahead'}")
    if row.standing is Standing.COPIED:
        notes.append(f"{len(row.senders)} senders" if len(row.senders) > 1 else "beside the proven one")
    if row.sealed:
        notes.append("telemetry sealed")
    if row.url is not None:
        notes.append("".join(sign for sign in row.url if sign.isprintable()))
    return ", ".join(notes)


def _drawn(row: Row, y: int) -> list[str]:
    label = f"{SIGNS[row.standing]} {row.name[:_NAME_WIDTH]} ({row.standing.value})".strip()
    kind = "bad" if SIGNS[row.standing] == "!" else "good"
    parts = [f'<g class="{kind}"><text x="{_LEFT - 12}" y="{y + 5}" text-anchor="end">{escape(label)}</text>']
    if row.mean_dbm is not None:
        left, right, mean = _at(row.weakest_dbm), _at(row.strongest_dbm), _at(row.mean_dbm)
        parts.append(f'<line x1="{left}" y1="{y}" x2="{right}" y2="{y}"/>')
        parts.append(f'<circle cx="{mean}" cy="{y}" r="5"/>')
        parts.append(f'<text x="{right + 12}" y="{y + 5}">{row.mean_dbm:.0f}</text>')
    return [*parts, "</g>"]


def _at(level_dbm: float) -> float:
    share = (min(max(level_dbm, _FLOOR_DBM), _TOP_DBM) - _FLOOR_DBM) / (_TOP_DBM - _FLOOR_DBM)
    return round(_LEFT + _PLOT * share, 1)


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _or_empty(value: int | None) -> str:
    return "" if value is None else str(value)
