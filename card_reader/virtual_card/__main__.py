"""`python -m card_reader.virtual_card <uid>`: a blank card in a process of its own, behind a socket.

It says its port on the first line of its output, `port 40123`, and listens on the loopback alone. A message
on the socket is its length (two bytes, big-endian) and its bytes; one byte alone is for the field: 0 off,
1 on, 2 reset (no answer), 4 asks for the answer to reset. A card that is torn closes the connection; the
next connection is the next presentation.

Its input takes a line of JSON for each thing that is to happen, and answers it with `ok`:

    the members of `faults.Plan`     what goes wrong in the next presentation
    {"keep": "x"}, {"put": "x"}      keep a copy of the card's memory, hold the copy there instead (a clone)
    {"be": "phone"}                  be another kind of card (`strangers.KINDS`); {"be": ""} is ours again
    {"reader": "/…/door.sock"}       hold the card to a virtual reader, until it is torn, mute or taken away;
                                     vsmartcard's is "tcp:127.0.0.1:35963"
    {"away": true}                   take it away
    {"held": true}                   answers `yes` or `no`: is it still there?
    {"newest": 2}                    answers with the newest record of its file 2, in hexadecimal

A reader that goes (its pcscd was killed) does not move the card: it is there when the reader is back.
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
from card_reader.virtual_card.memory import Cyclic
from card_reader.virtual_card.strangers import KINDS, Stranger

ANSWER_TO_RESET: Final = bytes.fromhex("3B8180018080")
_MESSAGE_MAX: Final = 512
_NUMBER_COMMAND: Final = bytes.fromhex("FFCA000000")
"""What a reader answers itself, with the number that it saw in the air (PC/SC part 3, 3.2.2.1.3)."""
_AGAIN_S: Final = 0.005
_AWAY_S: Final = 10.0


class Gone(Exception):  # noqa: N818  no error: the reader went away, or the card did
    """The connection is over."""


class Stand:
    """Holds one card towards whoever connects.

    Args:
        uid: of the card.
    """

    def __init__(self, uid: bytes) -> None:
        self._lock = threading.Lock()
        self._card = VirtualCard(blank(uid), secrets.token_bytes)
        self._stranger: Stranger | None = None
        self._field = Field(self._card, time.sleep)
        self._uid = uid
        self._kept = {"": self._card.memory.clone()}
        self._next = Plan()
        self._hand: Hand | None = None

    def tell(self, line: str) -> str:
        """Take a line of JSON; answer with `ok`, or with what is wrong."""
        try:
            told = json.loads(line)
            if "held" in told:
                return "yes" if self._hand is not None and self._hand.is_alive() else "no"
            if "newest" in told:
                return self._newest(told["newest"])
            if "reader" in told or "away" in told:
                self._move(told.get("reader"))
                return "ok"
            with self._lock:
                if "keep" in told:
                    self._kept[told["keep"]] = self._card.memory.clone()
                elif "put" in told:
                    memory = self._kept[told["put"]].clone()
                    self._card = self._field.card = VirtualCard(memory, secrets.token_bytes)
                elif "be" in told:
                    self._stranger = Stranger(KINDS[told["be"]], secrets.token_bytes) if told["be"] else None
                    self._field.card = self._stranger or self._card
                else:
                    self._next = Plan(**told)
        except (ValueError, TypeError, KeyError) as error:
            return f"not taken: {type(error).__name__}; give a member of Plan, or what is listed above"
        return "ok"

    def _newest(self, number: int) -> str:
        with self._lock:
            files = [each.files.get(number) for each in self._card.memory.applications.values()]
        written = [each.records for each in files if isinstance(each, Cyclic)]
        return next((records[-1].hex() for records in written if records), "")

    def _move(self, reader: str | None) -> None:
        if self._hand is not None:
            self._hand.take_away()
            self._hand = None
        if reader is not None:
            self._hand = Hand(self, reader)
            self._hand.start()

    @property
    def is_over(self) -> bool:
        """Whether the card is of no more use to the reader: torn away, or mute."""
        return self._field.is_torn or self._field.is_mute

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
            if message == _NUMBER_COMMAND:
                return (self._stranger.number if self._stranger else self._uid) + b"\x90\x00"
            if len(message) > 1:
                answer = self._field.transmit(message)
                if answer is None and self._field.is_torn:
                    raise Gone
                return answer
            match message:
                case b"\x04":
                    return self._stranger.atr if self._stranger else ANSWER_TO_RESET
                case b"\x00":
                    self._field.card.power(on=False)
                case _:
                    self._field.card.power(on=True)
        return None


class Hand(threading.Thread):
    """Holds the card to one virtual reader.

    Args:
        stand: has the card.
        path: of the reader's socket.
    """

    def __init__(self, stand: Stand, path: str) -> None:
        super().__init__(daemon=True)
        self._stand = stand
        self._path = path
        self._away = threading.Event()
        self._lock = threading.Lock()
        self._peer: socket.socket | None = None

    def run(self) -> None:
        """Be there, and be there again when the reader was gone."""
        while not self._away.is_set():
            kind, where = _reached(self._path)
            with socket.socket(kind) as peer:
                try:
                    peer.connect(where)
                except OSError:
                    self._away.wait(_AGAIN_S)
                    continue
                with self._lock:
                    self._peer = peer
                    if self._away.is_set():
                        return
                self._stand.hold(peer)
                with self._lock:
                    self._peer = None
            if self._stand.is_over:
                return
            self._away.wait(_AGAIN_S)

    def take_away(self) -> None:
        """Take it away; it is gone when this returns."""
        with self._lock:
            self._away.set()
            if self._peer is not None:
                self._peer.shutdown(socket.SHUT_RDWR)
        self.join(_AWAY_S)


def _reached(reader: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    """Where a reader is: a socket in a folder, or a port."""
    if not reader.startswith("tcp:"):
        return socket.AF_UNIX, reader
    host, _, port = reader.removeprefix("tcp:").rpartition(":")
    return socket.AF_INET, (host, int(port))


def _taken(peer: socket.socket, count: int) -> bytes:
    if count > _MESSAGE_MAX:
        raise Gone
    taken = b""
    while len(taken) < count:
        if peer.family is socket.AF_INET:  # length and bytes come apart: acknowledge at once
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
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
