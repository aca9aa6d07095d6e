"""What an error means over HTTP: one table for all of them, and one form of body.

    {"type":"urn:ventanilla:problem:unknown-device","title":"Unknown device","status":404,"detail":"…"}

`detail` is the error's own sentence, which ends with the remedy. The table is read from top to bottom and
ends with the families, so every error of the project has a status. What is no error of the project is a bug:
500, and nothing of it is shown.

Source: RFC 9457, Problem Details for HTTP APIs.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from hub.api.errors import BodyTooLongError, NoSuchThingError, TooManyPhonesError, TooManyQuestionsError
from hub.attachments.links import LinkError
from hub.attachments.service import NotAwaitedError
from hub.db.quarantine_repository import NoSuchLineError
from hub.domain.beacons.errors import NoticeUnknownError, PlaceUnknownError
from hub.fleet.firmware_desk import FirmwareUnknownError
from hub.keys.enrolment import TokenExpiredError, TokenUnknownError, TokenUsedError
from hub.keys.hub_keys import ApiTokenError
from hub.keys.registry import UnknownDeviceError
from shared.model.errors import (
    CapacityError,
    ConflictError,
    DeviceError,
    InputError,
    TransientError,
    VentanillaError,
)
from shared.protocol.mac import MacError
from shared.protocol.parsing import encode

MEDIA_TYPE: Final = "application/problem+json"
STATUS: Final[Mapping[type[VentanillaError], HTTPStatus]] = MappingProxyType(
    {
        ApiTokenError: HTTPStatus.UNAUTHORIZED,
        MacError: HTTPStatus.FORBIDDEN,
        UnknownDeviceError: HTTPStatus.NOT_FOUND,
        TokenUnknownError: HTTPStatus.NOT_FOUND,
        NoSuchThingError: HTTPStatus.NOT_FOUND,
        NoSuchLineError: HTTPStatus.NOT_FOUND,
        NotAwaitedError: HTTPStatus.NOT_FOUND,
        LinkError: HTTPStatus.NOT_FOUND,
        PlaceUnknownError: HTTPStatus.NOT_FOUND,
        NoticeUnknownError: HTTPStatus.NOT_FOUND,
        FirmwareUnknownError: HTTPStatus.NOT_FOUND,
        TokenUsedError: HTTPStatus.CONFLICT,
        TokenExpiredError: HTTPStatus.GONE,
        TooManyPhonesError: HTTPStatus.TOO_MANY_REQUESTS,
        TooManyQuestionsError: HTTPStatus.TOO_MANY_REQUESTS,
        BodyTooLongError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        ConflictError: HTTPStatus.CONFLICT,
        InputError: HTTPStatus.UNPROCESSABLE_ENTITY,
        CapacityError: HTTPStatus.SERVICE_UNAVAILABLE,
        TransientError: HTTPStatus.SERVICE_UNAVAILABLE,
        DeviceError: HTTPStatus.SERVICE_UNAVAILABLE,
        VentanillaError: HTTPStatus.INTERNAL_SERVER_ERROR,
    }
)

log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """What a failure is answered with."""

    type: str
    title: str
    status: int
    detail: str


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status.value: {"model": Problem, "description": status.phrase, "content": {MEDIA_TYPE: {}}}
    for status in sorted({*STATUS.values(), HTTPStatus.BAD_REQUEST} - {HTTPStatus.INTERNAL_SERVER_ERROR})
}
"""How every call may fail, for the description of the API; 500 is a bug and not described."""


def status_of(error: type[VentanillaError]) -> HTTPStatus:
    """Return the status of an error's class."""
    return next(status for kind, status in STATUS.items() if issubclass(error, kind))


def problem(error: VentanillaError) -> Response:
    """Return the answer that an error becomes."""
    status = status_of(type(error))
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else None
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__.removesuffix("Error")).lower()
    return _answer(words, status, str(error), headers)


def answer_with_problems(app: FastAPI) -> None:
    """Let an application answer every failure in this form."""

    @app.exception_handler(VentanillaError)
    def ours(_request: Request, error: VentanillaError) -> Response:
        return problem(error)

    @app.exception_handler(RequestValidationError)
    def unreadable(_request: Request, error: RequestValidationError) -> Response:
        places = sorted({".".join(map(str, item["loc"])) for item in error.errors()})
        sentence = f"{', '.join(places)}: not as the call wants it; /openapi.json describes every call"
        return _answer("unreadable request", HTTPStatus.UNPROCESSABLE_ENTITY, sentence)

    @app.exception_handler(HTTPException)
    def refused(_request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        return _answer(status.phrase.lower(), status, f"{status.phrase}; /openapi.json lists every call")

    @app.exception_handler(Exception)
    def bug(request: Request, error: Exception) -> Response:
        log.error("api_failed", path=str(request.scope.get("path")), exc_info=error)
        sentence = "This is a fault of the hub; its log says where. Report it, and try again later."
        return _answer("fault", HTTPStatus.INTERNAL_SERVER_ERROR, sentence)


def _answer(
    words: str, status: HTTPStatus, sentence: str, headers: Mapping[str, str] | None = None
) -> Response:
    body = {
        "type": f"urn:ventanilla:problem:{words.replace(' ', '-')}",
        "title": words.capitalize(),
        "status": status.value,
        "detail": sentence,
    }
    return Response(encode(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)
