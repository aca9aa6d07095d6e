"""`ventanilla beacon survey`: what is on the air here.

Exit status: 0 nothing wrong, 1 failed with a sentence, 2 not understood, 3 a package is not installed, 6 a
beacon was heard that is not what it says.
"""

import asyncio
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from beacon_node.receiver.bundles import Bundles
from beacon_node.receiver.core.heard import Heard
from beacon_node.receiver.listening import listen_for
from beacon_node.receiver.pocket import Pocket
from beacon_node.receiver.radio import scanner
from beacon_node.survey.surveying import Standing, Survey
from beacon_node.survey.told import as_csv, as_svg, table
from shared.model.beacon_keys import KEY_BYTES, BeaconKeys
from shared.model.errors import InputError
from shared.protocol.parsing import parse_object

FALSE: Final = 6
DRAWN_AGAIN_S: Final = 1.0
_WRONG: Final = frozenset({Standing.REPLAYED, Standing.COPIED, Standing.UNLISTED})
_TOP: Final = "\x1b[H\x1b[J"


app = typer.Typer()


@app.command()
def survey(
    folder: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="A phone's folder with the district's keys; else all is foreign."),
    ] = None,
    *,
    duration_s: Annotated[float, typer.Option("--seconds", min=0.5, help="How long to listen.")] = 30.0,
    air_keys: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="JSON file of air keys by place, to open sealed telemetry."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a line for each beacon here.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(dir_okay=False, help="Write a picture (SVG) here.")] = None,
    air: Annotated[str, typer.Option(help="A virtual air, host:port, in place of the radio.")] = "",
) -> None:
    """Listen, and say which beacons are here, how strong, and whether they are what they say."""
    made = Survey(_keys(folder), None if air_keys is None else _air_keys(air_keys))
    drawn = _Drawn(made)
    with suppress(KeyboardInterrupt):  # enough was heard
        asyncio.run(listen_for(scanner(air), drawn.hear, duration_s))
    rows = made.rows(_now_ms())
    drawn.draw()
    for path, text in ((csv, as_csv(rows)), (picture, as_svg(rows, "Beacons heard, and how strong"))):
        if path is not None:
            path.write_text(text, encoding="utf-8")
    if any(row.standing in _WRONG for row in rows):
        raise typer.Exit(FALSE)


class _Drawn:
    """The table, drawn anew on a terminal while it is listened; elsewhere once, at the end."""

    def __init__(self, made: Survey) -> None:
        self._made = made
        self._drawn_s = time.monotonic()

    def hear(self, heard: Heard) -> None:
        self._made.hear(heard, _now_ms())
        if sys.stdout.isatty() and time.monotonic() - self._drawn_s >= DRAWN_AGAIN_S:
            self.draw()

    def draw(self) -> None:
        self._drawn_s = time.monotonic()
        now_ms = _now_ms()
        text = table(self._made.rows(now_ms), self._made.others, now_ms)
        typer.echo(f"{_TOP}{text}" if sys.stdout.isatty() else text)


def _keys(folder: Path | None) -> BeaconKeys | None:
    return None if folder is None else Bundles(folder, Pocket(folder).town()).keys()


def _air_keys(path: Path) -> dict[str, bytes]:
    try:
        listed = parse_object(path.read_bytes())
        keys = {place: bytes.fromhex(str(text)) for place, text in listed.items()}
    except (OSError, ValueError, InputError) as error:
        raise InputError(f"{path} is no file of air keys by place; correct --air-keys") from error
    if any(len(key) != KEY_BYTES for key in keys.values()):
        raise InputError(f"an air key in {path} has another length than 16 bytes; correct --air-keys")
    return keys


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
