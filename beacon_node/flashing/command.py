"""`ventanilla beacon flash`: MicroPython onto boards, one or a tray of them.

Exit status: 0 done, 1 failed with a sentence, 2 not understood, 3 esptool is not installed, 4 no port or
several, 5 a board does not answer, 6 another board or image, 7 the flash is not the image.
A tray has its highest.
"""

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from beacon_node.flashing import esptool, tray
from beacon_node.flashing.errors import OtherBoardError, PortError
from beacon_node.flashing.images import Image, board_kind, check_image
from beacon_node.flashing.ports import meant, ports

NOT_INSTALLED: Final = 3
PARALLEL_MAX: Final = 16

app = typer.Typer(no_args_is_help=True)

Firmware = Annotated[Path, typer.Option(dir_okay=False, help="MicroPython's image for this board (.bin).")]
Sha256 = Annotated[str, typer.Option(help="The image's SHA-256, in hex, as the town wrote it down.")]
Board = Annotated[str, typer.Option(help="Which board it is: esp32 or esp32s3.")]
Port = Annotated[Path | None, typer.Option(help="The board's port; needed where there are several.")]
Every = Annotated[bool, typer.Option("--all", help="Every board that is on a cable.")]
Parallel = Annotated[int, typer.Option(min=1, max=PARALLEL_MAX, help="So many boards at a time.")]
Json = Annotated[bool, typer.Option("--json", help="A line of JSON for each board.")]


@app.callback()
def _describe() -> None:
    """Put MicroPython on boards, and see that it is there. docs/FLASHING.md says what to do when."""


@app.command("list")
def list_(*, as_json: Json = False) -> None:
    """List the ports that a board can be on."""
    for path, name in ports().items():
        typer.echo(json.dumps({"port": str(path), "name": name}) if as_json else f"{path}  {name}".rstrip())


@app.command()
def flash(  # noqa: PLR0913  a command has as many arguments as it has options
    *,
    firmware: Firmware,
    sha256: Sha256,
    board: Board,
    port: Port = None,
    every: Every = False,
    parallel: Parallel = 4,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, and write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Bring an image onto boards, unless it is there; after a cut, repeat."""
    image, found = _prepared(firmware, sha256, board, port, every=every)
    _end(
        tray.each(
            found,
            partial(tray.flash, image=image, dry=dry_run),
            parallel=parallel,
            tell=partial(_tell, as_json=as_json),
        )
    )


@app.command()
def verify(
    *,
    firmware: Firmware,
    sha256: Sha256,
    board: Board,
    port: Port = None,
    every: Every = False,
    parallel: Parallel = 4,
    as_json: Json = False,
) -> None:
    """Hold boards against an image, and write nothing."""
    image, found = _prepared(firmware, sha256, board, port, every=every)
    _end(
        tray.each(
            found, partial(tray.verify, image=image), parallel=parallel, tell=partial(_tell, as_json=as_json)
        )
    )


def _prepared(
    firmware: Path, sha256: str, board: str, port: Path | None, *, every: bool
) -> tuple[Image, tuple[Path, ...]]:
    if not esptool.is_installed():
        typer.echo("esptool is not installed. Install it with: pip install 'ventanilla[beacon]'", err=True)
        raise typer.Exit(NOT_INSTALLED)
    try:
        return check_image(firmware, board_kind(board), sha256), meant(port, every=every)
    except (PortError, OtherBoardError) as error:
        typer.echo(f"ventanilla: {error}", err=True)
        raise typer.Exit(error.status) from error


def _tell(done: tray.Done, *, as_json: bool) -> None:
    typer.echo(json.dumps(asdict(done)) if as_json else _line(done), err=bool(done.status) and not as_json)


def _line(done: tray.Done) -> str:
    return f"{done.port}  {done.mac}  {done.outcome}" if done.status == 0 else f"ventanilla: {done.said}"


def _end(boards: tuple[tray.Done, ...]) -> None:
    worst = max(done.status for done in boards)
    if worst:
        raise typer.Exit(worst)
