"""What is known of a command that was meant for a card: four things, and nothing between them.

    match outcome:
        case Done(value): ...          the card did it, and this is what it said
        case Refused(status): ...      the card said no
        case NotSent(): ...            the card cannot have seen it
        case Unknown(doubt): ...       the card may have done it

A *talk* is a conversation that is not bound to any card: a generator that yields command APDUs, hears what
came of each, and returns what the whole of them came to. So a session runs in the terminal or in the hub,
over a reader, a socket or a relay, and a test drives it by hand. `converse` binds one to a transport.

A refusal is a status word, which no card signs: whoever stands between may say it. Where a wrong belief would
cost money, `desfire.card` takes it for `Unknown`.
"""

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Doubt(StrEnum):
    """Why nobody knows."""

    NO_ANSWER = "no_answer"
    """Nothing came back."""
    MALFORMED = "malformed"
    """What came back is no answer to this command."""
    FORGED = "forged"
    """What came back is not signed by this card in this session."""
    UNSIGNED = "unsigned"
    """A refusal that anybody may have said, where it matters."""


@dataclass(frozen=True, slots=True)
class Done(Generic[T_co]):
    """The card did it.

    Attributes:
        value: what it said.
    """

    value: T_co


@dataclass(frozen=True, slots=True)
class Refused:
    """The card, or whoever answered in its place, said no.

    Attributes:
        status: the status word, 16 bits; `status.meaning` says it in words.
    """

    status: int


@dataclass(frozen=True, slots=True)
class NotSent:
    """The card cannot have seen it."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The card may have done it.

    Attributes:
        doubt: why nobody knows.
    """

    doubt: Doubt


Failed: TypeAlias = Refused | NotSent | Unknown
Outcome: TypeAlias = Done[T] | Failed
Heard: TypeAlias = bytes | NotSent | Unknown
"""What came of one APDU: the response APDU, or that there is none."""
Talk: TypeAlias = Generator[bytes, Heard, T]
"""Yields command APDUs, hears what came of each, returns T."""
