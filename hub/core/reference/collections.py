"""The reference core's batches: settlements, notices, mail and CloudEvents, each item once for its key.

Here: reading a batch and answering item by item. Not here: what is counted (store.py).

Rules: a key counts once for ever, whatever the batch it comes in. The same key with another body is a
conflict, which says what money is held. An item that is no item is refused alone; a body that is no batch is
refused whole. `GET /mailbox?key=…,…` says how items of the mailbox stand, and what was answered.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.core.reference.faults import Faults
from hub.core.reference.misbehaviour import answer
from hub.core.reference.store import Item, Store
from shared.model.errors import InputError
from shared.model.money import Money

COLLECTIONS = ("settlements", "notices", "mailbox")
EVENTS = "events"
ITEMS_MAX = 100


def collection_routes(store: Store, faults: Faults, api_key: str) -> list[Route]:
    """The routes of the batches.

    Args:
        store: where effects are kept.
        faults: the orders to misbehave.
        api_key: asked for as a bearer token; empty: of nobody.
    """

    def route(kind: str, count: Callable[[bytes], Response]) -> Route:
        async def take(request: Request) -> Response:
            if api_key and request.headers.get("authorization") != f"Bearer {api_key}":
                return Response(status_code=401)
            body = await request.body()
            return await answer(faults, lambda: count(body))

        return Route(f"/{kind}", take, methods=["POST"])

    async def answers(request: Request) -> Response:
        if api_key and request.headers.get("authorization") != f"Bearer {api_key}":
            return Response(status_code=401)
        keys = request.query_params.get("key", "").split(",")
        return await answer(faults, lambda: _answers(store, keys), reads=True)

    return [
        *(route(kind, partial(_take, store, kind)) for kind in COLLECTIONS),
        route(EVENTS, partial(_take_events, store)),
        Route("/mailbox", answers),
    ]


def _answers(store: Store, keys: Sequence[str]) -> Response:
    if len(keys) > ITEMS_MAX:
        return _json({"error": f"a question names {ITEMS_MAX} keys at most; ask in parts"}, 400)
    items = [
        {"key": key, "status": "open"}
        if said is None
        else {
            "key": key,
            "status": said.status,
            "answer": said.answer,
            "answered_datetime": said.answered,
        }
        for key, said in store.mail_answers(keys)
    ]
    return _json({"items": items}, 200)


def _take(store: Store, kind: str, body: bytes) -> Response:
    try:
        raw = _read_batch(body)
    except InputError as error:
        return _json({"error": str(error)}, 400)
    answers: list[dict[str, object]] = [
        {"key": str(_member(item, "key")), "result": "refused"} for item in raw
    ]
    places: list[int] = []
    items: list[Item] = []
    for place, one in enumerate(raw):
        try:
            items.append(_read_item(kind, one))
            places.append(place)
        except InputError as error:
            answers[place]["reason"] = str(error)
    taken = store.take(kind, items, time.time_ns() // 1_000_000)
    for place, one in zip(places, taken, strict=True):
        answers[place] |= {"result": one.result, "core_ref": f"{kind[0].upper()}-{one.number}"}
        if one.held is not None:
            answers[place]["held"] = dict(one.held)
    return _json({"items": answers}, 200)


def _take_events(store: Store, body: bytes) -> Response:
    """Count a batch of CloudEvents; one event of which is none refuses it whole.

    Source: CloudEvents 1.0.2, JSON event format, section 4 (batches); `source` and `id` tell events apart.
    """
    try:
        items = [_read_event(one) for one in _read_events(body)]
    except InputError as error:
        return _json({"error": str(error)}, 400)
    store.take(EVENTS, items, time.time_ns() // 1_000_000)
    return Response(status_code=202)


def _read_events(body: bytes) -> Sequence[object]:
    try:
        events = cast("object", json.loads(body))
    except ValueError as error:
        raise InputError("a batch of CloudEvents is JSON; send a list") from error
    if not isinstance(events, list) or not 1 <= len(cast("list[object]", events)) <= ITEMS_MAX:
        raise InputError(f"a batch is a list of 1 to {ITEMS_MAX} CloudEvents; send it in parts")
    return cast("list[object]", events)


def _read_event(raw: object) -> Item:
    named = [_member(raw, name) for name in ("source", "id", "type", "specversion")]
    if _member(raw, "specversion") != "1.0" or not all(isinstance(one, str) and one for one in named):
        raise InputError("a CloudEvent has specversion 1.0, source, id and type; send them all")
    source, event_id, *_ = cast("list[str]", named)
    subject = str(_member(raw, "subject") or source)
    return Item(key=f"{source} {event_id}", aggregate=subject, body=cast("Mapping[str, object]", raw))


def _read_batch(body: bytes) -> Sequence[object]:
    try:
        batch = cast("object", json.loads(body))
    except ValueError as error:
        raise InputError("a batch is JSON; send an object with items") from error
    items = _member(batch, "items")
    if not isinstance(items, list) or not 1 <= len(cast("list[object]", items)) <= ITEMS_MAX:
        raise InputError(f"a batch has 1 to {ITEMS_MAX} items; send it in parts")
    return cast("list[object]", items)


def _read_item(kind: str, raw: object) -> Item:
    key, body = _member(raw, "key"), _member(raw, "body")
    if not isinstance(key, str) or not key or not isinstance(body, dict):
        raise InputError("an item has a key and a body; send both")
    fields = cast("Mapping[str, object]", body)
    aggregate = str(_member(raw, "aggregate") or key)
    if kind != "settlements":
        return Item(key=key, aggregate=aggregate, body=fields)
    money = Money(cast("int", fields.get("amount_minor")), cast("str", fields.get("currency")))
    return Item(
        key=key,
        aggregate=aggregate,
        body=fields,
        amount_minor=money.amount_minor,
        currency=money.currency,
    )


def _member(raw: object, name: str) -> object:
    return cast("Mapping[str, object]", raw).get(name) if isinstance(raw, dict) else None


def _json(value: object, status: int) -> Response:
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(content=content, status_code=status, media_type="application/json; charset=utf-8")
