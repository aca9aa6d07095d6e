"""The reference core's photographs: it fetches what a request's `media_url` names, and keeps the very bytes.

A thread of its own goes through what is named and not fetched, until it has it: the sender may be away. Only
https, only from whom the given authority vouches for, and bounded. `GET /media` lists what came, with size
and SHA-256, and `GET /media/<n>` gives it back; both want the control token.
"""

import hashlib
import ssl
import threading
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException as Refusal
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.core.reference.control import Check
from hub.core.reference.media_store import MediaStore

BYTES_MAX = 10 * 1024 * 1024
TIMEOUT_S = 10.0
LOOK_EVERY_S = 0.5


class MediaFetcher:
    """Fetches photographs on a thread of its own.

    Args:
        database: the core's own; opened once more.
        authority: PEM file of whom to trust.
    """

    def __init__(self, database: Path, authority: Path) -> None:
        self._database = database
        self._authority = authority
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="media", daemon=True)

    def start(self) -> None:
        """Begin to fetch."""
        self._thread.start()

    def stop(self) -> None:
        """End after the one that is under way."""
        self._stopping.set()
        self._thread.join(2 * TIMEOUT_S)

    def _run(self) -> None:
        with closing(MediaStore(self._database)) as store:
            while not self._stopping.wait(LOOK_EVERY_S):
                for number, url in store.wanted():
                    self._fetch(store, number, url)

    def _fetch(self, store: MediaStore, number: int, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            store.give_up(number)
            return
        try:
            context = ssl.create_default_context(cafile=str(self._authority))
            with closing(
                HTTPSConnection(parts.hostname, parts.port or 443, timeout=TIMEOUT_S, context=context)
            ) as connection:
                connection.request("GET", parts.path)
                answer = connection.getresponse()
                content = answer.read(BYTES_MAX + 1)
        except (OSError, HTTPException):
            return
        if answer.status == HTTPStatus.OK and len(content) <= BYTES_MAX:
            kind = answer.headers.get("content-type", "")
            store.keep(number, kind, hashlib.sha256(content).hexdigest(), content)
        elif HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            store.give_up(number)


def media_routes(store: MediaStore, check: Check) -> list[Route]:
    """The routes of what was fetched.

    Args:
        store: what was fetched.
        check: lets pass who has the control token.
    """

    async def listed(request: Request) -> Response:
        check(request)
        return JSONResponse(store.listed())

    async def one(request: Request) -> Response:
        check(request)
        found = store.content(int(request.path_params["number"]))
        if found is None:
            raise Refusal(404)
        return Response(found[1], media_type=found[0])

    return [Route("/media", listed), Route("/media/{number:int}", one)]
