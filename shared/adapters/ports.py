"""Ports of this machine for servers that die and come back: nobody else takes them meanwhile.

    hub, broker = own_ports(2)

A port that the kernel names as free is out of the range from which connections take theirs too: while a
server is dead, any connection of this machine may have its port. These lie below that range (Linux: 32768,
`ip_local_port_range`), in a block that this process has to itself until it ends.

For demonstrations and tests, which start many servers on one machine; a city gives its hub ports by name.
"""

import socket
from contextlib import suppress
from typing import Final

from shared.model.errors import CapacityError

FIRST: Final = 20_000
BLOCK: Final = 100
BLOCKS: Final = 120


class NoPortsError(CapacityError):
    """No port of this machine is free for it; end what still runs of earlier demonstrations, then repeat."""


class _Block:
    """Ports that this process alone gives out, until it ends and a socket of its own with it."""

    def __init__(self) -> None:
        """Take the first block that no process has."""
        self._given = 0
        sign = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        for number in range(BLOCKS):
            with suppress(OSError):
                sign.bind(f"\0ventanilla-ports-{number}")  # an abstract name: no file stays behind
                sign.detach()  # nobody closes it but the end of the process
                self._first = FIRST + number * BLOCK
                return
        sign.close()
        raise NoPortsError(NoPortsError.__doc__)

    def next(self) -> int:
        """Return a port that nobody listens on; one that was given before comes again last."""
        for _ in range(BLOCK):
            port = self._first + self._given % BLOCK
            self._given += 1
            with suppress(OSError), socket.create_server(("127.0.0.1", port)):
                return port
        raise NoPortsError(NoPortsError.__doc__)


_blocks: list[_Block] = []


def own_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1, all different, that no other process of this kind gives out.

    Args:
        count: how many, at most `BLOCK`.

    Raises:
        NoPortsError: too much is running.
    """
    if not _blocks:
        _blocks.append(_Block())
    return [_blocks[0].next() for _ in range(count)]
