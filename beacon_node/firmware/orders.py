"""A node's commands: remembered before anything is done, done once, and answered.

    /orders     as `config` writes: id, operation, end, state and detail of each

Rules:
- Nothing is done before the hub's first word in this start: nobody knows whether a command has expired.
- A command that was taken before is answered by how it stands, and not done again.
- What cannot be remembered is not done.

Not here: what an operation does, and who says the answers (`guidance`). The larger implementation is
shared/protocol/command.py.

Source: docs/PROTOCOL.md, section Twin, commands, bundles.
"""

from beacon_node.firmware import config
from beacon_node.firmware import constants as c
from beacon_node.firmware.answers import MessageError

BYTES_MAX = 8192
INTERRUPTED = "the node started again in the middle of it; look at it before you repeat it"
FULL = "the node remembers as many commands as it can; wait until some have expired"
DETAIL_LENGTH_MAX = 80
_FINAL = ("done", "failed", "expired")
ID_BYTES_MAX = 36
OP_BYTES_MAX = 32


class Orders:
    """Takes commands. What is remembered lies on the flash alone.

    Args:
        path: where it is kept.
        restarts: the operation that ends in a start.
    """

    def __init__(self, path: str, restarts: str) -> None:
        self._path = path
        book = self._read()
        if all(row[3] in _FINAL for row in book):
            return
        for row in book:
            if row[3] not in _FINAL:
                row[3:] = ["done", ""] if row[1] == restarts else ["failed", INTERRUPTED]
        try:
            self._keep(book)
        except OSError:
            pass  # they are read as under way, and settled at the next start

    def take(self, members: dict, hub_ms: "int | None") -> tuple:
        """Take a command.

        Args:
            members: of the message.
            hub_ms: the hub's time; None before its first word in this start.

        Returns:
            Whether it is to be done now, and the answers before that, each as `guidance` says it.

        Raises:
            MessageError: it is malformed.
            OSError: it cannot be remembered, and is not done.
        """
        row = _row(members)
        if hub_ms is None:
            return False, ()
        book = self._read()
        for known in book:
            if known[0] == row[0]:
                return False, ({"state": "duplicate", "was": known[3], "detail": known[4]},)
        if row[2] <= hub_ms:
            return False, ({"state": "expired"},)
        if len(book) >= c.COMMANDS_REMEMBERED:
            book = [each for each in book if each[2] > hub_ms or each[3] not in _FINAL]
        if len(book) >= c.COMMANDS_REMEMBERED:
            return False, ({"state": "failed", "detail": FULL},)
        self._keep(book + [row])
        return True, ({"state": "accepted"}, {"state": "running"})

    def settle(self, name: str, state: str, detail: str = "") -> None:
        """Remember how a command stands now.

        Raises:
            OSError: it cannot be; it counts as under way until the next start.
        """
        book = self._read()
        for row in book:
            if row[0] == name:
                row[3:] = [state, detail[:DETAIL_LENGTH_MAX]]
        self._keep(book)

    def _read(self) -> list:
        found = config.read(self._path, BYTES_MAX) or {}
        book = found.get("commands")
        return book if type(book) is list and all(map(_is_row, book)) else []

    def _keep(self, book: list) -> None:
        config.save({"commands": book}, self._path, BYTES_MAX)


def _row(members: dict) -> list:
    name, op, expires_ms = members.get("id"), members.get("op"), members.get("expires_ms")
    row = [name, op, expires_ms, "running", ""]
    short = _is_row(row) and 0 < len(name.encode()) <= ID_BYTES_MAX and 0 < len(op.encode()) <= OP_BYTES_MAX
    if not short or type(members.get("args")) is not dict:
        raise MessageError("The message is forged or malformed; it had no effect.")
    return row


def _is_row(said) -> bool:
    return type(said) is list and [type(each) for each in said] == [str, str, int, str, str]
