"""The hub's port: an answer leaves at once, in however many pieces it is written."""

import socket
from contextlib import closing

from hub.assembly.wire import listen


def test_connection_to_the_hubs_port_holds_nothing_back() -> None:
    """A second piece would else wait for the other side's word on the first: 40 ms, on every answer."""
    with (
        listen("127.0.0.1", 0) as listener,
        closing(socket.create_connection(listener.getsockname(), timeout=10)),
        closing(listener.accept()[0]) as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
