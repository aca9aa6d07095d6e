"""`ventanilla hub bundle`: publish a file for every device, and see who holds it."""

import asyncio
from base64 import b64encode
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer

from hub.config import HubConfig, load_config
from hub.core.exchange import Endpoint
from hub.core.open311 import Open311Connector, Open311Settings
from hub.orders.asking import level_of, running, table
from shared.model.catalogue import Catalogue
from shared.model.deny_list import DenyList
from shared.model.errors import InputError
from shared.protocol import limits
from shared.protocol.bundle import DENY_LIST
from shared.protocol.contents import CATALOGUE, read_content
from shared.protocol.parsing import encode

app = typer.Typer(no_args_is_help=True, help="Signed files for devices: deny list, catalogue, agenda, …")
Home = Annotated[
    Path | None, typer.Option("--home", help="The hub's folder; VENTANILLA_HOME, or ./ventanilla-hub.")
]
District = Annotated[str | None, typer.Option(help="For a district alone.")]
Site = Annotated[str | None, typer.Option(help="For a site alone, as devices were enrolled with it.")]
Device = Annotated[str | None, typer.Option(help="For one device alone.")]
_DAY_S = 86_400


@app.command()
def publish(
    name: Annotated[
        str, typer.Argument(help="deny-list, fares, catalogue, content, agenda, translations, …")
    ],
    file: Path,
    home: Home = None,
    expires_days: Annotated[int, typer.Option(min=1, max=3_650, help="When it is too old to rely on.")] = 30,
    district: District = None,
    site: Site = None,
    device: Device = None,
) -> None:
    """Publish a file as the newest version of a bundle; connected devices get it at once."""
    level, target = level_of(district, site, device)
    try:
        body = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}); correct the path") from error
    body = _as_sent(name, body)
    wanted = {"body": b64encode(body).decode(), "expires_s": expires_days * _DAY_S, "who": getuser()}
    wanted |= {"level": level, "target": target}
    done = running(load_config(home)).post(f"/v1/bundles/{name}", wanted)
    typer.echo(f"{done['name']} is published as version {done['version']} ({len(body):,} bytes).")


def _as_sent(name: str, body: bytes) -> bytes:
    """Pack a deny list that is longer than another bundle may be."""
    if name != DENY_LIST or len(body) <= limits.BUNDLE_BYTES_MAX:
        return body
    content = read_content(name, body)
    return content.packed() if isinstance(content, DenyList) else body


@app.command()
def withdraw(
    name: str, home: Home = None, district: District = None, site: Site = None, device: Device = None
) -> None:
    """Take a bundle back from a district, a site or a device; what is for more devices counts there again."""
    level, target = level_of(district, site, device)
    running(load_config(home)).post(f"/v1/bundles/{name}/withdraw", {"level": level, "target": target})
    typer.echo(f"{name} counts for {level} {target} no more.")


@app.command()
def retire(name: str, home: Home = None) -> None:
    """Take a name out of use everywhere: devices drop it; publishing under it again brings it back."""
    done = running(load_config(home)).post(f"/v1/bundles/{name}/retire", {"who": getuser()})
    typer.echo(f"{name} is retired as version {done['version']}; devices drop it when they hear of it.")


@app.command()
def catalogue(
    home: Home = None,
    expires_days: Annotated[int, typer.Option(min=1, max=3_650, help="When it is too old to rely on.")] = 365,
) -> None:
    """Publish what the GeoReport server of the settings lists as the catalogue."""
    config = load_config(home)
    client = running(config)
    if not config.open311_url:
        raise InputError("no GeoReport server is named; set open311_url")
    found = asyncio.run(_asked(config))
    body = encode(found.to_data())
    wanted = {"body": b64encode(body).decode(), "expires_s": expires_days * _DAY_S, "who": getuser()}
    done = client.post(f"/v1/bundles/{CATALOGUE}", wanted)
    typer.echo(
        f"The catalogue is published as version {done['version']}: {len(found.services)} services, "
        f"{sum(len(one.attributes) for one in found.services)} questions."
    )


async def _asked(config: HubConfig) -> Catalogue:
    connector = Open311Connector(
        Open311Settings(
            endpoint=Endpoint(
                base_url=config.open311_url,
                api_key=config.open311_key,
                timeout_s=config.core_timeout_s,
                ca_file=config.core_ca_file,
            ),
            jurisdiction_id=config.open311_jurisdiction,
        )
    )
    try:
        return await connector.catalogue()
    finally:
        await connector.close()


@app.command("list")
def list_all(home: Home = None) -> None:
    """List the newest version of every bundle, and how many devices hold it."""
    items = running(load_config(home)).get("/v1/bundles")["items"]
    rows = [
        (
            i["name"],
            f"{i['level']} {i['target']}".strip(),
            i["version"],
            f"{i['size']:,}",
            "retired" if i["retired"] else _day(i["expires_ms"]),
            i["who"],
            i["devices"],
        )
        for i in items
    ]
    table(("bundle", "for", "version", "bytes", "expires", "by", "devices"), rows)


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
