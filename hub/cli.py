"""`ventanilla hub`: set up, run and look after a hub.

Each command works on the hub's home. One that looks or decides asks the running hub through its API, with the
token that lies in the key folder; so whoever can read that folder is the operator. `devices`, `audit` and
`enrol` also work while the hub is stopped.

Rules: a failure is one sentence that ends with the remedy, and status 1. No command takes a secret as an
argument, and only `enrol` prints one: the token, once. A command loads what it needs: who enrols a device
does not wait for the web server and the database's library.
"""

import getpass
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from hub.api.client import ApiClient, HubAwayError
from hub.assembly.address import public_address
from hub.broker.mosquitto import CONFIG_FILE as MOSQUITTO_FILE
from hub.broker.mosquitto import LIST_FILE, MosquittoSettings, access_list, configuration
from hub.clock import now_ms
from hub.config import CONFIG_FILE, FolderError, HubConfig, load_config
from hub.keys.authority import paths_of_server
from hub.keys.enrolment import TokenWanted, enrol_token
from hub.keys.entries import DeviceState
from hub.keys.hub_keys import make_hub_key, rotate_api_token
from hub.keys.records import HubKeyRole
from hub.keys.room import KeyRoom, set_up
from hub.orders import bundles, card_keys, cards, commands, firmware, notices, places, settings
from hub.orders.asking import client_of, ports_of, running, table
from hub.orders.link_keys import LINK, rotate_link_keys
from hub.orders.reconcile import reconcile as reconcile_day
from hub.recovery import cli as recovery
from shared.adapters.durable_files import PUBLIC, make_folder, write_whole
from shared.adapters.loading import loading
from shared.model.errors import InputError
from shared.protocol.parsing import encode
from shared.protocol.receipts import TOWN_KEYS_MAX, TownKeys

NOT_READY: Final = 4
NOT_CLEAN: Final = 5
PAGE: Final = 1_000
FIRST_CONFIG: Final = """\
# Settings of this hub; docs/OPERATIONS.md describes each. A variable VENTANILLA_<NAME> wins over this file.
# key_copy_dir = "/mnt/second-disk/ventanilla-keys"
# public_host = "hub.example.org"
# broker_host = "0.0.0.0"
# open311_url = "https://avisos.example.org/v2"
# settlements_url = "https://core.example.org"
# notices_url = "https://core.example.org"
# cloudevents_url = "https://events.example.org/ventanilla"
# mailbox_url = "https://core.example.org"
"""

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
Home = Annotated[
    Path | None, typer.Option("--home", help="The hub's folder; VENTANILLA_HOME, or ./ventanilla-hub.")
]


app.add_typer(recovery.app)
app.add_typer(settings.app, name="settings")
app.add_typer(bundles.app, name="bundle")
app.add_typer(commands.app, name="command")
app.add_typer(card_keys.app, name="card-keys")
app.add_typer(cards.app, name="cards")
app.add_typer(places.app, name="places")
app.add_typer(firmware.app, name="firmware")
app.add_typer(notices.interests, name="interests")
app.add_typer(notices.app, name="notices")


@app.callback()
def describe() -> None:
    """The hub: takes what devices in the street send, and hands it to the town hall."""


@app.command()
def init(
    home: Home = None,
    key_copy_dir: Annotated[
        Path | None, typer.Option(help="Second copy of the keys, on another disk or machine.")
    ] = None,
    public_host: Annotated[
        str | None, typer.Option(help="Name or address by which devices reach this hub.")
    ] = None,
) -> None:
    """Make a hub's folder: keys, settings, database. Repeating it mends, and never replaces."""
    folder = load_config(home).home
    try:
        make_folder(folder)
    except OSError as error:
        raise FolderError(f"{FolderError.__doc__} ({folder}: {error.strerror})") from error
    if not (folder / CONFIG_FILE).exists():
        chosen = {"key_copy_dir": key_copy_dir, "public_host": public_host}
        lines = [f"{name} = {json.dumps(str(value))}" for name, value in chosen.items() if value is not None]
        write_whole(folder / CONFIG_FILE, "\n".join([FIRST_CONFIG, *lines, ""]).encode())
    elif key_copy_dir is not None or public_host is not None:
        raise InputError(f"{folder / CONFIG_FILE} is there already; change the settings in it, then repeat")
    config = load_config(home)
    set_up(config.keys_dir, config.key_copy_dir, names=config.server_names, now_ms=now_ms())
    _migrate(config)
    typer.echo(f"The hub's folder is {folder}.")
    if config.key_copy_dir is None:
        typer.echo(
            f"The keys have no second copy: set key_copy_dir in {CONFIG_FILE} to a folder on another disk."
        )
    typer.echo("Next: ventanilla hub run")


@app.command()
def run(home: Home = None) -> None:
    """Run the hub until it is stopped (SIGTERM, or Ctrl-C)."""
    with loading():
        from hub.main import run as run_hub  # noqa: PLC0415  see above

    run_hub(load_config(home))


@app.command()
def enrol(
    device: Annotated[str, typer.Argument(help="The device's name: 1 to 32 of a-z, 0-9 and hyphen.")],
    home: Home = None,
    kind: Annotated[str, typer.Option(help="What it is: kiosk, terminal, beacon, …")] = "kiosk",
    site: Annotated[str, typer.Option(help="Where it stands, in the town's words.")] = "",
) -> None:
    """Print a token that makes one machine this device; it lasts 15 minutes and serves once."""
    config = load_config(home)
    ports = ports_of(config)
    api_port = ports.get("api", config.api_port)
    if not api_port:
        raise HubAwayError("The hub takes a free port when it starts (api_port is 0): start it, then repeat.")
    token = enrol_token(
        config.keys_dir,
        config.key_copy_dir,
        TokenWanted(device=device, kind=kind, site=site),
        address=public_address(config, api_port, ports.get("broker", config.broker_port)),
        local=f"{config.api_host}:{api_port}",
        clock=now_ms,
    )
    typer.echo(token)


@app.command()
def devices(home: Home = None) -> None:
    """List the devices."""
    config = load_config(home)
    client = client_of(config)
    rows: list[Sequence[object]] = []
    if client is None:
        room = _opened(config)
        rows = [(d.id, d.kind, d.site, d.state.value, "the hub is stopped") for d in room.registry.devices()]
        room.close()
    else:
        for item in _all(client, "/v1/devices"):
            here = "connected" if item["connected"] else "away"
            rows.append((item["id"], item["kind"], item["site"], item["state"], here))
    table(("device", "kind", "site", "state", "link"), rows)


@app.command()
def release(device: str, home: Home = None) -> None:
    """Let a fenced device take money again, and take what it sent meanwhile."""
    done = running(load_config(home)).post(f"/v1/devices/{device}/release")
    typer.echo(f"{device} is released: {done['events_taken']} events taken.")
    if done["events_waiting"]:
        typer.echo(f"{done['events_waiting']} still wait in quarantine; GET /v1/quarantine says why.")


@app.command()
def revoke(
    device: str,
    reason: Annotated[str, typer.Option(help="Why, for the key registry: stolen, lost, retired.")],
    home: Home = None,
) -> None:
    """End a device's keys and certificates at once and for good."""
    config = load_config(home)
    client = client_of(config)
    if client is not None:
        client.post(f"/v1/devices/{device}/revoke", {"reason": reason})
    else:
        room = _opened(config)
        try:
            room.registry.revoke(device, reason)
        finally:
            room.close()
    typer.echo(f"{device} is revoked. What it sent is kept; to use the machine again, enrol it.")


@app.command("mosquitto")
def mosquitto_settings(
    folder: Annotated[Path, typer.Argument(help="Where mosquitto.conf and its list are written.")],
    home: Home = None,
    host: Annotated[str, typer.Option(help="Where Mosquitto listens.")] = "0.0.0.0",  # noqa: S104  for devices
    port: Annotated[int, typer.Option(help="Its port.")] = 8883,
) -> None:
    """Write the settings of a Mosquitto for this hub, and the list of who may speak where."""
    config = load_config(home)
    certificate, key, authority = paths_of_server(config.keys_dir)
    settings = MosquittoSettings(
        host=host,
        port=port,
        folder=folder.absolute(),
        certificate=certificate,
        key=key,
        authority=authority,
        user=getpass.getuser(),
    )
    client, revoked = client_of(config), DeviceState.REVOKED.value
    if client is not None:
        names = [item["id"] for item in _all(client, "/v1/devices") if item["state"] != revoked]
    else:
        room = _opened(config)
        names = [device.id for device in room.registry.devices() if device.state.value != revoked]
        room.close()
    try:
        make_folder(folder)
        write_whole(folder / LIST_FILE, access_list(names).encode())
        write_whole(folder / MOSQUITTO_FILE, configuration(settings).encode())
    except OSError as error:
        raise FolderError(f"{FolderError.__doc__} ({folder}: {error.strerror})") from error
    typer.echo(
        f"{folder / MOSQUITTO_FILE} lets {len(names)} devices in. A Mosquitto that runs needs a SIGHUP."
    )


@app.command()
def replay(
    home: Home = None,
    state: Annotated[str, typer.Option(help="dead, undecided or done.")] = "dead",
    connector: Annotated[
        str | None, typer.Option(help="open311, settlements or notices; all of them where absent.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="Decided or done since then (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(help="... and before then (UTC).")] = None,
) -> None:
    """Send effects to the core again, under their keys: dead letters, or what was done in a time."""
    wanted: dict[str, object] = {"state": state, "connector": connector}
    for name, instant in (("since_ms", since), ("until_ms", until)):
        if instant is not None:
            wanted[name] = round(instant.replace(tzinfo=UTC).timestamp() * 1000)
    done = running(load_config(home)).post("/v1/outgoing/replay", wanted)
    typer.echo(f"{done['replayed']} effects are on their way again.")


@app.command("town-keys")
def town_keys(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where the keys are written.")],
    home: Home = None,
) -> None:
    """Write the town's public keys, with which anybody checks a receipt: `ventanilla verify`."""
    config = load_config(home)
    client = client_of(config)
    if client is not None:
        keys = TownKeys.from_body(encode(client.get("/verify/keys")))
    else:
        room = _opened(config)
        listed = room.registry.hub_keys(HubKeyRole.SIGNING)[:TOWN_KEYS_MAX]
        keys = TownKeys(town=config.town, keys=tuple(key.public for key in listed))
        room.close()
    try:
        write_whole(file, keys.to_body(), PUBLIC)
    except OSError as error:
        raise FolderError(f"{FolderError.__doc__} ({file}: {error.strerror})") from error
    typer.echo(f"{file}: public keys of {keys.town}, {len(keys.keys)} in all. Print it, publish it.")


@app.command()
def rotate(
    what: Annotated[str, typer.Argument(help="api-token, sealing, signing, or link with --device.")],
    home: Home = None,
    device: Annotated[
        str | None, typer.Option(help="Whose link keys; the hub runs, and waits for it.")
    ] = None,
) -> None:
    """Put a new key or token into use; what it replaces stays good for a time. All but link: stop the hub."""
    config = load_config(home)
    if what == LINK:
        if device is None:
            raise InputError("link keys are a device's own; name it with --device")
        typer.echo(rotate_link_keys(running(config), device))
        return
    room = _opened(config)
    try:
        match what:
            case "api-token":
                rotate_api_token(room.folder, now_ms())
                said = "The API has a new token (keys/api-token); the one before is good for 30 days."
            case "sealing":
                name = make_hub_key(room.folder, room.registry, HubKeyRole.SEALING)
                said = f"Devices seal to {name} when they have heard of it; earlier keys are kept for ever."
            case "signing":
                name = make_hub_key(room.folder, room.registry, HubKeyRole.SIGNING)
                said = f"Bundles are signed by {name} from the next start on; each device hears of it first."
            case _:
                raise InputError("nothing of that name is rotated; say api-token, sealing, signing or link")
    finally:
        room.close()
    typer.echo(f"{said} Next: ventanilla hub run")


@app.command()
def status(home: Home = None) -> None:
    """Say whether every part of the hub works; status 4 if one does not."""
    ready = running(load_config(home)).get("/ready")
    table(
        ("part", "works", "why not"),
        [(part["part"], "yes" if part["ready"] else "no", part["reason"]) for part in ready["parts"]],
    )
    if not ready["ready"]:
        raise typer.Exit(NOT_READY)


@app.command()
def audit(
    home: Home = None,
    day: Annotated[
        str | None, typer.Option(help="One business day, e.g. 2026-11-21; all where absent.")
    ] = None,
) -> None:
    """Audit the books, as JSON; status 5 if they do not balance."""
    config = load_config(home)
    client = client_of(config)
    if client is not None:
        report = client.get("/v1/ledger/audit" + (f"?day={day}" if day else ""))
    else:
        from hub.api.registers import view_audit  # noqa: PLC0415  see above
        from hub.db.ledger_audit import audit as audit_books  # noqa: PLC0415
        from hub.db.opening import reading  # noqa: PLC0415

        with reading(config.database) as connection:
            report = view_audit(audit_books(connection, day)).model_dump()
    typer.echo(json.dumps(report, indent=2))
    if not report["clean"]:
        raise typer.Exit(NOT_CLEAN)


@app.command()
def reconcile(
    day: Annotated[str, typer.Argument(help="A day of the town, e.g. 2026-11-21.")],
    home: Home = None,
    csv: Annotated[Path | None, typer.Option(help="Writes it into this file, for the auditor.")] = None,
) -> None:
    """Reconcile a day, terminal by terminal; status 5 if something does not agree."""
    if not reconcile_day(load_config(home), day, csv):
        raise typer.Exit(NOT_CLEAN)


@app.command()
def migrate(home: Home = None) -> None:
    """Bring the database to this version's schema, while the hub is stopped; its start does the same."""
    from hub.db.schema import newest  # noqa: PLC0415  see above

    config = load_config(home)
    room = _opened(config)
    try:
        _migrate(config)
    finally:
        room.close()
    typer.echo(f"The database has schema {newest()}.")


def _opened(config: HubConfig) -> KeyRoom:
    """The key folder of a hub that is stopped, without counting a start."""
    return KeyRoom.open(config.keys_dir, config.key_copy_dir, clock=now_ms, count_start=False)


def _migrate(config: HubConfig) -> None:
    from hub.db.opening import bring_up_to_date  # noqa: PLC0415  see above

    if config.database_url is None:
        make_folder(config.data_dir)
    bring_up_to_date(config.database)


def _all(client: ApiClient, path: str) -> list[dict[str, Any]]:
    """Every item of a listing, page by page."""
    items: list[dict[str, Any]] = []
    after = ""
    while True:
        page = client.get(f"{path}?limit={PAGE}&after={after}")
        items += page["items"]
        if page["next"] is None:
            return items
        after = page["next"]
