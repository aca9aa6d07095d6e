"""A ticket printer at the other end of a real TCP connection or terminal line, as ESC/POS wants one.

It answers questions in real time, stops where a real one would (no paper, cover open), and keeps what it
printed.
"""

import contextlib
import os
import re
import socket
import threading
import tty
from dataclasses import dataclass, field
from typing import Self

_QUESTION = re.compile(rb"\x10\x04([\x01-\x04])|\x1dr\x01", re.DOTALL)


@dataclass
class SimulatedPrinter:
    """A printer.

    Attributes:
        cover_open: it stands still.
        paper_out: it stands still.
        paper_low: it prints, and says so.
        cutter_jammed: it stands still.
        silent: it takes everything and answers nothing.
        babbles: it sends bytes that nobody asked for before each answer.
        gone_after: bytes of a ticket after which the cable is pulled; None for never.
        printed: what came out.
    """

    cover_open: bool = False
    paper_out: bool = False
    paper_low: bool = False
    cutter_jammed: bool = False
    silent: bool = False
    babbles: bool = False
    gone_after: int | None = None
    printed: bytes = b""
    _held: bytes = b""
    _is_over: bool = False
    _files: list[int] = field(default_factory=list[int])
    _connections: list[socket.socket] = field(default_factory=list[socket.socket])

    # ---- where it stands

    def listen(self) -> str:
        """Stand on the network; returns the name that the settings give it."""
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()
        return f"network:127.0.0.1:{self._server.getsockname()[1]}"

    def attach(self) -> str:
        """Stand at a serial line; returns the name that the settings give it."""
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        self._files += [ours, theirs]
        threading.Thread(target=self._serve, args=(ours,), daemon=True).start()
        return f"serial:{os.ttyname(theirs)}:38400"

    def switch_off(self) -> None:
        """Switch it off: connections end, and nobody answers at its place."""
        self._is_over = True
        self._server.close()
        self._hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        if hasattr(self, "_server"):
            self._server.close()
        self._hang_up()

    # ---- inside

    def _accept(self) -> None:
        while not self._is_over:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            if self._is_over:  # whoever dialled at the last moment
                connection.close()
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection.fileno(),), daemon=True).start()

    def _serve(self, file: int) -> None:
        while not self._is_over:
            try:
                data = os.read(file, 4096)
            except OSError:
                return
            if not data:
                return
            try:
                self._take(file, data)
            except OSError:
                return

    def _take(self, file: int, data: bytes) -> None:
        """Answer what is asked in real time; the rest is printed while nothing stands in the way."""
        waiting, self._held = self._held + data, b""
        while found := _QUESTION.search(waiting):
            before, waiting = waiting[: found.start()], waiting[found.end() :]
            self._print(before)
            if found[1] is not None:
                self._say(file, self._status(found[1][0]))
            elif self._stands_still():
                self._held = found[0]
            else:
                self._say(file, 0x03 if self.paper_low else 0x00)
        tail = (
            waiting[-2:]
            if waiting[-1:] in {b"\x10", b"\x1d"} or waiting[-2:-1] in {b"\x10", b"\x1d"}
            else b""
        )
        self._held += tail
        self._print(waiting[: len(waiting) - len(tail)])
        if self.gone_after is not None and len(self.printed) >= self.gone_after:
            self._hang_up()

    def _print(self, data: bytes) -> None:
        if not self._stands_still():
            self.printed += data

    def _say(self, file: int, answer: int) -> None:
        if not self.silent:
            os.write(file, b"\xff\x13" * self.babbles + bytes([answer]))

    def _stands_still(self) -> bool:
        return self.cover_open or self.paper_out or self.cutter_jammed

    def _status(self, number: int) -> int:
        bits = {
            1: 0x08 * self._stands_still(),
            2: 0x04 * self.cover_open | 0x20 * self.paper_out | 0x40 * self.cutter_jammed,
            3: 0x08 * self.cutter_jammed,
            4: 0x0C * self.paper_low | 0x60 * self.paper_out,
        }
        return 0x12 | bits[number]

    def _hang_up(self) -> None:
        connections, self._connections = self._connections, []
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        files, self._files = self._files, []
        for file in files:
            os.close(file)
