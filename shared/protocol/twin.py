"""The desired twin: settings that a device takes on trial, and goes back from by itself. Pure.

    STEADY --offer--> TRIAL --reached--> STEADY, with the new settings
                      TRIAL --time is up--> FALLBACK: the last good settings, on trial in their turn
                      FALLBACK --reached--> STEADY, with the last good ones; the version is remembered as bad
                      FALLBACK --time is up--> TRIAL: the last good ones reach nobody either

*Reached* is a session that the hub confirmed on a connection made after the settings were put in force. What
the hub wants may cut a device off; without this somebody would have to drive there.

Rules:
- Only a rising version is taken, and of one version only its first body.
- A version is given up only if the last good settings reach the hub where it did not. Where they did not
  either (the network was down), it has one more trial as soon as they do.
- A trial outlives a power cut. Settings that make the device start again and again are given up too.

Not here: clocks and files (`shared.edge.twin_keeper`), what settings mean (`settings`).

Source: docs/PROTOCOL.md, section Twin, commands, bundles; RFC 6241, section 8.4 (confirmed commit).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, auto
from typing import Any, Final

from shared.model.fields import whole
from shared.protocol import limits
from shared.protocol.parsing import as_list, as_object, encode, number, parse_object
from shared.protocol.versions import Version, version_of

CONFIRM_S: Final = 120
"""How long new settings are on trial where nobody says otherwise: three births and their answers."""
_DOUBLINGS_MAX: Final = 8


class Phase(StrEnum):
    """Which settings are in force, and on what terms."""

    STEADY = auto()
    TRIAL = auto()
    FALLBACK = auto()


class Answer(StrEnum):
    """What became of an offer."""

    TAKEN = auto()
    KNOWN = auto()
    OLDER = auto()
    GIVEN_UP = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What the hub wants.

    Attributes:
        version: rises with every change.
        doc: value by setting.
        confirm_s: how long a trial may last.
    """

    version: Version
    doc: Mapping[str, Any]
    confirm_s: int = CONFIRM_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A device's settings and where they stand; the whole is stored at every change.

    Attributes:
        good: the last settings that reached the hub; None: as enrolled.
        wanted: what is under trial; None while steady.
        starts: of the device, within this phase.
        rounds: how often time was up since the offer.
        doubt: the last good settings did not reach the hub either, since the offer.
        bad: versions that were given up, oldest first.
        why: what was wrong with the last of them.
    """

    good: Desired | None = None
    wanted: Desired | None = None
    phase: Phase = Phase.STEADY
    starts: int = 0
    rounds: int = 0
    doubt: bool = False
    bad: tuple[Version, ...] = ()
    why: str = ""

    @property
    def in_force(self) -> Mapping[str, Any]:
        """The document in force."""
        settings = self.wanted if self.phase is Phase.TRIAL else self.good
        return settings.doc if settings is not None else _NOTHING

    @property
    def version(self) -> Version | None:
        """The version in force; None: as enrolled."""
        settings = self.wanted if self.phase is Phase.TRIAL else self.good
        return settings.version if settings is not None else None

    @property
    def newest(self) -> Version | None:
        """The newest version that was ever taken or given up here."""
        known = [item.version for item in (self.good, self.wanted) if item is not None]
        return max((*known, *self.bad), default=None)

    @property
    def trial_s(self) -> int | None:
        """How long the present phase may last without reaching the hub; None: for ever."""
        if self.wanted is None:
            return None
        longest = max(self.wanted.confirm_s, limits.TRIAL_S_MAX)
        return min(self.wanted.confirm_s << min(self.rounds, _DOUBLINGS_MAX), longest)


def offer(twin: Twin, desired: Desired) -> tuple[Twin, Answer]:
    """Take what the hub wants, if it is newer than all that is known."""
    if desired.version in twin.bad:
        return twin, Answer.GIVEN_UP
    if any(item is not None and item.version == desired.version for item in (twin.good, twin.wanted)):
        return twin, Answer.KNOWN
    if twin.newest is not None and desired.version < twin.newest:
        return twin, Answer.OLDER
    begun = replace(twin, wanted=desired, phase=Phase.TRIAL, starts=0, rounds=0, doubt=False)
    return begun, Answer.TAKEN


def refuse(twin: Twin, version: Version, why: str) -> Twin:
    """Give a version up without a trial: it says what cannot be."""
    if twin.newest is not None and version <= twin.newest:
        return twin
    return _given_up(replace(twin, wanted=None, phase=Phase.STEADY), version, why)


def reached(twin: Twin) -> Twin:
    """What is in force has reached the hub."""
    match twin:
        case Twin(phase=Phase.TRIAL, wanted=Desired() as wanted):
            return replace(
                twin, good=wanted, wanted=None, phase=Phase.STEADY, starts=0, rounds=0, doubt=False
            )
        case Twin(phase=Phase.FALLBACK, wanted=Desired(), doubt=True):
            return replace(twin, phase=Phase.TRIAL, starts=0, rounds=0, doubt=False)
        case Twin(phase=Phase.FALLBACK, wanted=Desired() as wanted):
            back = replace(twin, wanted=None, phase=Phase.STEADY, starts=0, rounds=0)
            return _given_up(back, wanted.version, "the hub was not reached with it")
        case _:
            return twin


def time_is_up(twin: Twin) -> Twin:
    """The hub was not reached in time: try the other settings."""
    match twin.phase:
        case Phase.TRIAL:
            return replace(twin, phase=Phase.FALLBACK, starts=0)
        case Phase.FALLBACK:
            return replace(twin, phase=Phase.TRIAL, starts=0, rounds=twin.rounds + 1, doubt=True)
        case Phase.STEADY:
            return twin


def started(twin: Twin) -> Twin:
    """The device starts; a phase in which it starts too often is over."""
    if twin.phase is Phase.STEADY:
        return twin
    if twin.starts >= limits.TRIAL_STARTS_MAX:
        return time_is_up(twin)
    return replace(twin, starts=twin.starts + 1)


def encode_desired(desired: Desired) -> bytes:
    """Return the message's body, ending in a newline, without its MAC line."""
    return encode({"v": 1, **_members(desired)}) + b"\n"


def decode_desired(body: bytes) -> Desired:
    """Read a desired twin.

    Raises:
        InputError: it is malformed, or its trial longer than any may be.
    """
    return _desired(parse_object(body.removesuffix(b"\n")))


def twin_members(twin: Twin) -> dict[str, Any]:
    """Write a twin, to be stored."""
    return {
        "good": None if twin.good is None else _members(twin.good),
        "wanted": None if twin.wanted is None else _members(twin.wanted),
        "phase": twin.phase.value,
        "starts": twin.starts,
        "rounds": twin.rounds,
        "doubt": twin.doubt,
        "bad": [list(version) for version in twin.bad],
        "why": twin.why,
    }


def read_twin(members: Mapping[str, Any]) -> Twin:
    """Read a stored twin.

    Raises:
        InputError: it is damaged.
    """
    good, wanted = members.get("good"), members.get("wanted")
    phase = Phase(phase) if (phase := members.get("phase")) in set(Phase) else Phase.STEADY
    under_trial = None if wanted is None else _desired(as_object(wanted, "wanted"))
    return Twin(
        good=None if good is None else _desired(as_object(good, "good")),
        wanted=None if phase is Phase.STEADY else under_trial,
        phase=phase if under_trial is not None else Phase.STEADY,
        starts=number(members, "starts"),
        rounds=number(members, "rounds"),
        doubt=members.get("doubt") is True,
        bad=tuple(version_of({"bad": item}, "bad") for item in as_list(members.get("bad"), "bad")),
        why=str(members.get("why", "")),
    )


def _given_up(twin: Twin, version: Version, why: str) -> Twin:
    return replace(twin, bad=(*twin.bad, version)[-limits.VERSIONS_REVERTED_MAX :], why=why)


def _members(desired: Desired) -> dict[str, Any]:
    return {"version": list(desired.version), "doc": dict(desired.doc), "confirm_s": desired.confirm_s}


def _desired(members: Mapping[str, Any]) -> Desired:
    return Desired(
        version=version_of(members, "version"),
        doc=as_object(members.get("doc"), "doc"),
        confirm_s=whole(members, "confirm_s", 1, limits.CONFIRM_S_MAX),
    )


_NOTHING: Final[Mapping[str, Any]] = {}
