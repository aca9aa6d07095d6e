"""Bodies over HTTPS: devices send them, the municipal core fetches them, the staff looks at them.

    HEAD|PATCH|DELETE /attachments/{device}/{sha256}      a device, with a MAC under its key
    GET  /media/{device}/{sha256}/{until}.{tag}           whoever was given the address, while it holds
    GET  /v1/attachments/{device}/{sha256}[/body]         the API token
    POST /v1/attachments/{device}/{sha256}/revoke         the API token

Rules: a device's piece is held in memory until its MAC was checked, and is bounded. What is given out is an
image and nothing that a browser would run.
"""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from hub.api.errors import BodyTooLongError, NoSuchThingError
from hub.api.problems import problem
from hub.attachments.links import LinkError, MediaLinks
from hub.attachments.service import Attachments, Piece, Progress
from hub.db.attachment_repository import AnnouncedBody, State
from shared.model.errors import VentanillaError
from shared.protocol import limits
from shared.protocol.attachment import LENGTH_HEADER, OFFSET_HEADER, PATH

MEDIA: Final = "/media"
_GIVEN: Final = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def upload_router(attachments: Attachments) -> APIRouter:
    """Return the routes of devices."""
    router = APIRouter(tags=["attachments"])

    @router.head(PATH + "/{device}/{name}")
    async def look(device: str, name: str, request: Request) -> Response:
        return await _answer(request, device, name, attachments.look)

    @router.patch(PATH + "/{device}/{name}")
    async def append(device: str, name: str, request: Request) -> Response:
        return await _answer(request, device, name, attachments.append)

    @router.delete(PATH + "/{device}/{name}")
    async def give_up(device: str, name: str, request: Request) -> Response:
        def work(piece: Piece) -> Progress:
            attachments.give_up(piece)
            return Progress(0, 0)

        return await _answer(request, device, name, work)

    return router


def media_router(attachments: Attachments, links: MediaLinks, clock: Callable[[], int]) -> APIRouter:
    """Return the route of whoever was given an address."""
    router = APIRouter(tags=["attachments"])

    @router.get(MEDIA + "/{device}/{name}/{ticket}")
    def fetch(device: str, name: str, ticket: str) -> Response:
        links.check(device, name, ticket, clock())
        body = attachments.find(device, name)
        if body is None or body.revoked or body.state is not State.STORED:
            raise LinkError(LinkError.__doc__)
        return _given(body, attachments.read(body))

    return router


def attachments_router(attachments: Attachments) -> APIRouter:
    """Return the routes of the staff."""
    router = APIRouter(tags=["attachments"])

    @router.get("/attachments/{device}/{name}")
    def one(device: str, name: str) -> dict[str, Any]:
        return _told(_found(attachments, device, name))

    @router.get("/attachments/{device}/{name}/body")
    def body(device: str, name: str) -> Response:
        found = _found(attachments, device, name)
        return _given(found, attachments.read(found))

    @router.get("/events/{device}/{event_id}/attachments")
    def of_event(device: str, event_id: str) -> dict[str, Any]:
        return {"items": [_told(found) for found in attachments.of_event(device, event_id)]}

    @router.post("/attachments/{device}/{name}/revoke")
    def revoke(device: str, name: str) -> dict[str, Any]:
        if not attachments.revoke(device, name):
            raise NoSuchThingError(NoSuchThingError.__doc__)
        return _told(_found(attachments, device, name))

    return router


def _found(attachments: Attachments, device: str, name: str) -> AnnouncedBody:
    body = attachments.find(device, name)
    if body is None:
        raise NoSuchThingError(NoSuchThingError.__doc__)
    return body


def _told(body: AnnouncedBody) -> dict[str, Any]:
    return {
        "device": body.device,
        "sha256": body.sha256,
        "event_id": body.event_id,
        "size": body.size,
        "media_type": body.media_type,
        "state": body.state.value,
        "reason": None if body.reason is None else body.reason.value,
        "revoked": body.revoked,
        "announced_ms": body.announced_ms,
    }


def _given(body: AnnouncedBody, chunks: Iterator[bytes]) -> Response:
    return StreamingResponse(chunks, media_type=body.media_type, headers=_GIVEN)


async def _answer(request: Request, device: str, name: str, work: Callable[[Piece], Progress]) -> Response:
    """Read the piece, do the work outside the event loop (it fsyncs), and say how far the hub is."""
    try:
        piece = Piece(
            device=device,
            name=name,
            offset=_offset(request),
            content=await _read(request),
            shown=request.headers.get("authorization", ""),
        )
        progress = await run_in_threadpool(work, piece)
    except VentanillaError as error:
        return problem(error)
    headers = {OFFSET_HEADER: str(progress.offset), LENGTH_HEADER: str(progress.length)}
    return Response(status_code=HTTPStatus.OK, headers=headers)


def _offset(request: Request) -> int:
    text = request.headers.get(OFFSET_HEADER, "0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0  # noqa: PLR2004 - a petabyte


async def _read(request: Request) -> bytes:
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > limits.ATTACHMENT_STEP_BYTES:
            raise BodyTooLongError(BodyTooLongError.__doc__)
    return content
