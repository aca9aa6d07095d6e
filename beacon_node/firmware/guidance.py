"""What the hub wants of a node, as it comes from the wire: settings and commands; and the node's answers.

    ping      says that it is there, and since when
    report    what the node measures, and how its link and its settings do
    restart   ends in order; the board starts again

Rules:
- Settings are put in force at once, and the link is dialled anew: a session upon that shows that they hold.
- Whatever was refused is counted by cause and reported, at most every ten seconds.
- What the flash does not take has no effect; the hub sends it again.

Source: docs/PROTOCOL.md, section Twin, commands, bundles.
"""

import asyncio

from beacon_node.firmware import constants as c
from beacon_node.firmware.answers import ForgedError, MessageError
from beacon_node.firmware.delivery import STREAMING
from beacon_node.firmware.twin import OlderError

ORDERS = "/orders"
RESTART = "restart"
REFUSED_EVERY_MS = 10_000
TURN_MS = 1_000
RESTART_MS = 5_000
"""What was said last has so long to leave the node."""
_MAC_LINE_MAX = 64


class Guidance:
    """Hears what the hub wants of a node.

    Args:
        node: has `twin` and `put_in_force(doc)`.
        measured: returns what the node measures, by name.
        orders: where its commands are kept.
    """

    def __init__(self, node, measured, orders: str) -> None:
        self._node = node
        self._measured = measured
        self._orders_path = orders
        self._orders = None
        self._link = None
        self._from = 0
        self._unsettled = False
        self._told = None
        self._n = 0
        self._refused = {}
        self._why = {}
        self._told_refused = {}
        self._refused_ms = -REFUSED_EVERY_MS
        self._restart_ms = None

    def attach(self, link) -> None:
        """Take the link that is spoken through; the present settings' trial begins."""
        self._link = link
        self._node.twin.put_in_force(link.uptime_ms())

    async def run(self) -> None:
        """Let time pass, until the node is to start again."""
        while not self.turn():
            await asyncio.sleep(TURN_MS / 1000)

    def hear(self, topic: str, payload: bytes) -> None:
        """Take a message of the desired twin's or the commands' topic.

        Raises:
            MessageError: it had no effect.
        """
        kind = topic.rpartition("/")[2]
        try:
            if kind == "command" and len(payload) > c.COMMAND_BYTES_MAX + _MAC_LINE_MAX:
                raise MessageError("A command has at most 4,096 bytes; send less in one.")
            members = self._link.session.open(topic, payload)
            if kind == "desired":
                self._told = None  # whoever sends it again has not heard how it stands
                if self._node.twin.take(members):
                    self._put_in_force()
            else:
                self._command(members)
        except MessageError as error:
            forged, older = isinstance(error, ForgedError), isinstance(error, OlderError)
            self._refuse(kind + (":forged" if forged else ":older" if older else ":refused"), str(error))
            raise
        except OSError:
            self._refuse(kind + ":not_stored", "the flash took nothing; look at the node")

    def began(self) -> None:
        """A session was confirmed; it counts for the settings if it was dialled with them."""
        self._told = None
        self._unsettled = self._link.dialled > self._from

    def turn(self) -> bool:
        """Let time pass; return whether the node is to start again."""
        now_ms = self._link.uptime_ms()
        try:
            changed = self._unsettled and self._node.twin.reached()
            self._unsettled = False
            if self._node.twin.look(now_ms) or changed:
                self._put_in_force()
        except OSError:
            pass  # again in a second
        if self._link.session.state == STREAMING:
            self._report(now_ms)
        return self._restart_ms is not None and now_ms >= self._restart_ms

    # -- settings

    def _put_in_force(self) -> None:
        self._unsettled = False
        self._from = self._link.dialled
        self._node.put_in_force(self._node.twin.put_in_force(self._link.uptime_ms()))
        self._link.dial_anew()

    def _report(self, now_ms: int) -> None:
        if now_ms - self._refused_ms >= REFUSED_EVERY_MS and self._refused != self._told_refused:
            self._told_refused, self._refused_ms = dict(self._refused), now_ms
        standing = (self._node.twin.report(), self._told_refused)
        if standing == self._told:
            return
        self._told = standing
        self._n += 1
        twin, refused = standing
        said = {"v": 1, "n": self._n, "twin": twin, "bundles": {}, "refused": refused}
        said["why"] = {cause: self._why[cause] for cause in refused}
        self._link.publish("reported", said)

    def _refuse(self, cause: str, why: str) -> None:
        self._refused[cause] = self._refused.get(cause, 0) + 1
        self._why[cause] = why[:160]

    # -- commands

    def _command(self, members: dict) -> None:
        if self._orders is None:  # a node that is asked nothing has no memory to spare for it
            from beacon_node.firmware.orders import Orders

            self._orders = Orders(self._orders_path, RESTART)
        link = self._link
        offset_ms = link.session.offset_ms
        hub_ms = None if offset_ms is None else link.uptime_ms() + offset_ms
        is_new, answers = self._orders.take(members, hub_ms)
        name, op = members["id"], members["op"]
        for answer in answers:
            self._say(name, **answer)
        if not is_new:
            return
        if op == RESTART:  # `done` is said after the start
            self._restart_ms = link.uptime_ms() + RESTART_MS
            return
        data, detail = self._done(op)
        state = "failed" if data is None else "done"
        self._orders.settle(name, state, detail)
        self._say(name, state, detail, data)

    def _done(self, op: str) -> tuple:
        if op == "ping":
            return {"uptime_ms": self._link.uptime_ms()}, ""
        if op == "report":
            said = self._measured()
            said.update(connects=self._link.connects, refused=self._link.refused)
            return said, ""
        return None, "a node cannot do that; it knows ping, report and restart"

    def _say(self, name: str, state: str, detail: str = "", data=None, was=None) -> None:
        said = {"v": 1, "id": name, "state": state, "detail": detail, "data": data or {}}
        if was is not None:
            said["was"] = was
        self._link.publish("result", said)
