"""`ventanilla beacon firmware`: a key, a build, a signature; what the hub is given then.

ventanilla beacon firmware key town.pem              once, offline; beside it lies town.pem.keys
ventanilla beacon firmware build esp32-12 --board esp32 --sequence 12 --version 0.2.0
ventanilla beacon firmware sign esp32-12 --key town.pem              offline
ventanilla beacon firmware verify esp32-12 --keys town.pem.keys
ventanilla hub firmware offer esp32-12 --share 5
"""

import time
from getpass import getpass
from pathlib import Path
from typing import Annotated, Final

import typer

from beacon_node import release
from shared.model.errors import InputError
from shared.protocol import firmware
from shared.protocol.firmware import Manifest

DAY_S: Final = 86_400
PASSWORD: Final = "Password: "  # noqa: S105  what is asked, not the answer
app = typer.Typer(no_args_is_help=True, help="Firmware: built, signed by the town, looked at.")
Folder = Annotated[Path, typer.Argument(file_okay=False, help="The firmware's folder.")]
Open = Annotated[bool, typer.Option("--no-password", help="The key's file is not closed by a password.")]


@app.command()
def key(
    path: Annotated[Path, typer.Argument(dir_okay=False, help="The private key; not there yet.")],
    *,
    is_open: Open = False,
) -> None:
    """Draw the town's key for firmware; keep it offline, and give its `.keys` to whoever enrols nodes."""
    password = "" if is_open else getpass(PASSWORD)
    if not is_open and (not password or getpass(PASSWORD) != password):
        raise InputError("the passwords differ, or there is none; type the same one twice")
    drawn = release.make_key(path, password.encode())
    named = firmware.key_id(drawn.public_key()).decode()
    typer.echo(
        f"{path} is the key {named}: keep it offline, twice. {path}{release.PUBLIC_ENDING} is for nodes."
    )


@app.command()
def build(
    folder: Folder,
    board: Annotated[str, typer.Option(help="The board it is for: esp32.")],
    sequence: Annotated[int, typer.Option(min=1, help="Its number, above every one before.")],
    version: Annotated[str, typer.Option(help="For people: 0.2.0.")],
    minimum: Annotated[
        int,
        typer.Option(
            min=0, help="From then on nodes take nothing of a lower sequence; it revokes what is below."
        ),
    ] = 0,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="So long nodes begin to take it.")] = 365,
    expires_s: Annotated[
        int | None,
        typer.Option("--expires", min=1, help="The same as Unix seconds, to build the same bytes again."),
    ] = None,
) -> None:
    """Compile the firmware for a board, with a manifest to be signed."""
    made = release.build(
        folder,
        board=board,
        sequence=sequence,
        minimum=minimum,
        version=version,
        expires_s=int(time.time()) + days * DAY_S if expires_s is None else expires_s,
    )
    typer.echo(f"{folder}: {_said(made)}; --expires {made.expires_s} builds it again. It is to be signed.")


@app.command()
def sign(
    folder: Folder,
    key: Annotated[Path, typer.Option(dir_okay=False, help="The town's private key.")],
    *,
    is_open: Open = False,
) -> None:
    """Sign a firmware that was built; offline."""
    password = b"" if is_open else getpass(PASSWORD).encode()
    made = release.sign(folder, release.load_key(key, password))
    typer.echo(f"{folder}: {_said(made)} is signed; `ventanilla hub firmware offer {folder}` offers it.")


@app.command()
def verify(
    folder: Folder,
    keys: Annotated[Path, typer.Option(dir_okay=False, help="What nodes are given of the town's keys.")],
) -> None:
    """Look at a signed firmware as a node does."""
    try:
        known = firmware.keys_of(keys.read_bytes())
        made = release.verify(folder, known)
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read ({error.strerror}); look at the names") from error
    typer.echo(f"{folder}: {_said(made)} is signed by the town, and whole.")


def _said(made: Manifest) -> str:
    return (
        f"{made.board} {made.sequence} ({made.version}), {len(made.files)} files, {made.size} bytes, "
        f"nothing below {made.minimum}"
    )
