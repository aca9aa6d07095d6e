"""The reference core's back door: orders to misbehave, and the count of what took effect.

Orders and the journal ask for the control token; without one at start they don't exist. The count is open: it
names nothing and nobody.
"""

import secrets
import time
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from hub.core.reference.faults import USUAL, Fault, Faults, Mode, Takes
from hub.core.reference.store import Store

JOURNAL_ROWS_MAX = 10_000
DELAY_MS_MAX = 3_600_000


class Order(BaseModel):
    """An order to misbehave, as it is posted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode
    delay_ms: int = Field(default=0, ge=0, le=DELAY_MS_MAX)
    for_s: float | None = Field(default=None, ge=0)
    count: int | None = Field(default=None, ge=0)
    takes: Takes | None = None
    reads_too: bool = False

    def fault(self) -> Fault:
        """The order in the words of faults.py."""
        return Fault(
            mode=self.mode,
            takes=self.takes or USUAL[self.mode],
            delay_ms=self.delay_ms,
            for_s=self.for_s,
            count=self.count,
            reads_too=self.reads_too,
        )


def control_routes(store: Store, faults: Faults, token: str) -> APIRouter:
    """The routes of control and count.

    Args:
        store: what took effect.
        faults: where orders go.
        token: who may give orders; empty: nobody.
    """
    router = APIRouter()

    def check(authorization: str) -> None:
        if not token:
            raise HTTPException(404)
        if not secrets.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401)

    @router.post("/control")
    async def control(order: Order, authorization: Annotated[str, Header()] = "") -> dict[str, str]:
        check(authorization)
        faults.order(order.fault(), time.monotonic())
        return {"mode": order.mode}

    @router.get("/effects")
    async def effects() -> dict[str, object]:
        return store.reckon()

    @router.get("/effects/journal")
    async def journal(
        after: int = 0, limit: int = JOURNAL_ROWS_MAX, authorization: Annotated[str, Header()] = ""
    ) -> list[dict[str, object]]:
        check(authorization)
        return list(store.journal(after, min(limit, JOURNAL_ROWS_MAX)))

    return router
