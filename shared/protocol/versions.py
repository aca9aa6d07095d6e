"""Versions of what the hub gives out: `(incarnation, n)`, compared from left to right.

The incarnation is never restored from a backup, so no version is given twice, and a device that refuses what
is not newer never refuses what is new.

Source: docs/PROTOCOL.md, section Twin, commands, bundles.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.model.fields import INTEGER_MAX
from shared.protocol.parsing import ParseError

_PARTS = 2


class Version(NamedTuple):
    """One version; a higher one is newer.

    Attributes:
        incarnation: of the hub that gave it out.
        n: counts within that incarnation, from 1.
    """

    incarnation: int
    n: int

    def __str__(self) -> str:
        """Write it as people and addresses have it: `12-5`."""
        return f"{self.incarnation}-{self.n}"


def version_of(members: Mapping[str, Any], name: str) -> Version:
    """Read the version `name`, a list of two whole numbers.

    Raises:
        ParseError: it is missing or no such list.
    """
    match members.get(name):
        case [int() as incarnation, int() as n] if (
            type(incarnation) is int
            and type(n) is int
            and 0 <= incarnation <= INTEGER_MAX
            and 0 < n <= INTEGER_MAX
        ):
            return Version(incarnation, n)
        case _:
            message = f"The member {name} must be a version: two whole numbers, incarnation and count."
            raise ParseError(message)


def version_or_none(members: Mapping[str, Any], name: str) -> Version | None:
    """The same, or None where the member is absent or null.

    Raises:
        ParseError: it is there and is no version.
    """
    return None if members.get(name) is None else version_of(members, name)


def parse_version(text: str) -> Version:
    """Read `12-5`.

    Raises:
        ParseError: it is written in another way.
    """
    left, _, right = text.partition("-")
    if not (left.isascii() and left.isdigit() and right.isascii() and right.isdigit() and len(text) < 33):  # noqa: PLR2004 - two numbers of 16 digits
        message = "A version is written as incarnation and count, such as 12-5."
        raise ParseError(message)
    return version_of({"version": [int(left), int(right)]}, "version")
