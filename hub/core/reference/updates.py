"""The reference core's updates of requests, as FixMyStreet's extension of GeoReport has them, in JSON.

`POST /servicerequestupdates.json` adds to a request; an `update_id` that was here counts no second time and
is answered as the first. `GET` lists what came. A plain server knows neither.

Source: mySociety, "Open311 FMS - Proposed differences to Open311".
"""

import json
import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.core.reference.faults import Faults
from hub.core.reference.georeport import GeoReportSettings, read_form
from hub.core.reference.misbehaviour import answer
from hub.core.reference.store import Fields, Store
from hub.core.reference.update_store import RequestUpdate

PATH = "/servicerequestupdates.json"
REQUIRED = ("service_request_id", "update_id", "status", "updated_datetime", "description")
STATUSES = frozenset(
    {
        "OPEN",
        "FIXED",
        "IN_PROGRESS",
        "ACTION_SCHEDULED",
        "INVESTIGATING",
        "DUPLICATE",
        "NOT_COUNCILS_RESPONSIBILITY",
        "NO_FURTHER_ACTION",
        "INTERNAL_REFERRAL",
        "FOR_TRIAGE",
        "CLOSED",
        "CANCELLED",
        "REOPEN",
    }
)


def update_routes(store: Store, faults: Faults, settings: GeoReportSettings) -> list[Route]:
    """The routes of updates; none where the server is plain.

    Args:
        store: where they are kept.
        faults: the orders to misbehave.
        settings: what kind of server this is.
    """
    if settings.plain:
        return []

    async def post(request: Request) -> Response:
        fields = read_form(await request.body())
        return await answer(faults, lambda: _post(store, settings, fields))

    async def listed(_: Request) -> Response:
        return await answer(faults, lambda: _listed(store), reads=True)

    return [Route(PATH, post, methods=["POST"]), Route(PATH, listed)]


def _post(store: Store, settings: GeoReportSettings, fields: Fields) -> Response:
    if settings.api_key and fields.get("api_key") != settings.api_key:
        return _error(403, "the api_key is missing or wrong")
    lacking = [name for name in REQUIRED if not fields.get(name)]
    if lacking:
        return _error(400, f"{lacking[0]} was not provided")
    if fields["status"] not in STATUSES:
        return _error(400, "status is none of those that there are")
    number = fields["service_request_id"]
    update = RequestUpdate(
        request_id=int(number) if number.isascii() and number.isdecimal() else 0,
        update_id=fields["update_id"],
        fields={name: value for name, value in fields.items() if name != "api_key"},
    )
    taken = store.take_update(update, time.time_ns() // 1_000_000)
    if taken is None:
        return _error(404, "there is no such request")
    return _json([{"update_id": str(taken), "account_id": None}])


def _listed(store: Store) -> Response:
    """Updates as anyone may see them."""
    return _json(
        [
            {
                "update_id": str(number),
                "service_request_id": str(update.request_id),
                "status": update.fields["status"].lower(),
                "updated_datetime": update.fields["updated_datetime"],
                "description": update.fields["description"],
                "media_url": update.fields.get("media_url", "").partition("\n")[0] or None,
            }
            for number, update in store.updates()
        ]
    )


def _json(value: object, status: int = 200) -> Response:
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(content=content, status_code=status, media_type="application/json; charset=utf-8")


def _error(status: int, description: str) -> Response:
    return _json([{"code": status, "description": description}], status)
