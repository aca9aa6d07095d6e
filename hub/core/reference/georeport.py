"""The reference core's Open311 GeoReport v2, in JSON: services, requests, tokens.

Here: the routes and what a plain server leaves out. Not here: XML, fetching media, and the check that a
request has a place and answers its service's questions, which many cities' servers leave to people too.
Updates of requests are in updates.py.

A plain server knows the standard and nothing else: no idempotency keys, no attributes in its listing, no
filter by reference, no pages; it lists the newest requests up to its limit and does not say that there are
more.

Source: Open311 GeoReport v2, all six methods.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.core.reference.faults import Faults
from hub.core.reference.misbehaviour import answer
from hub.core.reference.store import Fields, FiledRequest, Listing, Store

LISTING_DAYS = 90
PAGE_ROWS = 50
PAGE_ROWS_MAX = 200
REFERENCE = "ventanilla_reference"
SEVERAL = "][]"
"""How the name of an attribute with several values ends."""
REFERENCE_FIELD = f"attribute[{REFERENCE}]"
MEDIA = "media_url"
TOKEN = "token-"  # noqa: S105  a receipt of GeoReport, no secret
SERVICES: Sequence[tuple[str, str, str]] = (
    ("alumbrado", "Alumbrado público", "Vía pública"),
    ("aceras", "Desperfecto en acera", "Vía pública"),
    ("calzadas", "Desperfecto en calzada", "Vía pública"),
    ("limpieza", "Limpieza viaria", "Limpieza"),
    ("residuos", "Contenedores y residuos", "Limpieza"),
    ("arbolado", "Parques y arbolado", "Zonas verdes"),
    ("mobiliario", "Mobiliario urbano", "Vía pública"),
    ("transporte", "Paradas y transporte", "Movilidad"),
)


QUESTIONS: Mapping[str, Sequence[tuple[str, str, Sequence[str]]]] = {
    "alumbrado": (("farola", "¿Qué número tiene la farola?", ()),),
    "residuos": (("contenedor", "¿De qué es el contenedor?", ("Papel", "Vidrio", "Envases", "Resto")),),
}
"""By service: code, text, and what may be chosen, or nothing for a text. None has to be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoReportSettings:
    """What kind of GeoReport server this is.

    Attributes:
        api_key: asked of whoever posts; empty: of nobody.
        plain: knows the standard and nothing else.
        lists: whether GET requests is offered at all.
        rows_max: rows in one answer where there are no pages.
        tokens_after_ms: posts are answered with a token, and numbered after this; None: numbered at once.
    """

    api_key: str = field(default="", repr=False)
    plain: bool = False
    lists: bool = True
    rows_max: int = 1000
    tokens_after_ms: int | None = None


def georeport_routes(store: Store, faults: Faults, settings: GeoReportSettings) -> list[Route]:
    """The routes of GeoReport.

    Args:
        store: where requests are filed.
        faults: the orders to misbehave.
        settings: what kind of server this is.
    """

    async def services(_: Request) -> Response:
        return await answer(faults, lambda: _json(_services(store)), reads=True)

    async def definition(request: Request) -> Response:
        code = str(request.path_params["code"])
        return await answer(faults, lambda: _definition(code), reads=True)

    async def post_request(request: Request) -> Response:
        fields = read_form(await request.body())
        key = None if settings.plain else request.headers.get("idempotency-key")
        return await answer(faults, lambda: _post(store, settings, fields, key))

    async def list_requests(request: Request) -> Response:
        query, own = dict(request.query_params), str(request.base_url)
        return await answer(faults, lambda: _list(store, settings, query, own), reads=True)

    async def one_request(request: Request) -> Response:
        number = str(request.path_params["number"])
        query, own = {"service_request_id": number}, str(request.base_url)
        return await answer(faults, lambda: _list(store, settings, query, own), reads=True)

    async def repair(request: Request) -> Response:
        found = store.repair(int(request.path_params["number"]))
        return (
            _error(404, "there is no picture") if found is None else Response(found, media_type="image/jpeg")
        )

    async def one_token(request: Request) -> Response:
        token = str(request.path_params["token"])
        return await answer(faults, lambda: _redeem(store, settings, token), reads=True)

    return [
        Route("/services.json", services),
        Route("/services/{code}.json", definition),
        Route("/requests.json", post_request, methods=["POST"]),
        Route("/requests.json", list_requests),
        Route("/requests/{number:int}.json", one_request),
        Route("/tokens/{token}.json", one_token),
        Route("/repairs/{number:int}.jpg", repair),
    ]


def _post(store: Store, settings: GeoReportSettings, fields: Fields, key: str | None) -> Response:
    if settings.api_key and fields.get("api_key") != settings.api_key:
        return _error(403, "the api_key is missing or wrong")
    if not fields.get("service_code"):
        return _error(400, "service_code was not provided")
    kept = {name: value for name, value in fields.items() if name != "api_key"}
    number = store.file_request(kept, key, _now_ms())
    if settings.tokens_after_ms is not None:
        return _json([{"token": f"{TOKEN}{number}", "service_notice": None, "account_id": None}], 201)
    return _json([{"service_request_id": str(number), "service_notice": None, "account_id": None}], 201)


def _redeem(store: Store, settings: GeoReportSettings, token: str) -> Response:
    number = token.removeprefix(TOKEN)
    ids = (int(number),) if number.isascii() and number.isdecimal() else (0,)
    found = store.list_requests(Listing(ids=ids, start_ms=0, end_ms=_now_ms(), limit=1))
    if not found:
        return _error(404, "no such token")
    ready = _now_ms() >= found[0].requested_ms + (settings.tokens_after_ms or 0)
    return _json([{"token": token, "service_request_id": number if ready else None}])


def _list(store: Store, settings: GeoReportSettings, query: Mapping[str, str], own: str) -> Response:
    if not settings.lists:
        return _error(404, "this server does not list requests")
    now_ms = _now_ms()
    try:
        page, rows = _read_page(settings, query)
        listing = Listing(
            ids=[int(number) for number in _words(query.get("service_request_id"))],
            service_codes=_words(query.get("service_code")),
            start_ms=_read_instant(query.get("start_date"), _first_ms(query, now_ms)),
            end_ms=_read_instant(query.get("end_date"), now_ms),
            reference="" if settings.plain else query.get(REFERENCE_FIELD, ""),
            limit=rows,
            offset=(page - 1) * rows,
        )
    except ValueError:
        return _error(400, "a filter is not in the form of the standard")
    return _json([_row(store, settings, filed, query, own) for filed in store.list_requests(listing)])


def _first_ms(query: Mapping[str, str], now_ms: int) -> int:
    """Whoever names requests gets them, however old they are."""
    return 0 if query.get("service_request_id") else now_ms - LISTING_DAYS * 86_400_000


def _row(
    store: Store, settings: GeoReportSettings, filed: FiledRequest, query: Mapping[str, str], own: str
) -> dict[str, object]:
    """A request as anyone may see it: never whose it was."""
    instant = datetime.fromtimestamp(filed.requested_ms // 1000, UTC).isoformat()
    fields, standing = filed.fields, filed.standing
    row: dict[str, object] = {
        "service_request_id": str(filed.id),
        "status": "open" if standing is None else standing.status,
        "status_notes": None if standing is None else standing.notes,
        "service_name": _service_names().get(filed.service_code, filed.service_code),
        "service_code": filed.service_code,
        "description": fields.get("description"),
        "agency_responsible": None,
        "requested_datetime": instant,
        "updated_datetime": instant if standing is None else standing.updated,
        "address": fields.get("address_string"),
        "lat": _number(fields.get("lat")),
        "long": _number(fields.get("long")),
        "media_url": (fields.get(MEDIA) or "").partition("\n")[0] or None,
    }
    if store.repair(filed.id) is not None:
        row["media_url"] = f"{own}repairs/{filed.id}.jpg"
    if not settings.plain and query.get("extensions") == "true":
        row["attributes"] = {
            name.removeprefix("attribute[").removesuffix(SEVERAL).removesuffix("]"): (
                value.split("\n") if name.endswith(SEVERAL) else value
            )
            for name, value in fields.items()
            if name.startswith("attribute[")
        }
        row["extended_attributes"] = asdict(store.opinions(fields))
    return row


def _services(store: Store) -> Sequence[Mapping[str, object]]:
    known = [*SERVICES, *((code, code, "") for code in store.service_codes() if code not in _service_names())]
    return [
        {
            "service_code": code,
            "service_name": name,
            "description": name,
            "metadata": code in QUESTIONS,
            "type": "realtime",
            "keywords": "",
            "group": group,
        }
        for code, name, group in known
    ]


def _definition(code: str) -> Response:
    if code not in QUESTIONS:
        return _error(404, "this service has no definition")
    attributes = [
        {
            "variable": True,
            "code": name,
            "datatype": "singlevaluelist" if choices else "string",
            "required": False,
            "datatype_description": None,
            "order": number,
            "description": text,
            **(
                {"values": [{"key": choice.lower(), "name": choice} for choice in choices]} if choices else {}
            ),
        }
        for number, (name, text, choices) in enumerate(QUESTIONS[code], 1)
    ]
    return _json({"service_code": code, "attributes": attributes})


def _service_names() -> Mapping[str, str]:
    return {code: name for code, name, _ in SERVICES}


def read_form(body: bytes) -> Fields:
    """The posted form; of a repeated name the last value counts, what may be several is taken a line each."""
    pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    several: dict[str, list[str]] = {}
    for name, value in pairs:
        if value and (name == MEDIA or name.endswith(SEVERAL)):
            several.setdefault(name, []).append(value)
    return {**dict(pairs), **{name: "\n".join(values) for name, values in several.items()}}


def _read_page(settings: GeoReportSettings, query: Mapping[str, str]) -> tuple[int, int]:
    if settings.plain:
        return 1, settings.rows_max
    rows = min(int(query.get("page_size", PAGE_ROWS)), PAGE_ROWS_MAX)
    return max(1, int(query.get("page", "1"))), max(1, rows)


def _read_instant(text: str | None, otherwise_ms: int) -> int:
    if not text:
        return otherwise_ms
    instant = datetime.fromisoformat(text)
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() * 1000)


def _words(text: str | None) -> Sequence[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _json(value: object, status: int = 200) -> Response:
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(content=content, status_code=status, media_type="application/json; charset=utf-8")


def _error(status: int, description: str) -> Response:
    return _json([{"code": status, "description": description}], status)
