"""A node without air, in the MicroPython virtual machine: its link alone, told what to say on its input.

`micropython node_link.py ROOT SOURCE`: ROOT is the board's flash, SOURCE where `beacon_node` lies. A line on
the input is `["telemetry", "type", {...}]`; each change of session or settings is a line on the output.
A node that is to start again ends.
"""

import asyncio
import gc
import json
import sys
import time

sys.path.insert(0, sys.argv[2])
ROOT = sys.argv[1]

from beacon_node.firmware import config, identity, link  # noqa: E402  the path comes first
from beacon_node.firmware.telemetry import Telemetry  # noqa: E402
from beacon_node.firmware.twin import Twin  # noqa: E402


class Machine:
    """What telemetry asks of a board."""

    @staticmethod
    def reset_cause():
        return 0


class Guard:
    """A guard that is always content."""

    def moved(self, name):
        pass


class Air:
    """An air that nobody hears."""

    rearmed = 0


class Clock:
    """A clock that was never set."""

    def __init__(self):
        self.offset_ms = 0
        self.trusted = 0

    def unix_ms(self):
        return time.time_ns() // 1_000_000 % 100_000_000_000 + self.offset_ms

    def trust(self, unix_ms):
        self.offset_ms += unix_ms - self.unix_ms()
        self.trusted += 1


class Node:
    """What a link needs of a node."""

    def __init__(self):
        self.identity = identity.load(b"chip", ROOT + "/identity", ROOT + "/secret")
        self.telemetry = Telemetry(Machine, {}, ROOT + "/stalled", ROOT + "/starts")
        self.clock = Clock()
        self.guard = Guard()
        self.board = {}
        self.air = Air()
        self.twin = Twin(ROOT + "/twin")
        self._set_up = config.load(ROOT + "/config", ROOT + "/config.good")
        self.put_in_force(self.twin.in_force())

    def put_in_force(self, doc):
        self.settings = config.over(self._set_up, doc)


async def listen(here):
    stdin = asyncio.StreamReader(sys.stdin)
    while True:
        line = await stdin.readline()
        if not line:
            return
        here.say(*json.loads(line))


async def tell(here, node):
    clock = node.clock
    said, ring = None, here._ring
    while True:
        session = here.session
        acked = {s: sum(each[4] for each in ring.lanes[s].epochs()) for s in ring.streams}
        last = {s: sum(each[2] for each in ring.lanes[s].epochs()) for s in ring.streams}
        told = json.dumps(
            {
                "state": session.state,
                "acked": acked,
                "last": last,
                "connects": here.connects,
                "refused": here.refused,
                "recognised": session.recognised,
                "trusted": clock.trusted > 0,
                "twin": node.twin.report(),
                "settings": node.settings,
            }
        )
        if told != said:
            said = told
            gc.collect()
            print('{"heap": %d, %s' % (gc.mem_alloc(), told[1:]))
        await asyncio.sleep(0.05)


async def main():
    node = Node()
    here = link.start(node, ROOT)
    tasks = [asyncio.create_task(task) for task in (here.run(), listen(here), tell(here, node))]
    await here.guidance.run()
    tasks.clear()


asyncio.run(main())
