"""For whoever keeps the hub running: does it live, does it work and if not why, and its figures."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0

from hub.api.metrics import HubCollector
from hub.api.parts import Parts, PartStatus


def health_router() -> APIRouter:
    """Return the route that says that the process lives, to anyone."""
    router = APIRouter(tags=["operations"])

    @router.get("/health")
    async def health() -> dict[str, bool]:
        """Whether the process lives; no more, and to anyone."""
        return {"alive": True}

    return router


def operations_router(parts: Parts, describe: Callable[[], dict[str, Any]]) -> APIRouter:
    """Return the routes of readiness, figures and the description of the API.

    Args:
        parts: the hub.
        describe: makes the OpenAPI description.
    """
    router = APIRouter(tags=["operations"])
    collector = HubCollector(parts)
    parts.registry.register(collector)

    @router.get("/ready")
    def ready(response: Response) -> dict[str, bool | list[PartStatus]]:
        """Whether every part works, and of each one that does not, why; 503 where one does not."""
        statuses = list(parts.statuses())
        is_ready = all(status.ready for status in statuses)
        response.status_code = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        return {"ready": is_ready, "parts": statuses}

    @router.get("/metrics")
    def metrics() -> Response:
        """Every figure, for Prometheus."""
        return Response(generate_latest(parts.registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_1_0_0})

    @router.get("/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return describe()

    return router
