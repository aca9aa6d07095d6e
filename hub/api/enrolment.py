"""Enrolment over HTTPS: the authority, tokens for the operator, and a device's first and yearly request.

A device cannot log in before it is enrolled: `POST /enrolment` is open to everyone, and its token is the only
way through. `POST /enrolment/tokens` wants the hub's API token; a renewal carries a MAC.

Rules: a refusal is a problem (`hub.api.problems`) whose sentence ends with the remedy; a body longer than any
honest one is not read.
"""

from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from hub.api.errors import BodyTooLongError
from hub.api.problems import problem
from hub.keys.enrolment import LABEL_LENGTH_MAX, Enrolment, TokenWanted
from hub.keys.hub_keys import HubKeys
from shared.model.errors import VentanillaError
from shared.model.fields import text, text_or_none
from shared.protocol import limits
from shared.protocol.enrolment import (
    AUTHORITY_PATH,
    BODY_BYTES_MAX,
    ENROLMENT_PATH,
    RENEWAL_PATH,
    TOKENS_PATH,
    EnrolmentRequest,
)
from shared.protocol.parsing import encode, parse_object

_JSON: Final = "application/json"


def enrolment_router(enrolment: Enrolment, keys: HubKeys, authority_pem: str) -> APIRouter:
    """Return the routes of enrolment.

    Args:
        enrolment: does the work.
        keys: checks the API token.
        authority_pem: what devices compare with their token's fingerprint.
    """
    router = APIRouter(tags=["enrolment"])

    def issue(authorization: str, body: bytes) -> bytes:
        keys.check_api_token(authorization.removeprefix("Bearer "))
        wanted = parse_object(body)
        token = enrolment.issue(
            TokenWanted(
                device=text(wanted, "device", limits.DEVICE_ID_LENGTH_MAX),
                kind=text(wanted, "kind", LABEL_LENGTH_MAX),
                site=text_or_none({"site": wanted.get("site") or None}, "site", LABEL_LENGTH_MAX) or "",
            )
        )
        return encode({"token": str(token), "valid_s": limits.ENROLMENT_TOKEN_LIFE_MS // 1000})

    @router.get(AUTHORITY_PATH)
    def authority() -> Response:
        return Response(authority_pem, media_type="application/x-pem-file")

    @router.post(TOKENS_PATH)
    async def tokens(request: Request) -> Response:
        shown = request.headers.get("authorization", "")
        return await _answer(request, lambda body: issue(shown, body))

    @router.post(ENROLMENT_PATH)
    async def enrol(request: Request) -> Response:
        return await _answer(
            request, lambda body: enrolment.enrol(EnrolmentRequest.from_json(body)).to_json()
        )

    @router.post(RENEWAL_PATH + "/{device}")
    async def renew(device: str, request: Request) -> Response:
        return await _answer(request, lambda body: enrolment.renew(device, body).to_json())

    return router


async def _answer(request: Request, work: Callable[[bytes], bytes]) -> Response:
    """Read the body, do the work outside the event loop (it fsyncs), and turn a refusal into its status."""
    try:
        body = await _read(request)
        return Response(await run_in_threadpool(work, body), media_type=_JSON)
    except VentanillaError as error:
        return problem(error)


async def _read(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLongError(BodyTooLongError.__doc__)
    return body
