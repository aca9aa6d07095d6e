"""What devices ask on citizens' behalf: how a report stands, and what is open near a place.

    GET /device/cases/{code}            how it stands, by the code on a receipt
    GET /device/cases/{code}/picture    the picture of its repair
    GET /device/nearby                  open reports around a place

Rules:
- Only a device of this hub asks, by a MAC over what it asks.
- No answer names anybody, or says what they wrote and where they live.
- A device asks so much and no more; who guesses at codes is stopped long before one is right.
"""

import threading
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel

from hub.api.errors import NoSuchThingError, TooManyQuestionsError
from hub.api.patience import QUESTIONS, WRONG_CODES, Patience
from hub.db.question_repository import Case, NearbyReport, find_case, find_picture, reports_near
from hub.db.writer import Writer
from hub.keys.registry import Registry
from shared.model.ids import check_reference
from shared.protocol.bundle import check_authorization
from shared.protocol.questions import CASES_PATH, NEARBY_PATH, PICTURE

Code = Annotated[str, Path(max_length=32)]
Degrees = Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False)]
ServiceCode = Annotated[str, Query(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]


_JPEG: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"image/jpeg": {}}, "description": "A small JPEG."}
}


class NearbyReports(BaseModel):
    """Open reports around a place, the nearest first."""

    reports: list[NearbyReport]


class Asking:
    """Who may ask, and how much; used by many threads."""

    def __init__(self, registry: Registry, clock: Callable[[], int]) -> None:
        """Take the registry, which knows devices' keys, and the hub's time."""
        self._registry = registry
        self._clock = clock
        self._questions = Patience(QUESTIONS)
        self._wrong_codes = Patience(WRONG_CODES)
        self._lock = threading.Lock()

    def device(self, request: Request, authorization: str) -> str:
        """Return the device that asks.

        Raises:
            MacError: it is none of this hub, or asks something else than it signed.
            TooManyQuestionsError: it has asked too much.
        """
        query = request.url.query
        path = f"{request.url.path}?{query}" if query else request.url.path
        device = check_authorization(authorization, path, self._registry.keys_of)
        now_ms = self._clock()
        with self._lock:
            if not self._questions.is_left(device, now_ms):
                raise TooManyQuestionsError(TooManyQuestionsError.__doc__)
            self._questions.spend(device, now_ms)
        return device

    def check_guesses(self, device: str) -> None:
        """Let a device ask about a code.

        Raises:
            TooManyQuestionsError: too many of its codes led nowhere.
        """
        with self._lock:
            if not self._wrong_codes.is_left(device, self._clock()):
                raise TooManyQuestionsError(TooManyQuestionsError.__doc__)

    def count_guess(self, device: str) -> None:
        """Count a code that led nowhere."""
        with self._lock:
            self._wrong_codes.spend(device, self._clock())


def questions_router(writer: Writer, registry: Registry, clock: Callable[[], int]) -> APIRouter:
    """Return the routes of devices' questions."""
    router = APIRouter(tags=["devices"])
    asking = Asking(registry, clock)

    @router.get(CASES_PATH + "/{code}")
    def case(request: Request, code: Code, authorization: Annotated[str, Header()] = "") -> Case:
        """How a report stands, by the code on its receipt; a device asks."""
        device = asking.device(request, authorization)
        wanted = check_reference(code)
        asking.check_guesses(device)
        with writer.read() as connection:
            found = find_case(connection, wanted)
        if found is None:
            asking.count_guess(device)
            raise NoSuchThingError(NoSuchThingError.__doc__)
        return found

    @router.get(CASES_PATH + "/{code}/" + PICTURE, response_class=Response, responses=_JPEG)
    def picture(request: Request, code: Code, authorization: Annotated[str, Header()] = "") -> Response:
        """The picture of a repair, by the code on the report's receipt; a device asks."""
        device = asking.device(request, authorization)
        wanted = check_reference(code)
        asking.check_guesses(device)
        with writer.read() as connection:
            found = find_picture(connection, wanted)
        if found is None:
            asking.count_guess(device)
            raise NoSuchThingError(NoSuchThingError.__doc__)
        return Response(found, media_type="image/jpeg", headers={"Cache-Control": "private, no-store"})

    @router.get(NEARBY_PATH)
    def nearby(
        request: Request,
        lat: Degrees,
        long: Degrees,
        service_code: ServiceCode,
        authorization: Annotated[str, Header()] = "",
    ) -> NearbyReports:
        """Open reports of a service around a place, as everybody may know them; a device asks."""
        asking.device(request, authorization)
        with writer.read() as connection:
            found = reports_near(connection, service_code, lat, long, clock())
        return NearbyReports(reports=list(found))

    return router
