"""The HTTPS server: Uvicorn, the certificate of the town's authority, a limit on what it takes at once."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI

REQUESTS_MAX: Final = 64
STOP_S: Final = 3


class Server(uvicorn.Server):
    """Uvicorn without hands on the process's signals: the composition root has them."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture nothing."""
        yield


def make_server(app: FastAPI, certificate: Path, key: Path) -> Server:
    """Make the server; it serves on the sockets that `serve` is given.

    Args:
        app: what answers.
        certificate: PEM file of the server's certificate.
        key: PEM file of its key.
    """
    return Server(
        uvicorn.Config(
            app,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            limit_concurrency=REQUESTS_MAX,
            timeout_graceful_shutdown=STOP_S,
        )
    )
