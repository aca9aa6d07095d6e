"""Cards at desks over HTTPS: an enrolled device gives the card's answers, and gets the next command.

    POST /device/{device}/cards/talks           begin: an order, and the card's number in the air
    POST /device/{device}/cards/talks/{name}    go on: what came of the last command

Rules:
- Only a device of this hub asks, by a MAC over path and body; what it may ask is its kind's (`Order`).
- What goes back are commands for the card, and in the end what came of the order. Never a key.
"""

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from card_reader.apdu.outcome import Doubt, Heard, NotSent, Unknown
from hub.api.errors import BodyTooLongError
from hub.api.problems import problem
from hub.domain.cards.orders import Order
from hub.domain.cards.verdict import Verdict
from hub.keys.registry import Registry
from hub.relay.relay import Next, Relay
from shared.model.errors import VentanillaError
from shared.protocol import mac
from shared.protocol.parsing import encode
from shared.protocol.relay import BODY_BYTES_MAX, Answer, Begin, Failed, mac_topic

_HEADERS: Final = {"Cache-Control": "no-store"}


def cards_router(relay: Relay, registry: Registry) -> APIRouter:
    """Return the routes of cards at desks."""
    router = APIRouter(prefix="/device/{device}/cards", tags=["cards"])

    @router.post("/talks")
    async def begin(device: str, request: Request) -> Response:
        """Begin a talk with the card in a desk's field; a device asks."""

        def work(body: bytes) -> Next | Verdict:
            asked = Begin.from_body(body)
            kind = registry.device(device).kind
            return relay.begin(device, kind, asked.uid, Order.from_data(asked.order))

        return await _answer(device, request, registry, work)

    @router.post("/talks/{name}")
    async def go_on(device: str, name: str, request: Request) -> Response:
        """Give what came of the last command; a device asks."""

        def work(body: bytes) -> Next | Verdict:
            said = Answer.from_body(body)
            return relay.heard(device, name, said.n, _heard(said.heard))

        return await _answer(device, request, registry, work)

    return router


async def _answer(
    device: str, request: Request, registry: Registry, work: Callable[[bytes], Next | Verdict]
) -> Response:
    """Read the body, check who sent it, and do the work outside the event loop: it waits for the disk."""
    try:
        message = await _read(request)
        body = mac.open_message(registry.keys_of(device), mac_topic(request.url.path), message)
        step = await run_in_threadpool(work, body)
    except VentanillaError as error:
        return problem(error)
    said: dict[str, Any] = (
        {"verdict": step.to_data()}
        if isinstance(step, Verdict)
        else {"talk": step.talk, "n": step.n, "command": step.command.hex()}
    )
    return Response(encode(said), media_type="application/json", headers=_HEADERS)


def _heard(came: bytes | Failed) -> Heard:
    match came:
        case Failed.NOT_SENT:
            return NotSent()
        case Failed.NO_ANSWER:
            return Unknown(Doubt.NO_ANSWER)
        case answer:
            return answer


async def _read(request: Request) -> bytes:
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > BODY_BYTES_MAX:
            raise BodyTooLongError(BodyTooLongError.__doc__)
    return content
