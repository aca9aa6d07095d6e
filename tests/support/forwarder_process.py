"""A forwarder as a process, to be killed: `python -m tests.support.forwarder_process FOLDER CORE_URL`."""

import asyncio
import sys
from pathlib import Path

from hub.core.exchange import Endpoint
from hub.core.open311 import Open311Connector, Open311Settings
from hub.core.settlements import settlements_connector
from hub.forwarder.worker import Forwarder
from tests.support.outgoing_work import QUICK, SETTLE_S, TIMEOUT_S, OutgoingWork


async def forward(folder: Path, core_url: str) -> None:
    """Forward what waits in the folder's database until killed."""
    endpoint = Endpoint(base_url=core_url, timeout_s=TIMEOUT_S)
    with OutgoingWork(folder) as work:
        reports = Open311Connector(Open311Settings(endpoint=endpoint, settle_s=SETTLE_S))
        await Forwarder([reports, settlements_connector(endpoint)], work.writer, QUICK).run()


if __name__ == "__main__":
    asyncio.run(forward(Path(sys.argv[1]), sys.argv[2]))
