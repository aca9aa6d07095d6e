"""The reference core's back door: orders to misbehave, and the count of what took effect.

`POST /control` takes `{"mode": …, "delay_ms"?, "for_s"?, "count"?, "takes"?, "reads_too"?}`, the words of
faults.py. `GET /effects` gives the count of each kind, how many of them are duplicates, the money, and how
many requests are under way: while some are, the count may still grow. `POST /requests/status` takes
`{"reference": …, "status": …, "notes"?, "updated"?, "picture"?}`, what a clerk of the back office would do.
`GET /mail?after=` lists what citizens wrote and said; `POST /mail/answers` takes `{"reference": …, "status"?,
"answer"?, "answered"?}`, what a clerk answers to it. All but the count ask for the control token; without one
at start they don't exist. The count is open: it names nothing and nobody.
"""

import base64
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.core.reference.faults import USUAL, Fault, Faults, Mode, Takes
from hub.core.reference.mail_store import MailAnswer
from hub.core.reference.store import Standing, Store

JOURNAL_ROWS_MAX = 10_000
DELAY_MS_MAX = 3_600_000
COUNT_MAX = 1_000_000
WORDS = frozenset({"mode", "delay_ms", "for_s", "count", "takes", "reads_too"})


Check = Callable[[Request], None]
"""Lets a request pass, or refuses it."""


def make_check(token: str) -> Check:
    """Let pass who shows the control token; empty: nobody."""

    def check(request: Request) -> None:
        if not token:
            raise HTTPException(404)
        given = request.headers.get("authorization", "")
        if not secrets.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401)

    return check


def control_routes(store: Store, faults: Faults, token: str) -> list[Route]:
    """The routes of control and count.

    Args:
        store: what took effect.
        faults: where orders go.
        token: who may give orders; empty: nobody.
    """
    check = make_check(token)

    async def control(request: Request) -> Response:
        check(request)
        try:
            fault = read_order(cast("object", await request.json()))
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        faults.order(fault, time.monotonic())
        return JSONResponse({"mode": fault.mode})

    async def put_status(request: Request) -> Response:
        check(request)
        order = cast("Mapping[str, object]", await request.json())
        number = store.find_number(str(order.get("reference")))
        notes = order.get("notes")
        standing = Standing(
            status=str(order.get("status")),
            notes=None if notes is None else str(notes),
            updated=str(order.get("updated") or datetime.now(UTC).isoformat(timespec="seconds")),
        )
        if number is None or not store.put_standing(number, standing):
            raise HTTPException(404, "no request has this reference")
        if isinstance(picture := order.get("picture"), str):
            store.put_repair(number, base64.b64decode(picture))
        return JSONResponse({"service_request_id": str(number)})

    async def effects(_: Request) -> Response:
        return JSONResponse({**store.reckon(), "under_way": faults.under_way})

    async def journal(request: Request) -> Response:
        check(request)
        after = request.query_params.get("after", "0")
        return JSONResponse(store.journal(int(after) if after.isdecimal() else 0, JOURNAL_ROWS_MAX))

    return [
        *_mail_routes(store, check),
        Route("/control", control, methods=["POST"]),
        Route("/requests/status", put_status, methods=["POST"]),
        Route("/effects", effects),
        Route("/effects/journal", journal),
    ]


def _mail_routes(store: Store, check: Check) -> list[Route]:
    async def mail(request: Request) -> Response:
        check(request)
        after = request.query_params.get("after", "0")
        return JSONResponse(store.mail(int(after) if after.isdecimal() else 0, JOURNAL_ROWS_MAX))

    async def put_answer(request: Request) -> Response:
        check(request)
        order = cast("Mapping[str, object]", await request.json())
        said = MailAnswer(
            status=str(order.get("status") or "closed"),
            answer=None if (text := order.get("answer")) is None else str(text),
            answered=str(order.get("answered") or datetime.now(UTC).isoformat(timespec="seconds")),
        )
        if not store.answer_mail(str(order.get("reference")), said):
            raise HTTPException(404, "nothing in the mailbox has this reference")
        return JSONResponse({"reference": order.get("reference")})

    return [Route("/mail", mail), Route("/mail/answers", put_answer, methods=["POST"])]


def read_order(raw: object) -> Fault:
    """Read an order to misbehave.

    Args:
        raw: the posted JSON.

    Returns:
        The order in the words of faults.py.

    Raises:
        ValueError: a word is not known, or a number is none or out of range.
    """
    if not isinstance(raw, dict) or not WORDS.issuperset(cast("Mapping[str, object]", raw)):
        raise ValueError(f"an order has the words {', '.join(sorted(WORDS))}")
    order = cast("Mapping[str, object]", raw)
    mode = Mode(cast("str", order.get("mode")))
    takes, count, for_s = order.get("takes"), order.get("count"), order.get("for_s")
    return Fault(
        mode=mode,
        takes=USUAL[mode] if takes is None else Takes(cast("str", takes)),
        delay_ms=int(_number(order.get("delay_ms", 0), DELAY_MS_MAX)),
        for_s=None if for_s is None else _number(for_s, DELAY_MS_MAX),
        count=None if count is None else int(_number(count, COUNT_MAX)),
        reads_too=order.get("reads_too") is True,
    )


def _number(value: object, largest: int) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= largest:
        raise ValueError(f"a number of an order is between 0 and {largest}")
    return value
