"""`python -m card_reader.virtual_card <uid>`: a blank card in a process of its own, behind a socket.

It says its port on the first line of its output, `port 40123`, and listens on the loopback alone. A message
on the socket is its length (two bytes, big-endian) and its bytes; one byte alone is for the field: 0 off,
1 on, 2 reset (no answer), 4 asks for the answer to reset. A card that is torn closes the connection; the
next connection is the next presentation.

Its input takes a line of JSON for each thing that is to happen: the members of `faults.Plan` for the next
presentation, or `{"keep": "name"}`, `{"put": "name"}`: keep a copy of the card's memory, hold the copy there
instead (a clone). It answers each with `ok`.
"""

import json
import secrets
import socket
import sys
import threading
import time
from typing import Final

from card_reader.virtual_card.card import VirtualCard, blank
from card_reader.virtual_card.faults import Field, Plan

ANSWER_TO_RESET: Final = bytes.fromhex("3B8180018080")
_MESSAGE_MAX: Final = 512


class Gone(Exception):  # noqa: N818  no error: the reader went away, or the card did
    """The connection is over."""


class Stand:
    """Holds one card towards whoever connects.

    Args:
        uid: of the card.
    """

    def __init__(self, uid: bytes) -> None:
        self._lock = threading.Lock()
        self._field = Field(VirtualCard(blank(uid), secrets.token_bytes), time.sleep)
        self._kept = {"": self._field.card.memory.clone()}
        self._next = Plan()

    def tell(self, line: str) -> str:
        """Take a line of JSON; answer with `ok`, or with what is wrong."""
        try:
            told = json.loads(line)
            with self._lock:
                if "keep" in told:
                    self._kept[told["keep"]] = self._field.card.memory.clone()
                elif "put" in told:
                    memory = self._kept[told["put"]].clone()
                    self._field.card = VirtualCard(memory, secrets.token_bytes)
                else:
                    self._next = Plan(**told)
        except (ValueError, TypeError, KeyError) as error:
            return f"not taken: {type(error).__name__}; give a member of Plan, keep or put"
        return "ok"

    def hold(self, peer: socket.socket) -> None:
        """One presentation: answer until the reader goes, or the card does."""
        with self._lock:
            self._field.present(self._next)
            self._next = Plan()
        try:
            while True:
                message = _taken(peer, int.from_bytes(_taken(peer, 2), "big"))
                answer = self._answer(message)
                if answer is not None:
                    peer.sendall(len(answer).to_bytes(2, "big") + answer)
        except (Gone, OSError):
            return

    def _answer(self, message: bytes) -> bytes | None:
        with self._lock:
            if len(message) > 1:
                answer = self._field.transmit(message)
                if answer is None and self._field.is_torn:
                    raise Gone
                return answer
            match message:
                case b"\x04":
                    return ANSWER_TO_RESET
                case b"\x00":
                    self._field.card.power(on=False)
                case _:
                    self._field.card.power(on=True)
        return None


def _taken(peer: socket.socket, count: int) -> bytes:
    if count > _MESSAGE_MAX:
        raise Gone
    taken = b""
    while len(taken) < count:
        part = peer.recv(count - len(taken))
        if not part:
            raise Gone
        taken += part
    return taken


def main(arguments: list[str]) -> None:
    """Hold a card until the input ends."""
    stand = Stand(bytes.fromhex(arguments[0]))
    server = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        while True:
            peer, _ = server.accept()
            with peer:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                stand.hold(peer)

    threading.Thread(target=listen, daemon=True).start()
    _say(f"port {server.getsockname()[1]}")
    for line in sys.stdin:
        _say(stand.tell(line))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
