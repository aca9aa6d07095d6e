"""Firmware for beacons: a technician offers it and takes it back, nodes fetch it.

    GET /device/firmware/offer?board=esp32&sequence=11   the manifest of what the node is to run; 204: none
    GET /device/firmware/{board}/{sequence}              its files, one after the other, or from a byte on

`/v1/firmware` wants the hub's API token; `/device/firmware` a device's own MAC.
"""

import re
from base64 import b64decode
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, Field

from hub.api.beacons import Who
from hub.api.errors import NoSuchThingError
from hub.db.firmware_repository import FirmwareRow
from hub.fleet.firmware_desk import ALL, FirmwareDesk, Stage
from hub.keys.registry import Registry
from shared.model.errors import InputError
from shared.protocol.bundle import check_authorization
from shared.protocol.firmware import FIRMWARE_PATH

_BYTES: Final = "application/octet-stream"
_FROM: Final = re.compile(r"bytes=(\d{1,9})-")
_SEQUENCE_MAX: Final = (1 << 31) - 1
Board = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,32}$")]
Sequence = Annotated[int, Path(ge=0, le=_SEQUENCE_MAX)]
Site = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]
Share = Annotated[int, Field(ge=0, le=ALL)]
_MANIFEST: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {_BYTES: {}}, "description": "The signed manifest."},
    204: {"description": "The node runs what it is to run."},
}
_FILES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {_BYTES: {}}, "description": "Everything."},
    206: {"content": {_BYTES: {}}, "description": "Everything from an offset on."},
    416: {"content": {_BYTES: {}}, "description": "There is nothing from there on."},
}


class Offer(BaseModel):
    """A signed manifest and its files one after the other, both in base64, and to whom they are offered."""

    manifest: str = Field(min_length=1)
    body: str
    site: Site = ""
    share: Share = ALL
    who: Who


class StageWanted(BaseModel):
    """To whom a firmware is offered from now on; an empty site: to every one."""

    site: Site = ""
    share: Share
    who: Who


class TakenBack(BaseModel):
    """Who takes a firmware back."""

    who: Who


def firmware_router(desk: FirmwareDesk) -> APIRouter:
    """Return the routes of technicians."""
    router = APIRouter(prefix="/firmware", tags=["firmware"])

    @router.get("")
    def firmwares() -> dict[str, list[FirmwareRow]]:
        """Every firmware, and to whom it is offered, the newest of each board first."""
        return {"items": list(desk.all())}

    @router.post("")
    def offer(wanted: Offer) -> FirmwareRow:
        """Offer a firmware that the town has signed."""
        stage = Stage(site=wanted.site, share=wanted.share, who=wanted.who)
        return desk.offer(_decoded(wanted.manifest), _decoded(wanted.body), stage)

    @router.post("/{board}/{sequence}/stage")
    def stage(board: Board, sequence: Sequence, wanted: StageWanted) -> FirmwareRow:
        """Offer a firmware to others than before."""
        return desk.stage(board, sequence, Stage(site=wanted.site, share=wanted.share, who=wanted.who))

    @router.post("/{board}/{sequence}/withdraw")
    def withdraw(board: Board, sequence: Sequence, by: TakenBack) -> FirmwareRow:
        """Offer a firmware no more."""
        return desk.withdraw(board, sequence, by.who)

    return router


def node_firmware_router(desk: FirmwareDesk, registry: Registry) -> APIRouter:
    """Return the routes of nodes."""
    router = APIRouter(prefix=FIRMWARE_PATH, tags=["devices"])

    def asking(request: Request, authorization: str) -> str:
        query = request.url.query
        path = f"{request.url.path}?{query}" if query else request.url.path
        return check_authorization(authorization, path, registry.keys_of)

    @router.get("/offer", response_class=Response, responses=_MANIFEST)
    def offered(
        request: Request,
        board: Annotated[str, Query(pattern=r"^[a-z0-9-]{1,32}$")],
        sequence: Annotated[int, Query(ge=0, le=_SEQUENCE_MAX)],
        authorization: Annotated[str, Header()] = "",
    ) -> Response:
        """The manifest of the firmware that a node is to run instead of its own."""
        found = desk.for_node(asking(request, authorization), board, sequence)
        if found is None:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return Response(found, media_type=_BYTES)

    @router.get("/{board}/{sequence}", response_class=Response, responses=_FILES)
    def files(
        request: Request,
        board: Board,
        sequence: Sequence,
        authorization: Annotated[str, Header()] = "",
        range_: Annotated[str, Header(alias="Range")] = "",
    ) -> Response:
        """The files of a firmware, one after the other, to a device of this hub."""
        asking(request, authorization)
        found = desk.body(board, sequence)
        if found is None:
            raise NoSuchThingError(NoSuchThingError.__doc__)
        return _from(found, range_)

    return router


def _from(body: bytes, wanted: str) -> Response:
    """Give a body from an offset on; a range of another form is as none. Source: RFC 9110, section 14.2."""
    asked = _FROM.fullmatch(wanted)
    if asked is None:
        return Response(body, media_type=_BYTES, headers={"Accept-Ranges": "bytes"})
    begin, size = int(asked[1]), len(body)
    if begin >= size:
        headers = {"Content-Range": f"bytes */{size}"}
        return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
    headers = {"Content-Range": f"bytes {begin}-{size - 1}/{size}"}
    return Response(body[begin:], status_code=HTTPStatus.PARTIAL_CONTENT, media_type=_BYTES, headers=headers)


def _decoded(written: str) -> bytes:
    try:
        return b64decode(written, validate=True)
    except ValueError as error:
        raise InputError("a firmware is sent as base64; encode it again") from error
