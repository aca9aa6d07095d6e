"""A face without a screen, or hands beside one: lines of JSON drive the desk, in tests, figures and the demo.

    {"touch":"report"}  {"key":"down"}  {"type":"words","text":"…"}  {"look":true}
    {"page":"report.words","title":"…","said":["…"],"error":null,"reference":"","qr":"","choices":["next"],
     "closed":{"follow":"…"},"photos":0}

The same desk, machine and clock as behind the screen; every line is answered with the page as it is then. It
listens on a socket in a folder of the device's own, and only where whoever started the kiosk asked for it.
"""

import select
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

from kiosk_app.core.desk import Desk, Key
from kiosk_app.core.effects import Answer, Effect
from kiosk_app.core.pages import Choice, Code, Fact, Note, Photo
from kiosk_app.core.ports import Machine
from kiosk_app.core.words import Speaker
from shared.adapters.socket_paths import reachable
from shared.model.errors import InputError
from shared.model.fields import text
from shared.model.wording import Language
from shared.protocol.parsing import encode, parse_object

ALIVE_EVERY_S: Final = 0.5
TICK_S: Final = 0.05
LINE_BYTES_MAX: Final = 64 * 1024
TEXT_LENGTH_MAX: Final = 4_000


class Hands:
    """Does at a desk what a line says; on the thread of whoever shows its pages.

    Args:
        desk: hands and ears.
        machine: what is around.
        speaker_of: who knows a language.
        carry_out: does what the desk asks for.
    """

    def __init__(
        self,
        desk: Desk,
        machine: Machine,
        speaker_of: Callable[[Language], Speaker],
        carry_out: Callable[[list[Effect]], None],
    ) -> None:
        self._desk = desk
        self._machine = machine
        self._speaker_of = speaker_of
        self._carry_out = carry_out

    def said(self, line: bytes) -> Mapping[str, Any]:
        """Do it, and return the page as it is then."""
        try:
            self._act(parse_object(line))
        except (InputError, ValueError) as error:
            return {"refused": str(error)}
        return self._page()

    def _act(self, members: Mapping[str, Any]) -> None:
        around, now_ms = self._machine.around(), _now_ms()
        if "touch" in members:
            self._carry_out(self._desk.touch(text(members, "touch", 200), around, now_ms))
        elif "key" in members:
            self._carry_out(self._desk.key(Key(text(members, "key", 16)), around, now_ms))
        elif "type" in members:
            typed = text(members, "text", TEXT_LENGTH_MAX)
            self._carry_out(self._desk.flow.type(text(members, "type", 200), typed, around, now_ms))

    def _page(self) -> Mapping[str, Any]:
        page = self._desk.page(self._machine.around(), _now_ms())
        speaker = self._speaker_of(self._desk.flow.session.comfort.language)
        code = next((item for item in page.items if isinstance(item, Code)), Code(reference="", qr=""))
        return {
            "page": page.name,
            "title": page.title.spoken_by(speaker),
            "error": None if page.error is None else page.error.spoken_by(speaker),
            "said": [
                item.words.spoken_by(speaker) for item in page.items if isinstance(item, Note | Fact | Choice)
            ],
            "reference": code.reference,
            "qr": code.qr,
            "choices": [item.id for item in page.actions() if item.closed is None],
            "closed": {
                item.id: item.closed.spoken_by(speaker) for item in page.actions() if item.closed is not None
            },
            "photos": sum(isinstance(item, Photo) for item in page.items),
        }


class Faceless:
    """Drives one desk until its process ends; nobody else does.

    Args:
        desk: hands and ears.
        machine: carries out what the flow asks.
        speaker_of: who knows a language.
        alive: told that the clock goes on.
    """

    def __init__(
        self,
        desk: Desk,
        machine: Machine,
        speaker_of: Callable[[Language], Speaker],
        alive: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._machine = machine
        self._alive = alive
        self._hands = Hands(desk, machine, speaker_of, self._carry_out)
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._alive_s = 0.0

    def run(self, path: Path) -> None:
        """Listen on a socket at a path; one that an earlier process left is replaced."""
        _serve(path, self._hands.said, self._pass_time)

    def _pass_time(self) -> None:
        now_s = time.monotonic()
        if now_s - self._alive_s >= ALIVE_EVERY_S:
            self._alive_s = now_s
            self._alive()
        try:
            while True:
                self._carry_out(self._desk.hear(self._answers.get_nowait(), _now_ms()))
        except Empty:
            pass
        self._carry_out(self._desk.tick(_now_ms()))

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._machine.carry_out(effect, self._answers.put)


def drive(path: Path, said: Callable[[bytes], Mapping[str, Any]]) -> None:
    """Listen on a socket beside a screen, on a thread of its own.

    Args:
        path: of the socket; one that an earlier process left is replaced.
        said: answers a line.
    """
    threading.Thread(target=_serve, args=(path, said, lambda: None), name="driven", daemon=True).start()


def _serve(path: Path, said: Callable[[bytes], Mapping[str, Any]], pass_time: Callable[[], None]) -> None:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with reachable(path) as name:
            listener.bind(name)
        path.chmod(0o600)
        listener.listen(4)
        while True:
            pass_time()
            if select.select([listener], [], [], TICK_S)[0]:
                caller, _ = listener.accept()
                with caller:
                    _hear(caller, said, pass_time)


def _hear(
    caller: socket.socket, said: Callable[[bytes], Mapping[str, Any]], pass_time: Callable[[], None]
) -> None:
    held = b""
    while True:
        pass_time()
        if not select.select([caller], [], [], TICK_S)[0]:
            continue
        try:
            block = caller.recv(LINE_BYTES_MAX)
            if not block or len(held) > LINE_BYTES_MAX:
                return
            *lines, held = (held + block).split(b"\n")
            for line in lines:
                pass_time()
                caller.sendall(encode(said(line)) + b"\n")
        except OSError:
            return


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
