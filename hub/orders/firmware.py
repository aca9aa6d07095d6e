"""`ventanilla hub firmware`: firmware for beacons, offered in stages, taken back, and what nodes run."""

from base64 import b64encode
from collections import Counter
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from hub.config import load_config
from hub.orders.asking import running, table
from hub.orders.places import at
from shared.protocol import firmware
from shared.protocol.firmware import FirmwareError, Manifest

app = typer.Typer(no_args_is_help=True, help="Firmware for beacons: offered in stages, and taken back.")
Home = Annotated[
    Path | None, typer.Option("--home", help="The hub's folder; VENTANILLA_HOME, or ./ventanilla-hub.")
]
Board = Annotated[str, typer.Argument(help="The board it is for: esp32.")]
Sequence = Annotated[int, typer.Argument(help="Its sequence.")]
Site = Annotated[str, typer.Option(help="To the nodes of one site alone.")]
Share = Annotated[int, typer.Option(min=0, max=100, help="To so many of a hundred nodes.")]
_PAGE: Final = 1_000


@app.command()
def offer(
    folder: Annotated[Path, typer.Argument(help="A firmware that was signed.")],
    home: Home = None,
    site: Site = "",
    share: Share = 100,
) -> None:
    """Offer a firmware to nodes of its board; they ask at each start, and once a day."""
    try:
        signed = (folder / "manifest").read_bytes()
        made = Manifest.parse(firmware.split(signed)[0])
        body = b"".join((folder / "files" / file.name).read_bytes() for file in made.files)
    except OSError as error:
        raise FirmwareError(f"{folder} is no firmware ({error.strerror}); build it again") from error
    wanted = {"manifest": b64encode(signed).decode(), "body": b64encode(body).decode()}
    said = {"site": site, "share": share, "who": getuser()}
    _tell(running(load_config(home)).post("/v1/firmware", {**wanted, **said}))


@app.command()
def stage(board: Board, sequence: Sequence, share: Share, home: Home = None, site: Site = "") -> None:
    """Offer a firmware that is here already to others than before."""
    said = {"site": site, "share": share, "who": getuser()}
    _tell(running(load_config(home)).post(f"/v1/firmware/{board}/{sequence}/stage", said))


@app.command()
def withdraw(board: Board, sequence: Sequence, home: Home = None) -> None:
    """Offer a firmware no more; nodes that run it keep it until a newer one comes."""
    running(load_config(home)).post(f"/v1/firmware/{board}/{sequence}/withdraw", {"who": getuser()})
    typer.echo(f"{board} {sequence} is offered no more.")


@app.command("list")
def list_all(home: Home = None) -> None:
    """List firmwares, to whom each is offered, and how many nodes run it by their last birth."""
    client = running(load_config(home))
    ran: Counter[str] = Counter()
    after: str | None = ""
    while after is not None:
        page = client.get(f"/v1/devices?limit={_PAGE}&after={after}")
        ran.update(item["firmware"] for item in page["items"] if item["kind"] == "beacon")
        after = page["next"]
    rows = [
        (
            row["board"],
            row["sequence"],
            row["version"],
            _to_whom(row),
            at(row["expires_ms"]),
            row["who"],
            ran.pop(f"{row['version']}+{row['sequence']}", 0),
        )
        for row in client.get("/v1/firmware")["items"]
    ]
    table(("board", "sequence", "version", "offered to", "until", "by", "run by"), rows)
    for name, count in sorted((name or "unknown", count) for name, count in ran.items()):
        typer.echo(f"{name}: run by {count}; it did not come from here.")


def _to_whom(row: dict[str, Any]) -> str:
    if row["is_withdrawn"]:
        return "nobody: withdrawn"
    return f"{row['share']} % of {row['site'] or 'every site'}"


def _tell(row: dict[str, Any]) -> None:
    typer.echo(
        f"{row['board']} {row['sequence']} ({row['version']}) is offered to {_to_whom(row)}; "
        "nodes ask at each start, and once a day."
    )
