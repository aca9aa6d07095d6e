"""What the core says of a report, and whether it is news. Pure.

Rules:
- Words count in the order in which the hub heard them. The core's own instants are kept beside them and
  decide nothing: its clock may be wrong, or jump.
- The same word twice is one update. A report may be closed and opened again as often as the core says so.
- Nobody fills the register: beyond `UPDATES_MAX` updates of one report a clerk looks.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.domain.service_requests.ports import Status

UPDATES_MAX: Final = 200
"""Updates of one report that are kept; a core that says more of it than this is not well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreWord:
    """What the core says of a report.

    Attributes:
        status: open or closed.
        notes: its explanation; empty where it gives none.
        updated_ms: when it says that this was; None where it does not, or not in a form that we know.
        picture_url: where it has a picture; empty where it has none. It is no part of what is news.
    """

    status: Status
    notes: str = ""
    updated_ms: int | None = None
    picture_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the hub has of a report.

    Attributes:
        status: as it stands.
        notes: of the newest update.
        updates: how many there are.
    """

    status: Status
    notes: str
    updates: int


class Verdict(StrEnum):
    """What a word is to whoever has heard the ones before."""

    NEWS = "news"
    SAME = "same"
    TOO_MANY = "too_many"


def judge(known: Known, said: CoreWord) -> Verdict:
    """Tell whether a word changes what the hub has.

    Args:
        known: before it.
        said: the word. Its instant alone is no news: some cores date every answer anew.
    """
    if said.status is known.status and said.notes == known.notes:
        return Verdict.SAME
    return Verdict.NEWS if known.updates < UPDATES_MAX else Verdict.TOO_MANY
