"""`ventanilla hub card-keys`: the town's card keys; made, retired, and the tap's given to a terminal.

Works beside a running hub, which sees at once what changed.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from hub.clock import now_ms
from hub.config import HubConfig, load_config
from hub.keys.card_keys import CardKeyRing
from hub.keys.files import TwinFolder
from hub.keys.named_vault import vault_at
from hub.keys.room import KeyRoom
from hub.orders.asking import client_of, table
from shared.model.errors import InputError

app = typer.Typer(no_args_is_help=True, help="The town's card keys: new, list, retire, terminal-keys.")
Home = Annotated[
    Path | None, typer.Option("--home", help="The hub's folder; VENTANILLA_HOME, or ./ventanilla-hub.")
]


@app.command()
def new(home: Home = None) -> None:
    """Make the next version of the keys; cards get it when they are issued, or next at a desk."""
    version = _ring(load_config(home)).make()
    typer.echo(f"Version {version} is current. Next: load every terminal (`card-keys terminal-keys`).")


@app.command("list")
def list_all(home: Home = None) -> None:
    """List the versions; never the keys."""
    states = _ring(load_config(home)).states()
    table(("version", "state", "kept"), [(each.version, each.state, each.kept) for each in states])


@app.command()
def retire(version: int, home: Home = None) -> None:
    """Retire a version and those before it: no terminal gets it any more, desks give its cards the newest."""
    _ring(load_config(home)).retire(version)
    typer.echo(f"Version {version} is retired. Next: load every terminal anew (`card-keys terminal-keys`).")


@app.command("terminal-keys")
def terminal_keys(device: str, home: Home = None) -> None:
    """Print the tap's keys for a terminal, sealed to it: a line for `ventanilla reader load-keys`."""
    config = load_config(home)
    client = client_of(config)
    if client is not None:
        sealed = client.get(f"/v1/devices/{device}/card-keys")["sealed"]
    else:
        room = KeyRoom.open(config.keys_dir, config.key_copy_dir, clock=now_ms, count_start=False)
        try:
            sealed = room.card_keys.sealed_for(device, room.registry.up_key(device).key).hex()
        finally:
            room.close()
    typer.echo(json.dumps({"sealed": sealed}))


def _ring(config: HubConfig) -> CardKeyRing:
    if not config.keys_dir.is_dir():
        raise InputError(f"there is no hub in {config.home}: `ventanilla hub init` makes one")
    vault = vault_at(config.card_token_module, config.card_token_label, config.card_token_pin_file)
    return CardKeyRing(TwinFolder(config.keys_dir, config.key_copy_dir), vault)
