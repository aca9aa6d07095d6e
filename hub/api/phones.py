"""What phones and browsers fetch of beacons, without saying who they are.

    GET /beacons/<district>/keys        which beacons stand there: a signed bundle
    GET /beacons/<district>/notices     what is said there: a signed bundle
    GET /b/<place>?lang=ca              a page for people: what is said here now
    GET /b/place.css, /b/place.js       its look, and what keeps interests in the browser

Open to everyone. Rules:
- An answer is the same for everybody who asks in the same language: no cookie, no token, no number that tells
  phones apart; and one address for a whole district says nothing of where in it somebody is.
- How much is asked is measured of all together. Who asks is looked at nowhere, and kept nowhere.
- The page runs no script and shows no style but the hub's own, and its script may send nothing.
"""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Response

from hub.api.errors import NoSuchThingError, TooManyPhonesError
from hub.api.patience import Measure, Patience
from hub.api.place_files import SCRIPT, style
from hub.api.place_page import Shown, no_place_page, place_page
from hub.fleet.phone_press import Made, PhonePress
from shared.model.codes import DISTRICT_LENGTH_MAX, PLACE_LENGTH_MAX, PLACE_LENGTH_MIN, is_code
from shared.model.wording import Language

ASKS: Final = Measure(size=1_000, every_ms=10)
"""Of everybody together: a thousand at once, then a hundred a second, which is more than the hub's line."""
_ALL: Final = "everybody"
_BUNDLE_AGE_S: Final = 900
_PAGE_AGE_S: Final = 60
_FILE_AGE_S: Final = 3_600
_PAGE_HEADERS: Final = {
    "Cache-Control": f"public, max-age={_PAGE_AGE_S}",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language",
    "X-Content-Type-Options": "nosniff",
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {}}, "description": "The signed bundle, its body in it."},
    304: {"description": "The caller has it."},
}
_PAGE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/html": {}}, "description": "The page."},
    404: {"content": {"text/html": {}}, "description": "A page that says that there is no such place."},
    410: {"content": {"text/html": {}}, "description": "A page that says that it is out of use."},
}


def phones_router(phones: PhonePress, town: str, clock: Callable[[], int]) -> APIRouter:
    """Return the routes of phones.

    Args:
        phones: makes what they get.
        town: what the town is called.
        clock: the hub's time, Unix epoch in milliseconds.
    """
    router = APIRouter(tags=["phones"])
    patience = Patience(ASKS)
    sheet = style()

    def ask() -> None:
        now_ms = clock()
        if not patience.is_left(_ALL, now_ms):
            raise TooManyPhonesError(TooManyPhonesError.__doc__)
        patience.spend(_ALL, now_ms)

    @router.get("/beacons/{district}/keys", response_class=Response, responses=_ANSWERS)
    def keys(district: str, if_none_match: Annotated[str, Header()] = "") -> Response:
        """Which beacons stand in a district, and how a phone knows them; anybody asks."""
        ask()
        return _bundle(phones.keys_bundle(district), district, if_none_match)

    @router.get("/beacons/{district}/notices", response_class=Response, responses=_ANSWERS)
    def notices(district: str, if_none_match: Annotated[str, Header()] = "") -> Response:
        """What is said at the beacons of a district; anybody asks."""
        ask()
        return _bundle(phones.notices_bundle(district), district, if_none_match)

    @router.get("/b/place.css", response_class=Response, responses={200: {"content": {"text/css": {}}}})
    def look() -> Response:
        """How the page looks."""
        return _file(sheet, "text/css; charset=utf-8")

    @router.get("/b/place.js", response_class=Response, responses={200: {"content": {"text/javascript": {}}}})
    def script() -> Response:
        """What keeps interests in the browser; it sends nothing."""
        return _file(SCRIPT, "text/javascript; charset=utf-8")

    @router.get("/b/{code}", response_class=Response, responses=_PAGE)
    def place(
        code: str, lang: Language | None = None, accept_language: Annotated[str, Header()] = ""
    ) -> Response:
        """What is said at a place now: a page for people."""
        ask()
        language = lang or language_of(accept_language)
        found = phones.here(code) if is_code(code, PLACE_LENGTH_MIN, PLACE_LENGTH_MAX) else None
        if found is None or found[0].is_withdrawn:
            status = HTTPStatus.NOT_FOUND if found is None else HTTPStatus.GONE
            return _page(no_place_page(town, language, is_gone=found is not None), status)
        at, here, district = found
        shown = Shown(
            town=town, place=at, notices=here, interests=district.interests, language=language, now_ms=clock()
        )
        return _page(place_page(shown), HTTPStatus.OK)

    return router


def language_of(accepted: str) -> Language:
    """Return the language that a browser asks for first among those that there are; Spanish otherwise.

    Source: RFC 9110, section 12.5.4.
    """
    best, found = 0.0, Language.ES
    for part in accepted[:200].split(","):
        name, _, more = part.strip().partition(";")
        weight = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", more) if more else None
        quality = float(weight[1]) if weight else (0.0 if more else 1.0)
        main = name.strip().lower().partition("-")[0]
        if quality > best and main in set(Language):
            best, found = quality, Language(main)
    return found


def _bundle(made: Made | None, district: str, if_none_match: str) -> Response:
    if made is None or not is_code(district, 1, DISTRICT_LENGTH_MAX):
        raise NoSuchThingError(NoSuchThingError.__doc__)
    headers = {"ETag": made.tag, "Cache-Control": f"public, max-age={_BUNDLE_AGE_S}"}
    if if_none_match == made.tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(made.message, media_type="application/json", headers=headers)


def _file(content: str, media_type: str) -> Response:
    headers = {"Cache-Control": f"public, max-age={_FILE_AGE_S}", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


def _page(content: str, status: HTTPStatus) -> Response:
    return Response(content, status_code=status, media_type="text/html; charset=utf-8", headers=_PAGE_HEADERS)
