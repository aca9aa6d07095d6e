"""`ventanilla hub bundle`: publish a file for every device, and see who holds it."""

from base64 import b64encode
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer

from hub.config import load_config
from hub.orders.asking import running, table
from shared.model.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Signed files for devices: deny list, catalogue, agenda, …")
Home = Annotated[
    Path | None, typer.Option("--home", help="The hub's folder; VENTANILLA_HOME, or ./ventanilla-hub.")
]
_DAY_S = 86_400


@app.command()
def publish(
    name: Annotated[
        str, typer.Argument(help="deny-list, fares, catalogue, content, agenda, translations, …")
    ],
    file: Path,
    home: Home = None,
    expires_days: Annotated[int, typer.Option(min=1, max=3_650, help="When it is too old to rely on.")] = 30,
) -> None:
    """Publish a file as the newest version of a bundle; connected devices get it at once."""
    try:
        body = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}); correct the path") from error
    wanted = {"body": b64encode(body).decode(), "expires_s": expires_days * _DAY_S, "who": getuser()}
    done = running(load_config(home)).post(f"/v1/bundles/{name}", wanted)
    typer.echo(f"{done['name']} is published as version {done['version']} ({len(body):,} bytes).")


@app.command("list")
def list_all(home: Home = None) -> None:
    """List the newest version of every bundle, and how many devices hold it."""
    items = running(load_config(home)).get("/v1/bundles")["items"]
    rows = [
        (i["name"], i["version"], f"{i['size']:,}", _day(i["expires_ms"]), i["who"], i["devices"])
        for i in items
    ]
    table(("bundle", "version", "bytes", "expires", "by", "devices"), rows)


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
