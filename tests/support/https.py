"""An application behind real TLS on loopback, in a thread of the test."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from tests.support.polling import eventually


@contextmanager
def https(app: FastAPI, certificate: Path, key: Path) -> Generator[int]:
    """Serve an application; yield its port."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    config.ssl_certfile, config.ssl_keyfile = str(certificate), key
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started, what="HTTPS")
        yield int(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(10)
