"""Cards at desks over HTTPS: an enrolled device gives the card's answers, and gets the next command.

    POST /device/{device}/cards/talks           begin: an order, and the card's number in the air
    POST /device/{device}/cards/talks/{name}    go on: what came of the last command

Rules:
- Only a device of this hub asks, by a MAC over path and body; what it may ask is its kind's (`Order`).
- A kiosk's order comes sealed to the hub, and its verdict goes back under the same context.
- What goes back are commands for the card, and in the end what came of the order. Never a key.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from card_reader.apdu.outcome import Doubt, Heard, NotSent, Unknown
from hub.api.errors import BodyTooLongError
from hub.api.problems import problem
from hub.domain.cards.orders import Order
from hub.domain.cards.verdict import Verdict
from hub.keys.registry import Registry
from hub.relay.relay import Closed, Next, Relay
from shared.model.errors import InputError, VentanillaError
from shared.protocol import mac
from shared.protocol.parsing import encode, parse_object
from shared.protocol.relay import (
    BODY_BYTES_MAX,
    Answer,
    Begin,
    Failed,
    SealedBegin,
    mac_topic,
    order_place,
    verdict_place,
)
from shared.protocol.sealing import HubSealingKey, OpenedContext, SealError

ASKS_SEALED: Final = frozenset({"kiosk"})
"""Kinds of device that pass on what they must not read."""
Step = Next | Verdict | Closed
_HEADERS: Final = {"Cache-Control": "no-store"}


def cards_router(relay: Relay, registry: Registry, sealing: Sequence[HubSealingKey]) -> APIRouter:
    """Return the routes of cards at desks.

    Args:
        relay: holds talks.
        registry: knows who asks.
        sealing: the hub's keys that orders may be sealed to, the newest first.
    """
    router = APIRouter(prefix="/device/{device}/cards", tags=["cards"])

    @router.post("/talks")
    async def begin(device: str, request: Request) -> Response:
        """Begin a talk with the card in a desk's field; a device asks."""

        def work(body: bytes) -> Step:
            said, kind = parse_object(body), registry.device(device).kind
            if "sealed" not in said:
                if kind in ASKS_SEALED:
                    raise InputError("a kiosk seals what it asks of a card; update the sender")
                asked = Begin.from_body(body)
                return relay.begin(device, kind, asked.uid, Order.from_data(asked.order))
            asked, opened = _opened(device, SealedBegin.from_members(said), sealing)

            def seal(verdict: Verdict) -> str:
                return opened.answer(verdict_place(device), encode(verdict.to_data()))

            return relay.begin(device, kind, asked.uid, Order.from_data(asked.order), seal)

        return await _answer(device, request, registry, work)

    @router.post("/talks/{name}")
    async def go_on(device: str, name: str, request: Request) -> Response:
        """Give what came of the last command; a device asks."""

        def work(body: bytes) -> Step:
            said = Answer.from_body(body)
            return relay.heard(device, name, said.n, _heard(said.heard))

        return await _answer(device, request, registry, work)

    return router


async def _answer(
    device: str, request: Request, registry: Registry, work: Callable[[bytes], Step]
) -> Response:
    """Read the body, check who sent it, and do the work outside the event loop: it waits for the disk."""
    try:
        message = await _read(request)
        body = mac.open_message(registry.keys_of(device), mac_topic(request.url.path), message)
        step = await run_in_threadpool(work, body)
    except VentanillaError as error:
        return problem(error)
    return Response(encode(_said(step)), media_type="application/json", headers=_HEADERS)


def _said(step: Step) -> dict[str, Any]:
    match step:
        case Verdict():
            return {"verdict": step.to_data()}
        case Closed(sealed=sealed):
            return {"sealed": sealed}
        case Next():
            return {"talk": step.talk, "n": step.n, "command": step.command.hex()}


def _opened(device: str, asked: SealedBegin, keys: Sequence[HubSealingKey]) -> tuple[Begin, OpenedContext]:
    """Open a sealed order, with the newest key or one before it."""
    for place, key in enumerate(keys, 1):
        try:
            opened = key.open(device, asked.context)
        except SealError:
            if place == len(keys):
                raise
            continue
        return Begin.from_body(opened.open(order_place(device), asked.sealed)), opened
    raise SealError(SealError.__doc__)


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
