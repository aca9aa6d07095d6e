"""`ventanilla core`: run the reference back office on loopback.

Here: options, the listening socket, and the process's one composition. Not here: any behaviour.

Secrets come from files or the environment, never from the command line, where every user of the machine sees
them.
"""

import json
import socket
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from starlette.applications import Starlette

from hub.core.reference.collections import collection_routes
from hub.core.reference.control import control_routes, make_check
from hub.core.reference.faults import Faults
from hub.core.reference.georeport import GeoReportSettings, georeport_routes
from hub.core.reference.media import MediaFetcher, media_routes
from hub.core.reference.media_store import MediaStore
from hub.core.reference.store import Store
from hub.core.reference.updates import update_routes

HOST = "127.0.0.1"
QUIET_CONNECTION_S = 75
SHUTDOWN_S = 2

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.callback(invoke_without_command=True)
def run(
    *,
    database: Annotated[Path, typer.Option(help="The core's own database file; made where it is missing.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = 0,
    ports_file: Annotated[
        Path | None, typer.Option(help='Write the port there as JSON, {"core": port}, once it listens.')
    ] = None,
    plain: Annotated[
        bool, typer.Option(help="A GeoReport server that knows the standard and no idempotency key.")
    ] = False,
    listing: Annotated[bool, typer.Option(help="Offer GET requests, so that senders can search.")] = True,
    rows_max: Annotated[int, typer.Option(min=1, help="Requests that a plain server lists at most.")] = 1000,
    tokens_after_ms: Annotated[
        int | None, typer.Option(min=0, help="Answer posts with a token and number them after this.")
    ] = None,
    media_ca: Annotated[
        Path | None,
        typer.Option(help="Fetch the photographs that requests name, from whom this authority vouches for."),
    ] = None,
    control_token_file: Annotated[
        Path | None, typer.Option(help="File with the token that allows orders to misbehave.")
    ] = None,
    control_token: Annotated[
        str, typer.Option(envvar="VENTANILLA_CORE_CONTROL_TOKEN", hidden=True, show_envvar=True)
    ] = "",
    api_key: Annotated[str, typer.Option(envvar="VENTANILLA_CORE_API_KEY", hidden=True)] = "",
) -> None:
    """Run the reference back office: Open311 GeoReport v2, settlements, notices and mail, and a count of all.

    The token for orders comes from --control-token-file or the variable VENTANILLA_CORE_CONTROL_TOKEN;
    without either there are none. The key that senders must have comes from VENTANILLA_CORE_API_KEY.
    """
    token = control_token_file.read_text().strip() if control_token_file else control_token
    settings = GeoReportSettings(
        api_key=api_key, plain=plain, lists=listing, rows_max=rows_max, tokens_after_ms=tokens_after_ms
    )
    store = Store(database)
    media = MediaStore(database)
    fetcher = MediaFetcher(database, media_ca) if media_ca else None
    if fetcher is not None:
        fetcher.start()
    server = uvicorn.Server(
        uvicorn.Config(
            build(store, settings, token, media),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_keep_alive=QUIET_CONNECTION_S,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
    )
    with socket.create_server((HOST, port)) as listener:
        bound = int(listener.getsockname()[1])
        if ports_file:
            _write_whole(ports_file, json.dumps({"core": bound}))
        typer.echo(f"core listens on http://{HOST}:{bound}")
        server.run(sockets=[listener])
    if fetcher is not None:
        fetcher.stop()
    media.close()
    store.close()


def build(store: Store, settings: GeoReportSettings, control_token: str, media: MediaStore) -> Starlette:
    """Put the reference core together.

    Args:
        store: its database.
        settings: what kind of GeoReport server it is.
        control_token: who may give it orders; empty: nobody.
        media: what it fetched.
    """
    faults = Faults()
    return Starlette(
        routes=[
            *georeport_routes(store, faults, settings),
            *update_routes(store, faults, settings),
            *collection_routes(store, faults, settings.api_key),
            *control_routes(store, faults, control_token),
            *media_routes(media, make_check(control_token)),
        ]
    )


def _write_whole(path: Path, text: str) -> None:
    """Whoever waits for the file never sees half of it."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_text(text)
    unfinished.replace(path)


if __name__ == "__main__":
    app()
