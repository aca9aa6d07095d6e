"""One screen's process, as the owner hears it: questions answered in their order, words noted.

Two threads a screen: one reads what it asks, one writes what it is told, so that neither a slow disk nor a
screen that has stopped reading holds up anybody else.

Rules:
- A screen is believed nothing: its lines are sealed reports of this device and nothing else, a photograph is
  what its name says, and whoever sends anything else is cut off and started anew.
- What waits to be written is bounded: a screen that does not read is cut off.
"""

import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from queue import Full, Queue
from typing import Any, Final

import structlog

from kiosk_app.machine.framing import LineEndedError, MessageLine
from kiosk_app.machine.messages import failed_members, place_members, read_line_members, taken_members
from kiosk_app.owner.receipts import Receipts
from shared.adapters.attachment_store import AttachmentStore
from shared.edge.pseudonyms import Pseudonyms
from shared.edge.seam import Owner, Place, SealedLine, Taken
from shared.model.attachment import Envelope
from shared.model.errors import InputError, VentanillaError
from shared.model.event import Stream
from shared.model.fields import choice, flag, text
from shared.model.ids import check_event_id
from shared.protocol.lines import read_line
from shared.protocol.parsing import ParseError, as_object, number

WAITING_MAX: Final = 256
"""Messages that wait to be written: a screen asks for a handful at a time."""
ABOUT_LENGTH_MAX: Final = 200
_TALK_FORM: Final = re.compile(r"[0-9a-f]{32}")
PARTS_MAX: Final = 16
PART_LENGTH_MAX: Final = 200
TAKEN_HERE: Final = frozenset({Stream.CASES})
"""The lanes that a screen may hand lines to."""

AskHub = Callable[[str, str], Mapping[str, Any]]
AskCard = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What a screen's questions are answered from.

    Attributes:
        device: the device's id.
        owner: keeps lines.
        store: keeps photographs.
        pseudonyms: make references.
        receipts: sign receipts.
        ask_hub: asks the hub, and waits for its answer; raises VentanillaError.
        ask_card: the same, of a talk with a card: its name, and what is sent.
    """

    device: str
    owner: Owner
    store: AttachmentStore
    pseudonyms: Pseudonyms
    receipts: Receipts
    ask_hub: AskHub
    ask_card: AskCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is done with what a screen says; each returns at once.

    Attributes:
        beat: its clock goes on.
        leave: it is to be replaced.
        awaited: somebody pressed meanwhile, and wants to begin; told whether by the speaking key.
        health: how its parts do.
    """

    beat: Callable[[], None]
    leave: Callable[[], None]
    awaited: Callable[[bool], None]
    health: Callable[[Mapping[str, str]], None]


class ScreenLine:
    """Serves one screen until either side hangs up.

    Args:
        line: the owner's end.
        keeping: what questions are answered from.
        heard: what is done with words.
    """

    def __init__(self, line: MessageLine, keeping: Keeping, heard: Heard) -> None:
        self._line = line
        self._keeping = keeping
        self._heard = heard
        self._outgoing: Queue[tuple[Mapping[str, Any], bytes] | None] = Queue(WAITING_MAX)
        self._threads = [
            threading.Thread(target=work, name=f"screen-{name}", daemon=True)
            for name, work in (("hears", self._hear_all), ("tells", self._tell_all))
        ]

    def start(self) -> None:
        """Begin to serve."""
        for thread in self._threads:
            thread.start()

    def tell(self, members: Mapping[str, Any], body: bytes = b"") -> None:
        """Tell the screen something; returns at once."""
        try:
            self._outgoing.put_nowait((members, body))
        except Full:
            log.warning("screen_does_not_read")
            self.close()

    def close(self) -> None:
        """Hang up; the process at the other end notices."""
        self._line.close()
        with suppress(Full):  # then the writer wakes up by the socket's end
            self._outgoing.put_nowait(None)

    # -- the threads -------------------------------------------------------------------------------------

    def _tell_all(self) -> None:
        try:
            while (message := self._outgoing.get()) is not None:
                self._line.send(*message)
        except (LineEndedError, InputError) as error:
            log.debug("screen_line_ended", reason=str(error))
            self._line.close()

    def _hear_all(self) -> None:
        try:
            while True:
                self._hear(*self._line.receive())
        except LineEndedError:
            self.close()
        except InputError as error:
            log.warning("screen_makes_no_sense", reason=str(error))
            self.close()

    def _hear(self, members: Mapping[str, Any], body: bytes) -> None:
        match members.get("say"):
            case "beat":
                self._heard.beat()
            case "leave":
                self._heard.leave()
            case "awaited":
                self._heard.awaited(flag(members, "aloud"))
            case "health":
                self._heard.health(_parts(members))
            case _:
                self._asked(number(members, "n", 1), members, body)

    # -- questions ---------------------------------------------------------------------------------------

    def _asked(self, asked: int, members: Mapping[str, Any], body: bytes) -> None:
        try:
            match members.get("ask"):
                case "place":
                    self._place(asked, members)
                case "append":
                    self._append(asked, read_line_members(members, body))
                case "keep":
                    self._keep(asked, members, body)
                case "discard":
                    self._keeping.store.discard(check_event_id(members.get("id")))
                    self.tell({"answer": asked})
                case "reference":
                    event_id = check_event_id(members.get("id"))
                    said = self._keeping.pseudonyms.reference(self._keeping.device, event_id)
                    self.tell({"answer": asked, "text": said})
                case "receipt":
                    said = self._keeping.receipts.write(check_event_id(members.get("id")))
                    self.tell({"answer": asked, "text": said})
                case "hub" | "card":
                    self._ask_hub(asked, self._question(members))
                case _:
                    raise ParseError("The screen asks what this owner does not know; install one version.")
        except InputError:
            raise
        except VentanillaError as error:
            self.tell({"answer": asked, **failed_members(error)})

    def _question(self, members: Mapping[str, Any]) -> Callable[[], Mapping[str, Any]]:
        """Return what asks the hub, and waits for it."""
        if members["ask"] == "card":
            talk = members.get("talk") or ""
            if not isinstance(talk, str) or (talk and _TALK_FORM.fullmatch(talk) is None):
                raise ParseError("The screen names no talk of a card; install one version.")
            body = as_object(members.get("body"), "body")
            return lambda: self._keeping.ask_card(talk, body)
        what, about = text(members, "what", 32), text(members, "about", ABOUT_LENGTH_MAX)
        return lambda: self._keeping.ask_hub(what, about)

    def _place(self, asked: int, members: Mapping[str, Any]) -> None:
        future = self._keeping.owner.place(_stream(members))

        def answer(done: Future[Place]) -> None:
            error = done.exception()
            if error is None:
                self.tell({"answer": asked, "place": place_members(done.result())})
            else:
                self._fail(asked, error)

        future.add_done_callback(answer)

    def _append(self, asked: int, line: SealedLine) -> None:
        _check(line)
        future = self._keeping.owner.append(line)

        def answer(done: Future[Taken]) -> None:
            error = done.exception()
            if error is None:
                self._remember(done.result(), line)
                self.tell({"answer": asked, "taken": taken_members(done.result())})
            else:
                self._fail(asked, error)

        future.add_done_callback(answer)

    def _remember(self, taken: Taken, line: SealedLine) -> None:
        try:
            self._keeping.receipts.remember(taken, line.line)
        except InputError as error:  # it is taken all the same, and its receipt has no signature
            log.warning("no_receipt", reason=str(error))

    def _keep(self, asked: int, members: Mapping[str, Any], body: bytes) -> None:
        event_id, envelope = check_event_id(members.get("id")), Envelope.from_data(members.get("envelope"))
        if len(body) != envelope.size or sha256(body).hexdigest() != envelope.sha256:
            raise ParseError("A photograph is not the one that was named; restart the device.")
        self._keeping.store.put_sealed(event_id, envelope, BytesIO(body))
        self.tell({"answer": asked})

    def _ask_hub(self, asked: int, wait: Callable[[], Mapping[str, Any]]) -> None:
        def ask() -> None:
            try:
                self.tell({"answer": asked, "said": dict(wait())})
            except VentanillaError as error:
                self.tell({"answer": asked, **failed_members(error)})

        threading.Thread(target=ask, name="question", daemon=True).start()

    def _fail(self, asked: int, error: BaseException) -> None:
        known = error if isinstance(error, VentanillaError) else VentanillaError(type(error).__name__)
        self.tell({"answer": asked, **failed_members(known)})


def _stream(members: Mapping[str, Any]) -> Stream:
    stream = choice(members, "stream", Stream)
    if stream not in TAKEN_HERE:
        raise ParseError("A screen hands in reports alone; install one version and restart the device.")
    return stream


def _check(line: SealedLine) -> None:
    """See that a line is sealed, and what its envelope says."""
    found = read_line(line.line, line.place.seq)
    if line.place.stream not in TAKEN_HERE or line.context is None or line.key is not None:
        raise ParseError("A screen hands in reports alone; install one version and restart the device.")
    if found.id != line.event_id or "sealed" not in found.members or "data" in found.members:
        raise ParseError("A screen hands in sealed lines alone; install one version and restart the device.")


def _parts(members: Mapping[str, Any]) -> Mapping[str, str]:
    parts = as_object(members.get("parts"), "parts")
    if len(parts) > PARTS_MAX:
        raise ParseError("A screen tells of a handful of parts; install one version.")
    return {name: text(parts, name, PART_LENGTH_MAX) for name in parts}
