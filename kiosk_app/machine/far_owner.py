"""The owner, as the screen's process sees it: asked over the socket, answered later.

    owner = FarOwner(MessageLine(end), ended)
    hello = owner.begin(timeout_s)
    teller = Teller(hello.device, hello.sealing, owner, clock)

Implements `shared.edge.seam.Owner`, so that a teller works here as beside the owner. A question that was sent
cannot be taken back: who gives up waiting does not know what came of it.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from kiosk_app.machine.framing import LineEndedError, MessageLine
from kiosk_app.machine.messages import line_members, read_failed, read_place, read_taken
from kiosk_app.machine.told import Hello, Told
from shared.edge.seam import Place, SealedLine, Taken
from shared.model.attachment import Envelope
from shared.model.errors import InputError, VentanillaError
from shared.model.event import Stream
from shared.model.fields import text
from shared.protocol.parsing import as_object, number
from shared.protocol.receipts import RECEIPT_LENGTH_MAX

TEXT_LENGTH_MAX: Final = RECEIPT_LENGTH_MAX
T = TypeVar("T")
Answer = Callable[[Mapping[str, Any] | Exception], None]


class FarOwner:
    """Asks the owner's process.

    Args:
        line: this end of the socket.
        ended: called once, when the owner is gone; from the listening thread.

    Attributes:
        told: what the owner said last; swapped whole.
    """

    def __init__(self, line: MessageLine, ended: Callable[[], None]) -> None:
        self.told = Told()
        self._words: SimpleQueue[Mapping[str, Any]] = SimpleQueue()
        self._line = line
        self._ended = ended
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._waiting: dict[int, Answer] = {}
        self._hello: Future[Hello] = Future()
        self._thread = threading.Thread(target=self._listen, name="owner-line", daemon=True)

    def begin(self, timeout_s: float) -> Hello:
        """Listen, and return what the owner says first.

        Raises:
            TimeoutError: it says nothing.
            InputError: it is another version.
            LineEndedError: it has gone.
        """
        self._thread.start()
        return self._hello.result(timeout_s)

    # -- the owner's seam --------------------------------------------------------------------------------

    def can_take(self, stream: Stream) -> str | None:
        """Return why nothing is taken on a stream now; None if it is."""
        return self.told.closed.get(stream)

    def place(self, stream: Stream) -> Future[Place]:
        """Ask for the place of a stream's next line."""
        return self._ask({"ask": "place", "stream": stream.value}, lambda said: read_place(said.get("place")))

    def append(self, line: SealedLine) -> Future[Taken]:
        """Hand in a line; the future is resolved when it is on the disk."""
        asked = {"ask": "append", **line_members(line)}
        return self._ask(asked, lambda said: read_taken(said.get("taken")), line.line)

    # -- what else it is asked ---------------------------------------------------------------------------

    def reference(self, event_id: str) -> Future[str]:
        """Ask for the reference that an event's citizen takes home."""
        return self._ask({"ask": "reference", "id": event_id}, _text)

    def receipt(self, event_id: str) -> Future[str]:
        """Ask for the signed receipt of an event that was taken; empty where this device cannot give one."""
        return self._ask({"ask": "receipt", "id": event_id}, _text)

    def keep(self, event_id: str, envelope: Envelope, sealed: bytes) -> Future[None]:
        """Hand in a sealed photograph; the future is resolved when it is on the disk."""
        asked = {"ask": "keep", "id": event_id, "envelope": envelope.to_data()}
        return self._ask(asked, _nothing, sealed)

    def discard(self, event_id: str) -> Future[None]:
        """Have the photographs of an event forgotten that was not taken."""
        return self._ask({"ask": "discard", "id": event_id}, _nothing)

    def ask_hub(self, what: str, about: str) -> Future[Mapping[str, Any]]:
        """Have the hub asked; see `kiosk_app.core.effects.Ask`."""
        asked = {"ask": "hub", "what": what, "about": about}
        return self._ask(asked, lambda said: as_object(said.get("said"), "said"))

    def ask_card(self, talk: str, body: Mapping[str, Any]) -> Future[Mapping[str, Any]]:
        """Have the hub asked what comes next in a talk with a card; an empty name begins one."""
        asked = {"ask": "card", "talk": talk, "body": dict(body)}
        return self._ask(asked, lambda said: as_object(said.get("said"), "said"))

    # -- what it is told ---------------------------------------------------------------------------------

    def beat(self) -> None:
        """The screen's clock goes on."""
        self._say({"say": "beat"})

    def leave(self) -> None:
        """Somebody's own data was here: this process is to be replaced."""
        self._say({"say": "leave"})

    def words(self) -> Iterator[Mapping[str, Any]]:
        """Give what it was told since the last time and has no place in `told`: what is to be done."""
        with suppress(Empty):
            while True:
                yield self._words.get_nowait()

    def tell_awaited(self, *, aloud: bool) -> None:
        """Somebody wants to begin while this process leaves; with the speaking key where it is `aloud`."""
        self._say({"say": "awaited", "aloud": aloud})

    def tell_health(self, parts: Mapping[str, str]) -> None:
        """Say how the parts of the machine do: `ok`, or a few words of what is wrong."""
        self._say({"say": "health", "parts": dict(parts)})

    # -- inside ------------------------------------------------------------------------------------------

    def _say(self, members: Mapping[str, Any]) -> None:
        with suppress(LineEndedError):  # the listening thread hears it too, and this process ends
            self._line.send(members)

    def _ask(
        self, members: Mapping[str, Any], read: Callable[[Mapping[str, Any]], T], body: bytes = b""
    ) -> Future[T]:
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # it cannot be taken back

        def answer(said: Mapping[str, Any] | Exception) -> None:
            try:
                failed = said if isinstance(said, Exception) else read_failed(said)
                if failed is not None:
                    future.set_exception(failed)
                elif not isinstance(said, Exception):
                    future.set_result(read(said))
            except InputError as error:
                future.set_exception(error)

        with self._lock:
            asked = next(self._numbers)
            self._waiting[asked] = answer
        try:
            self._line.send({**members, "n": asked}, body)
        except VentanillaError as error:
            with self._lock:
                is_unanswered = self._waiting.pop(asked, None) is not None
            if is_unanswered:
                future.set_exception(error)
        return future

    def _listen(self) -> None:
        try:
            self._hello.set_result(Hello.read(self._line.receive()[0]))
            while True:
                self._hear(*self._line.receive())
        except (InputError, LineEndedError) as error:
            self._end(error)

    def _hear(self, members: Mapping[str, Any], body: bytes) -> None:
        if "answer" in members:
            with self._lock:
                answer = self._waiting.pop(number(members, "answer", 1), None)
            if answer is not None:
                answer(members)
            return
        told = self.told.after(members, body)
        if told is self.told:
            self._words.put(members)
        self.told = told

    def _end(self, error: VentanillaError) -> None:
        if not self._hello.done():
            self._hello.set_exception(error)
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            answer(error)
        self._ended()


def _text(said: Mapping[str, Any]) -> str:
    return text(said, "text", TEXT_LENGTH_MAX) if said.get("text") else ""


def _nothing(_said: Mapping[str, Any]) -> None:
    return None
