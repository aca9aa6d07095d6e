"""Doing what a fault says to one request: waiting, dying, or answering wrongly around the effect.

Here: the effect is one call that commits and gives the right answer. Not here: which fault is due
(faults.py).
"""

import asyncio
import math
import os
import time
from collections.abc import Callable
from typing import assert_never

from starlette.responses import Response

from hub.core.reference.faults import Fault, Faults, Mode, Takes

EXIT_CRASHED = 70
GARBAGE = b"<html><body>Servicio en mantenimiento</body></html>"


async def answer(faults: Faults, act: Callable[[], Response], *, reads: bool = False) -> Response:
    """Answer one request as the order in force says.

    Args:
        faults: the orders.
        act: makes the request take effect, commits, and gives the right answer.
        reads: whether the request changes nothing.

    Returns:
        The right answer or a wrong one. A crash does not return.
    """
    fault = faults.meet(reads=reads, now_s=time.monotonic())
    faults.under_way += 1
    try:
        return await _answer(fault, act)
    finally:
        faults.under_way -= 1


async def _answer(fault: Fault, act: Callable[[], Response]) -> Response:
    right = act() if fault.takes is Takes.BEFORE else None
    match fault.mode:
        case Mode.OK:
            pass
        case Mode.SLOW | Mode.LATE:
            await asyncio.sleep(fault.delay_ms / 1000)
        case Mode.CRASH:
            os._exit(EXIT_CRASHED)
        case Mode.REFUSE:
            return Response(status_code=500)
        case Mode.CONFLICT:
            return Response(status_code=409)
        case Mode.GARBAGE:
            return Response(content=GARBAGE, media_type="text/html")
        case Mode.TOO_MANY:
            pause_s = max(1, math.ceil(fault.delay_ms / 1000))
            return Response(status_code=429, headers={"retry-after": str(pause_s)})
        case _:
            assert_never(fault.mode)
    return right or act()
