"""Events as JSON lines: what an integrator writes, read strictly, and what is answered.

    {"type":"payment.captured","data":{…},"subject":{"kind":"card","value":"…"},"id":"…","at":"…","session":"…"}
    {"type":"incident.reported","data":{…},"attachments":["photo.jpg"]}
    {"taken":{"id":"…","stream":"payments","epoch":"…","seq":7},"type":"…","reference":"…","line":1}
    {"refused":{"reason":"…","remedy":"…"},"line":2}
    {"ask":"notices","language":"ca"}
    {"notices":[{"id":"…","version":1,"kind":"notice","title":"…","text":"…","until":"…"}],"age_s":90,"expired":false,"line":3}

Only `type` and `data` are needed. `stream` may be given and must then fit the type; `subject` is a kind and a
value, which becomes a pseudonym here, or a pseudonym as text; `id` is a UUIDv7, and the same one twice counts
once; `at` says when it happened if it isn't now; events of one `session` are one citizen's; `attachments` are
paths of photographs, which are taken with a report. An answer with `"deny_list":"expired"` says that the card
was taken without a list to rely on. A question asks for what the town has to say now, in es, ca or en.

Rules: a member that nobody knows is refused rather than dropped in silence. A refusal names members, never
what is written in them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.edge.contents import Notices
from shared.edge.happenings import KINDS, Happening, event_type_of, happening
from shared.edge.pseudonyms import Pseudonyms
from shared.edge.seam import Taken
from shared.model.attachment import ATTACHMENTS_MAX
from shared.model.errors import CapacityError, DeviceError, InputError, VentanillaError
from shared.model.event import EventType, Stream
from shared.model.fields import choice, text
from shared.model.ids import check_event_id
from shared.model.instants import from_rfc3339
from shared.model.wording import Language
from shared.protocol.parsing import ParseError, as_list, as_object, encode, parse_object

SUBJECT_VALUE_LENGTH_MAX: Final = 256
KIND_LENGTH_MAX: Final = 32
SESSION_LENGTH_MAX: Final = 64
INSTANT_LENGTH_MAX: Final = 40
PATH_LENGTH_MAX: Final = 4_096
_MEMBERS: Final = frozenset({"stream", "type", "data", "subject", "id", "at", "session", "attachments"})


_ASKED: Final = "notices"
_QUESTION: Final = frozenset({"ask", "language"})


class NotJsonError(InputError):
    """This line is not one JSON object in UTF-8; write each event as one object on one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An event as it was given, checked.

    Attributes:
        happening: what is taken.
        session: names the citizen's session; None where none was named.
        photographs: paths of files that go with it.
    """

    happening: Happening
    session: str | None
    photographs: Sequence[Path] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Somebody asks what the town has to say now."""

    language: Language


@dataclass(frozen=True, slots=True)
class EventReader:
    """Reads events for one device.

    Attributes:
        device: its id.
        pseudonyms: under the fleet key.
    """

    device: str
    pseudonyms: Pseudonyms

    def read(self, raw: bytes, fresh_id: str) -> Submission:
        """Read one line.

        Args:
            raw: its bytes, without newline.
            fresh_id: the event's id if the line names none.

        Raises:
            InputError: the sentence says what is wrong and what to do, and nothing of what was written.
        """
        try:
            members = parse_object(raw)
        except ParseError:
            raise NotJsonError(NotJsonError.__doc__) from None
        if unknown := sorted(members.keys() - _MEMBERS):
            shown = ", ".join(name if name.isidentifier() else "…" for name in unknown)
            raise InputError(f"an event has no member {shown}; use {', '.join(sorted(_MEMBERS))}")
        event_type = event_type_of(text(members, "type", 64))
        if "stream" in members and members["stream"] != KINDS[event_type].stream:
            raise InputError(f"{event_type} belongs to {KINDS[event_type].stream}; leave out stream")
        event_id = check_event_id(members["id"]) if "id" in members else fresh_id
        at = text(members, "at", INSTANT_LENGTH_MAX) if "at" in members else None
        data = as_object(members.get("data"), "data")
        if "attachments" in data:
            raise InputError("attachments stand beside data, as paths of files; correct the sender")
        return Submission(
            happening=happening(
                event_type,
                self._data(event_type, data, event_id),
                event_id=event_id,
                subject=self._subject(members.get("subject")),
                at_ms=None if at is None else from_rfc3339(at),
            ),
            session=text(members, "session", SESSION_LENGTH_MAX) if "session" in members else None,
            photographs=_photographs(event_type, members["attachments"]) if "attachments" in members else (),
        )

    def _data(self, event_type: EventType, data: Mapping[str, Any], event_id: str) -> Mapping[str, Any]:
        if KINDS[event_type].referenced and "reference" not in data:
            return {"reference": self.pseudonyms.reference(self.device, event_id), **data}
        return data

    def _subject(self, subject: object) -> str | None:
        if subject is None or type(subject) is str:
            return subject
        members = as_object(subject, "subject")
        if members.keys() != {"kind", "value"}:
            raise InputError("subject is a pseudonym, or an object with kind and value; correct the sender")
        kind = text(members, "kind", KIND_LENGTH_MAX)
        return self.pseudonyms.of(kind, text(members, "value", SUBJECT_VALUE_LENGTH_MAX))


def read_question(raw: bytes) -> Question | None:
    """Read a question; None where a line is none, but an event or wrong.

    Raises:
        InputError: it asks for something else.
    """
    if b'"ask"' not in raw:
        return None
    try:
        members = parse_object(raw)
    except ParseError:
        return None
    if "ask" not in members:
        return None
    if members["ask"] != _ASKED or members.keys() - _QUESTION:
        raise InputError(f"a question is ask with {_ASKED}, and language; correct the sender")
    return Question(language=choice(members, "language", Language) if "language" in members else Language.ES)


def _photographs(event_type: EventType, value: object) -> Sequence[Path]:
    if not KINDS[event_type].attachable:
        raise InputError(f"{event_type} takes no attachments; leave them out")
    items = as_list(value, "attachments")
    if not 0 < len(items) <= ATTACHMENTS_MAX:
        raise InputError(f"attachments is a list of 1 to {ATTACHMENTS_MAX} paths; correct the sender")
    return [Path(text({"attachments": item}, "attachments", PATH_LENGTH_MAX)) for item in items]


def taken_line(taken: Taken, happening: Happening, number: int) -> bytes:
    """Return the answer to an event that is on the disk."""
    place = {"id": taken.event_id, "stream": taken.stream, "epoch": taken.epoch, "seq": taken.seq}
    reference = happening.reference
    said: dict[str, object] = {} if reference is None else {"reference": reference}
    if happening.kind.stream is Stream.PAYMENTS and "deny_list" in happening.data:
        said["deny_list"] = happening.data["deny_list"]
    return encode({"taken": place, "type": happening.type, **said, "line": number}) + b"\n"


def notices_line(notices: Notices, question: Question, number: int) -> bytes:
    """Return the answer to a question."""
    return encode({**notices.members(question.language), "line": number}) + b"\n"


def refused_line(error: VentanillaError, number: int) -> bytes:
    """Return the answer to an event that was not taken."""
    reason, _, remedy = str(error).partition("; ")
    said = {"reason": reason, "remedy": remedy or _remedy(error)}
    return encode({"refused": said, "line": number}) + b"\n"


def _remedy(error: VentanillaError) -> str:
    match error:
        case InputError():
            return "correct the event and give it again"
        case CapacityError():
            return "give it again later"
        case DeviceError():
            return "service the device"
        case _:
            return "try again"
