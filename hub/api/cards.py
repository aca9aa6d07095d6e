"""Cards at desks over HTTPS: an enrolled device gives the card's answers, and gets the next command.

    POST /device/{device}/cards/talks           begin: an order, and the card's number in the air
    POST /device/{device}/cards/talks/{name}    go on: what came of the last command

Rules:
- Only a device of this hub asks, by a MAC over path and body; what it may ask is its kind's (`Order`).
- A kiosk's order comes sealed to the hub, and its verdict goes back under the same context.
- A lost card is reported without one: the verdict comes at once. Too many reports of one kiosk that lead
  nowhere, and it hears nothing else for a while.
- What goes back are commands for the card, and in the end what came of the order. Never a key.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from card_reader.apdu.outcome import Doubt, Heard, NotSent, Unknown
from hub.api.errors import BodyTooLongError
from hub.api.patience import LOST_CARDS, Patience
from hub.api.problems import problem
from hub.domain.cards.orders import Do, Order
from hub.domain.cards.verdict import Said, Verdict
from hub.keys.registry import Registry
from hub.relay.lost_cards import LostCards
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


class Brake:
    """Lets a kiosk report lost cards, and stops it where too many reports led nowhere; used by many threads.

    Args:
        relay: counts what came of reports.
        lost_cards: blocks cards.
        clock: the hub's time, Unix epoch in milliseconds.
    """

    def __init__(self, relay: Relay, lost_cards: LostCards, clock: Callable[[], int]) -> None:
        self._relay = relay
        self._lost_cards = lost_cards
        self._clock = clock
        self._left = Patience(LOST_CARDS)
        self._lock = threading.Lock()

    def lost(self, device: str, kind: str, order: Order) -> Verdict:
        """Block a lost card; one report at a time, so that what is missed at one moment counts too."""
        with self._lock:
            if self._left.is_left(device, self._clock()):
                verdict = self._lost_cards.reported(device, kind, order)
            else:
                verdict = Verdict(said=Said.TOO_MANY)
            if verdict.said is Said.NO_MATCH:
                self._left.spend(device, self._clock())
        self._relay.count(verdict)
        return verdict


def cards_router(
    relay: Relay, brake: Brake, registry: Registry, sealing: Sequence[HubSealingKey]
) -> APIRouter:
    """Return the routes of cards at desks.

    Args:
        relay: holds talks.
        brake: lets lost cards be reported.
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

            order = Order.from_data(asked.order)
            if order.do is Do.LOST:
                return Closed(sealed=seal(brake.lost(device, kind, order)))
            return relay.begin(device, kind, asked.uid, order, seal)

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
