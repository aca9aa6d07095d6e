"""Notices for places and interests: who drafts, who approves, what a correction is.

    draft -> approved -> replaced      by the next version, the moment that one is approved
       or withdrawn                    at any time; a correction is a new version, and begins as a draft

Rules:
- Who approves is another person than who drafted. A town with one clerk says so in a setting.
- What was approved stays as it was: a correction has a higher version, and until somebody approves it the
  version before is said.
- What has ended is neither drafted nor approved: nobody would see it, and it would replace what is said.
- Somebody who writes the own name with other spaces or capitals is the same person.
- A notice's id stands in addresses: without a slash it can be approved and withdrawn.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from hub.domain.beacons.errors import NoticeStateError, SamePersonError
from shared.model import codes, fields
from shared.model.beacon_notices import BeaconNotice
from shared.model.errors import InputError

DISTRICTS_MAX: Final = 100
_OWN: Final = frozenset({"districts", "version"})
_ID: Final = re.compile(r"\w[\w.-]*")


class NoticeState(StrEnum):
    """How a version of a notice stands."""

    DRAFT = "draft"
    APPROVED = "approved"
    REPLACED = "replaced"
    """A later version was approved."""
    WITHDRAWN = "withdrawn"


class Approval(StrEnum):
    """Who may approve a notice."""

    ANOTHER = "another"
    """Another person than who drafted it."""
    ANYONE = "anyone"
    """Also who drafted it: a town with one clerk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A notice as a clerk writes it.

    Attributes:
        notice: what is said; its version is given by the hub.
        districts: their codes; empty: every district.
    """

    notice: BeaconNotice
    districts: Sequence[str]

    @classmethod
    def from_data(cls, data: Mapping[str, object], version: int) -> Self:
        """Reads it.

        Args:
            data: a notice as phones get it, without its version; and `districts`.
            version: that it becomes.

        Raises:
            InputError: a field is missing or wrong.
        """
        defaults: dict[str, object] = {"interests": [], "places": [], "urgency": "normal", "districts": []}
        written = defaults | dict(data)
        listed = fields.texts(written, "districts", DISTRICTS_MAX, codes.DISTRICT_LENGTH_MAX)
        plain = dict(fields.unknown(written, _OWN))
        notice = BeaconNotice.from_data(plain | {"version": version})
        if _ID.fullmatch(notice.id) is None:
            raise InputError("id is letters, digits, hyphens, points and underscores, such as concierto-7")
        if notice.extra:
            raise InputError(f"a notice has no {min(notice.extra)}; correct the file")
        return cls(
            notice=notice,
            districts=tuple(codes.district({"districts": code}, "districts") for code in listed),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeVersion:
    """A version of a notice in the register.

    Attributes:
        notice: what is said.
        districts: where; empty: everywhere.
        state: how it stands.
        drafted_by: who.
        drafted_ms: when, Unix epoch.
        decided_by: who approved or withdrew it last; None while it is a draft.
        decided_ms: when.
    """

    notice: BeaconNotice
    districts: Sequence[str]
    state: NoticeState
    drafted_by: str
    drafted_ms: int
    decided_by: str | None
    decided_ms: int | None


def check_draft(wanted: Wanted, now_ms: int) -> None:
    """See that somebody will see it.

    Raises:
        InputError: it has ended already.
    """
    if wanted.notice.until_ms <= now_ms:
        raise InputError("this notice has ended before it begins to be said; correct until")


def check_approval(version: NoticeVersion, who: str, rule: Approval, now_ms: int) -> None:
    """See that somebody may approve a draft.

    Raises:
        NoticeStateError: it is no draft.
        SamePersonError: who drafted it wants to approve it.
        InputError: it has ended meanwhile.
    """
    if version.state is not NoticeState.DRAFT:
        raise NoticeStateError(NoticeStateError.__doc__)
    if rule is Approval.ANOTHER and _person(who) == _person(version.drafted_by):
        raise SamePersonError(SamePersonError.__doc__)
    if version.notice.until_ms <= now_ms:
        raise InputError("this draft has ended before it was approved; draft it again with another until")


def _person(who: str) -> str:
    """Return a name as it is compared: however it is spaced, capitalised or composed."""
    return " ".join(unicodedata.normalize("NFKC", who).casefold().split())
