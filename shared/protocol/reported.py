"""The reported twin: what a device has of all that the hub wants of it.

It is state, not an event: only the newest word of a session counts, nothing is promised of those before, and
the hub sends again what it does not say.

Source: docs/PROTOCOL.md, section Twin, commands, bundles.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, Final

from shared.model.fields import choice, is_storable, text
from shared.protocol import limits
from shared.protocol.bundle import is_bundle_name
from shared.protocol.frame import SESSION_LENGTH
from shared.protocol.parsing import ParseError, as_object, encode, number, parse_object
from shared.protocol.versions import Version, version_of, version_or_none

WHY_LENGTH_MAX: Final = 200
REPORTED_BYTES_MAX: Final = 16 * 1024
_CAUSE_LENGTH_MAX: Final = 32
_CAUSES_MAX: Final = 16
WHY_REFUSED_LENGTH_MAX: Final = 160


class TwinState(StrEnum):
    """What became of the newest settings that a device knows."""

    PENDING = auto()
    REACHED = auto()
    REVERTED = auto()


class BundleState(StrEnum):
    """How a bundle stands on a device."""

    HELD = auto()
    EXPIRED = auto()
    RETIRED = auto()
    """The device dropped it, and remembers the version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinReport:
    """Where the settings stand.

    Attributes:
        version: the newest that the device knows.
        state: what became of it.
        in_force: the version in force; None: as enrolled.
        why: of one that was given up.
    """

    version: Version
    state: TwinState
    in_force: Version | None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleReport:
    """A bundle that a device holds."""

    version: Version
    state: BundleState


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A device's word.

    Attributes:
        session: counts in this session alone.
        n: rises within it.
        twin: None where the device was never given settings.
        bundles: by name.
        refused: messages that had no effect, by cause, since the device's process began.
        why: of the last one of a cause, a sentence.
    """

    session: str
    n: int
    twin: TwinReport | None = None
    bundles: Mapping[str, BundleReport] = field(default_factory=dict[str, BundleReport])
    refused: Mapping[str, int] = field(default_factory=dict[str, int])
    why: Mapping[str, str] = field(default_factory=dict[str, str])


def encode_reported(reported: Reported) -> bytes:
    """Return the message's body, ending in a newline, without its MAC line."""
    twin = reported.twin
    members: dict[str, Any] = {
        "v": 1,
        "session": reported.session,
        "n": reported.n,
        "twin": None
        if twin is None
        else {
            "version": list(twin.version),
            "state": twin.state.value,
            "in_force": None if twin.in_force is None else list(twin.in_force),
            "why": twin.why[:WHY_LENGTH_MAX],
        },
        "bundles": {
            name: {"version": list(item.version), "state": item.state.value}
            for name, item in reported.bundles.items()
        },
        "refused": dict(reported.refused),
        "why": dict(reported.why),
    }
    return encode(members) + b"\n"


def decode_reported(body: bytes) -> Reported:
    """Read a device's word.

    Raises:
        InputError: it is malformed or too long.
    """
    if len(body) > REPORTED_BYTES_MAX:
        message = f"A reported twin has at most {REPORTED_BYTES_MAX} bytes; look at the device."
        raise ParseError(message)
    members = parse_object(body.removesuffix(b"\n"))
    bundles = as_object(members.get("bundles"), "bundles")
    refused = as_object(members.get("refused", {}), "refused")
    names_max = limits.BUNDLES_HELD_MAX + limits.BUNDLES_RETIRED_MAX
    if len(bundles) > names_max or not all(map(is_bundle_name, bundles)):
        message = f"A device speaks of at most {names_max} bundles, each under a name."
        raise ParseError(message)
    why = as_object(members.get("why", {}), "why")
    if len(refused) > _CAUSES_MAX or any(len(cause) > _CAUSE_LENGTH_MAX for cause in (*refused, *why)):
        message = "A device counts what it refused under a few short words."
        raise ParseError(message)
    twin = members.get("twin")
    return Reported(
        session=text(members, "session", SESSION_LENGTH),
        n=number(members, "n"),
        twin=None if twin is None else _twin(as_object(twin, "twin")),
        bundles={name: _bundle(as_object(item, name)) for name, item in bundles.items()},
        refused={cause: number(refused, cause) for cause in refused},
        why={cause: text(why, cause, WHY_REFUSED_LENGTH_MAX) for cause in why if cause in refused},
    )


def _twin(members: Mapping[str, Any]) -> TwinReport:
    why = members.get("why", "")
    if type(why) is not str or len(why) > WHY_LENGTH_MAX or not is_storable(why):
        message = f"A reason is a text of at most {WHY_LENGTH_MAX} characters."
        raise ParseError(message)
    return TwinReport(
        version=version_of(members, "version"),
        state=choice(members, "state", TwinState),
        in_force=version_or_none(members, "in_force"),
        why=why,
    )


def _bundle(members: Mapping[str, Any]) -> BundleReport:
    return BundleReport(version=version_of(members, "version"), state=choice(members, "state", BundleState))
