"""`ventanilla hub command`: ask a device to do something once, and wait for what comes of it."""

import json
import time
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from hub.config import load_config
from hub.orders.asking import running, table
from shared.model.errors import InputError

NOT_DONE: Final = 6
"""Status where the device did not do it, or did not say so in time."""
POLL_S: Final = 0.2
_SETTLED: Final = frozenset({"done", "failed", "expired", "unanswered"})

app = typer.Typer(
    no_args_is_help=True, help="Commands to devices: ping, report, upload_log, restart, rotate_keys."
)
Home = Annotated[
    Path | None, typer.Option("--home", help="The hub's folder; VENTANILLA_HOME, or ./ventanilla-hub.")
]


@app.command()
def send(
    device: str,
    op: Annotated[str, typer.Argument(help="ping, report, upload_log, restart or rotate_keys.")],
    home: Home = None,
    args: Annotated[str, typer.Option(help="A JSON object.")] = "{}",
    life_s: Annotated[int, typer.Option(help="After this it is not done any more.")] = 300,
    wait_s: Annotated[float, typer.Option(min=0, help="How long to wait for the outcome.")] = 30.0,
) -> None:
    """Send a command and print its outcome as JSON; status 6 if it was not done."""
    try:
        meant = json.loads(args)
    except ValueError:
        meant = None
    if not isinstance(meant, dict):
        raise InputError("--args is a JSON object; correct it")
    client = running(load_config(home))
    wanted: dict[str, Any] = {"op": op, "args": meant, "life_s": life_s, "who": getuser()}
    row = client.post(f"/v1/devices/{device}/commands", wanted)
    deadline_s = time.monotonic() + wait_s
    while row["state"] not in _SETTLED and time.monotonic() < deadline_s:
        time.sleep(POLL_S)
        row = client.get(f"/v1/commands/{row['id']}")
    shown = {name: row[name] for name in ("id", "state", "detail", "data")}
    typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    if row["state"] != "done":
        raise typer.Exit(NOT_DONE)


@app.command("list")
def list_all(device: str, home: Home = None) -> None:
    """List a device's commands, the newest first."""
    items = running(load_config(home)).get(f"/v1/devices/{device}/commands")["items"]
    rows = [(i["id"], i["op"], i["state"], i["who"], i["detail"] or "") for i in items]
    table(("command", "what", "state", "by", "detail"), rows)
