"""How a command finds the running hub of a home, and how it shows lists."""

import json
from collections.abc import Sequence
from typing import Final

import typer

from hub.api.client import ApiClient, HubAwayError
from hub.config import HubConfig
from hub.keys.authority import CA_CERTIFICATE
from hub.keys.hub_keys import API_TOKEN
from shared.adapters.tls import client_context
from shared.model.errors import InputError

PORTS_FILE: Final = "ports.json"


def ports_of(config: HubConfig) -> dict[str, int]:
    """Return where the running hub listens; empty where none runs, or what is left of one that was killed."""
    path = config.run_dir / PORTS_FILE
    return json.loads(path.read_text()) if path.is_file() else {}


def client_of(config: HubConfig) -> ApiClient | None:
    """Return the running hub; None where it is stopped."""
    ports = ports_of(config)
    if not ports:
        return None
    client = ApiClient(
        host=config.api_host,
        port=ports["api"],
        context=client_context(ca_pem=(config.keys_dir / CA_CERTIFICATE).read_text()),
        token=(config.keys_dir / API_TOKEN).read_text().strip(),
    )
    try:
        client.get("/health")
    except HubAwayError:
        return None
    return client


def running(config: HubConfig) -> ApiClient:
    """Return the running hub.

    Raises:
        HubAwayError: it is stopped.
    """
    client = client_of(config)
    if client is None:
        raise HubAwayError(f"The hub in {config.home} does not run; start it with `ventanilla hub run`.")
    return client


def level_of(district: str | None, site: str | None, device: str | None) -> tuple[str, str]:
    """Return level and target that options name; the city where they name none.

    Raises:
        InputError: they name several.
    """
    named = [(k, v) for k, v in (("district", district), ("site", site), ("device", device)) if v is not None]
    if len(named) > 1:
        raise InputError("this is for one level; name a district, a site or a device")
    return named[0] if named else ("city", "")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print columns, as wide as what is in them."""
    lines = [tuple(head), *(tuple(str(value) for value in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
