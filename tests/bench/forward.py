"""How fast the forwarder clears a backlog: batches against one per request, parallel reports against serial.

Everything is measured on a reference core in a process of its own that takes 5 ms for each request. Ours is
the whole way: taken from the database, counted, sent, the answer written back. Batches are compared with
something that does less: one effect per request over one kept-alive connection, without any database.
Reports in parallel are compared with the same way for one report at a time.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from hub.core.open311 import Open311Connector, Open311Settings
from hub.core.port import Done, Effect
from hub.core.settlements import settlements_connector
from hub.forwarder.worker import Forwarder
from tests.support.outgoing_work import OutgoingWork, effect_key
from tests.support.reference_core import ReferenceCore

ROUNDS = 15
CORE_MS = 5
SETTLEMENTS = 400
REPORTS = 64
SINGLES = 16

Round = Callable[[int], Awaitable[float]]
"""Takes the number of the round, returns effects per second."""


def run() -> list[dict[str, object]]:
    """Measure.

    Returns:
        Rows of `bench.json`: name, value, unit, against, ratio.
    """
    with tempfile.TemporaryDirectory() as folder:
        places = Path(folder, "hub"), Path(folder, "core")
        for place in places:
            place.mkdir()
        with OutgoingWork(places[0]) as work, ReferenceCore(places[1]) as core:
            core.order("slow", delay_ms=CORE_MS)
            return asyncio.run(_measure(work, core))


async def _measure(work: OutgoingWork, core: ReferenceCore) -> list[dict[str, object]]:
    parallel = Open311Connector(Open311Settings(endpoint=core.endpoint()))
    serial = Open311Connector(Open311Settings(endpoint=core.endpoint(), parallel_max=1))
    serial.name = "serial"
    single = settlements_connector(core.endpoint())
    forwarder = Forwarder([settlements_connector(core.endpoint()), parallel, serial], work.writer)
    forwarding = asyncio.ensure_future(forwarder.run())

    async def forward(connector: str, count: int) -> float:
        loop = forwarder.loops[connector]
        goal = loop.forwarded + count
        began_s = time.perf_counter()
        forwarder.wake()
        while loop.forwarded < goal:  # noqa: ASYNC110  the counter is what the forwarder shows
            await asyncio.sleep(0.001)
        return count / (time.perf_counter() - began_s)

    async def settle_in_batches(number: int) -> float:
        work.add_settlements([f"settlement-{number}-{one}" for one in range(SETTLEMENTS)])
        return await forward("settlements", SETTLEMENTS)

    async def settle_one_by_one(number: int) -> float:
        effects = [_settlement(f"single-{number}-{one}") for one in range(SINGLES)]
        began_s = time.perf_counter()
        results = [result for effect in effects for result in await single.deliver([effect])]
        took_s = time.perf_counter() - began_s
        assert all(isinstance(result, Done) for result in results)
        return SINGLES / took_s

    async def report_in_parallel(number: int) -> float:
        work.add_reports([f"parallel-{number}-{one}" for one in range(REPORTS)])
        return await forward("open311", REPORTS)

    async def report_one_by_one(number: int) -> float:
        work.add_reports([f"serial-{number}-{one}" for one in range(SINGLES)], connector="serial")
        return await forward("serial", SINGLES)

    rows = [
        await _compare("forward.catch_up", settle_in_batches, settle_one_by_one),
        await _compare("forward.open311", report_in_parallel, report_one_by_one),
    ]
    await single.close()
    forwarder.stop()
    await forwarding
    assert core.effects()["duplicates"] == 0
    return rows


async def _compare(name: str, ours: Round, other: Round) -> dict[str, object]:
    """Measure both in turn, so that whatever else the machine does falls on both."""
    await ours(-1)
    await other(-1)  # connections are open, code is warm
    ours_s: list[float] = []
    other_s: list[float] = []
    for number in range(ROUNDS):
        ours_s.append(await ours(number))
        other_s.append(await other(number))
    value, against = median(ours_s), median(other_s)
    return {
        "name": name,
        "value": round(value),
        "unit": "effects/s",
        "against": round(against),
        "ratio": round(value / against, 2),
    }


def _settlement(name: str) -> Effect:
    return Effect(key=effect_key(name), aggregate=name, body={"amount_minor": 150, "currency": "EUR"})


if __name__ == "__main__":
    for row in run():
        print(row)
