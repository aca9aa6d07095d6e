"""Commands: what the hub asks a device to do once, and what the device answers. Pure.

    accepted -> running -> done | failed;   expired;   duplicate: it was taken before, and how it stands

A command is remembered, durably, before anything is done, and until it has expired. So a command that is sent
again, or recorded and replayed, is never done twice: while its id is remembered it is a duplicate, and after
that it has expired. A device that starts in the middle of one says that it does not know the outcome.

Not here: what an operation does (`shared.edge.operations`), files.

Source: docs/PROTOCOL.md, section Twin, commands, bundles.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum, auto
from typing import Any, Final

from shared.model.fields import choice, is_storable, text
from shared.protocol import limits
from shared.protocol.frame import SESSION_LENGTH
from shared.protocol.parsing import ParseError, as_list, as_object, encode, number, parse_object

ID_LENGTH_MAX: Final = 36
OP_LENGTH_MAX: Final = 32
DETAIL_LENGTH_MAX: Final = 200
INTERRUPTED: Final = "the device started again in the middle of it; look at the device before you repeat it"


class CommandState(StrEnum):
    """How a command stands on the device."""

    ACCEPTED = auto()
    RUNNING = auto()
    DONE = auto()
    FAILED = auto()
    EXPIRED = auto()
    DUPLICATE = auto()


FINAL: Final = frozenset({CommandState.DONE, CommandState.FAILED, CommandState.EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What the hub asks.

    Attributes:
        id: drawn at random by the hub; the same however often it is sent.
        op: what is to be done.
        args: with what.
        expires_ms: by the hub's clock, Unix epoch; after it nothing is done.
    """

    id: str
    op: str
    args: Mapping[str, Any]
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the device answers.

    Attributes:
        session: counts in this session alone.
        id: of the command.
        state: how it stands; of a duplicate, `was` says it.
        detail: in words, for the operator.
        data: what the operation returned.
        was: of a duplicate, how the command stands.
    """

    session: str
    id: str
    state: CommandState
    detail: str = ""
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    was: CommandState | None = None

    @property
    def stands(self) -> CommandState:
        """How the command stands."""
        return self.was or self.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A command that a device was given."""

    id: str
    op: str
    expires_ms: int
    state: CommandState
    detail: str = ""


Book = tuple[Remembered, ...]
"""What a device remembers, oldest first; stored before anything is done."""


def find(book: Book, command_id: str) -> Remembered | None:
    """Return what is remembered of a command."""
    return next((item for item in book if item.id == command_id), None)


def note(book: Book, command: Command, now_ms: int) -> Book | None:
    """Remember a command that is new; None where there is no room until others expire."""
    alive = tuple(item for item in book if item.expires_ms > now_ms or item.state not in FINAL)
    over = len(book) - limits.COMMANDS_REMEMBERED + 1
    kept = book if over <= 0 else alive
    if len(kept) >= limits.COMMANDS_REMEMBERED:
        return None
    taken = Remembered(
        id=command.id, op=command.op, expires_ms=command.expires_ms, state=CommandState.ACCEPTED
    )
    return (*kept, taken)


def settle(book: Book, command_id: str, state: CommandState, detail: str = "") -> Book:
    """Remember how a command stands now."""
    return tuple(
        replace(item, state=state, detail=detail[:DETAIL_LENGTH_MAX]) if item.id == command_id else item
        for item in book
    )


def interrupted(book: Book, *, restarts: str) -> Book:
    """What a device that starts says of commands that were under way: a restart is done by that.

    Args:
        book: as it was stored.
        restarts: the operation that ends in a start.
    """

    def settled(item: Remembered) -> Remembered:
        if item.state in FINAL:
            return item
        if item.op == restarts:
            return replace(item, state=CommandState.DONE)
        return replace(item, state=CommandState.FAILED, detail=INTERRUPTED)

    return tuple(map(settled, book))


def encode_command(command: Command) -> bytes:
    """Return the message's body, ending in a newline, without its MAC line."""
    members = {
        "v": 1,
        "id": command.id,
        "op": command.op,
        "args": dict(command.args),
        "expires_ms": command.expires_ms,
    }
    return encode(members) + b"\n"


def decode_command(body: bytes) -> Command:
    """Read a command.

    Raises:
        InputError: it is malformed or too long.
    """
    if len(body) > limits.COMMAND_BYTES_MAX:
        message = f"A command has at most {limits.COMMAND_BYTES_MAX} bytes; send less in one."
        raise ParseError(message)
    members = parse_object(body.removesuffix(b"\n"))
    return Command(
        id=text(members, "id", ID_LENGTH_MAX),
        op=text(members, "op", OP_LENGTH_MAX),
        args=as_object(members.get("args"), "args"),
        expires_ms=number(members, "expires_ms"),
    )


def encode_result(result: Result) -> bytes:
    """Return the message's body, ending in a newline, without its MAC line."""
    members: dict[str, Any] = {
        "v": 1,
        "session": result.session,
        "id": result.id,
        "state": result.state.value,
        "detail": result.detail[:DETAIL_LENGTH_MAX],
        "data": dict(result.data),
    }
    if result.was is not None:
        members["was"] = result.was.value
    body = encode(members) + b"\n"
    if len(body) <= limits.RESULT_BYTES_MAX:
        return body
    return encode({**members, "data": {"cut": "the answer was too long to be sent"}}) + b"\n"


def decode_result(body: bytes) -> Result:
    """Read a result.

    Raises:
        InputError: it is malformed or too long.
    """
    if len(body) > limits.RESULT_BYTES_MAX:
        message = f"A result has at most {limits.RESULT_BYTES_MAX} bytes; send less in one."
        raise ParseError(message)
    members = parse_object(body.removesuffix(b"\n"))
    detail = members.get("detail", "")
    is_text = type(detail) is str and len(detail) <= DETAIL_LENGTH_MAX and is_storable(detail)
    if not is_text or b"\\u0000" in body:
        message = f"A result's detail is a text of at most {DETAIL_LENGTH_MAX} characters."
        raise ParseError(message)
    state = choice(members, "state", CommandState)
    was = choice(members, "was", CommandState) if state is CommandState.DUPLICATE else None
    if was is CommandState.DUPLICATE:
        message = "A duplicate says how the command stands that was taken before."
        raise ParseError(message)
    return Result(
        session=text(members, "session", SESSION_LENGTH),
        id=text(members, "id", ID_LENGTH_MAX),
        state=state,
        detail=detail,
        data=as_object(members.get("data", {}), "data"),
        was=was,
    )


def book_members(book: Book) -> dict[str, Any]:
    """Write what is remembered, to be stored."""
    return {
        "commands": [
            {
                "id": item.id,
                "op": item.op,
                "expires_ms": item.expires_ms,
                "state": item.state.value,
                "detail": item.detail,
            }
            for item in book
        ]
    }


def read_book(members: Mapping[str, Any]) -> Book:
    """Read what is remembered.

    Raises:
        InputError: it is damaged.
    """
    items = [as_object(item, "command") for item in as_list(members.get("commands"), "commands")]
    return tuple(
        Remembered(
            id=text(item, "id", ID_LENGTH_MAX),
            op=text(item, "op", OP_LENGTH_MAX),
            expires_ms=number(item, "expires_ms"),
            state=choice(item, "state", CommandState),
            detail=str(item.get("detail", "")),
        )
        for item in items
    )
