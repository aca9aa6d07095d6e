"""What a person said to this phone: whether notices are wanted, which, when, how many. It stays here.

Rules:
- Nobody is asked for a name, and nothing here has one.
- Without a yes nothing is shown, and a yes says when it was given. A person who takes it back is as if new.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from shared.model import codes, fields
from shared.model.beacon_notices import INTERESTS_MAX, Hours
from shared.model.wording import Language

QUIET: Final = Hours(from_min=22 * 60, until_min=8 * 60)
"""The night, unless the person says otherwise."""
PER_HOUR: Final = 3
PER_DAY: Final = 8
CAP_MAX: Final = 100
WEAKEST_DBM: Final = -90
"""Below this a beacon is some 30 m away, or behind a wall: its place is not where the person is."""
_WEAKEST_RANGE_DBM: Final = (-127, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What a person chose.

    Attributes:
        consent_ms: when notices were asked for, Unix epoch; None: they were not.
        language: of what is shown.
        interests: codes of the town's list.
        quiet: hours of the town's clock in which nothing is shown; None: none.
        per_hour: how many notices within an hour at most.
        per_day: the same for 24 hours.
        urgent_passes: whether an urgent notice may pass quiet hours and caps.
        unproven_shown: whether a beacon counts that does not prove what it is.
        weakest_dbm: what came in weaker does not count.
        extra: what this version does not know.
    """

    consent_ms: int | None = None
    language: Language = Language.ES
    interests: frozenset[str] = frozenset()
    quiet: Hours | None = QUIET
    per_hour: int = PER_HOUR
    per_day: int = PER_DAY
    urgent_passes: bool = False
    unproven_shown: bool = True
    weakest_dbm: int = WEAKEST_DBM
    extra: Mapping[str, object] = field(default_factory=dict[str, object], hash=False)

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the phone's file.

        Raises:
            InputError: a field is missing, or of another type.
        """
        listed = fields.texts(data, "interests", INTERESTS_MAX, codes.INTEREST_LENGTH_MAX)
        return cls(
            consent_ms=None
            if data.get("consent_ms") is None
            else fields.whole(data, "consent_ms", 0, fields.INTEGER_MAX),
            language=fields.choice(data, "language", Language),
            interests=frozenset(codes.interest({"interests": code}, "interests") for code in listed),
            quiet=None if data.get("quiet") is None else fields.nested(data, "quiet", Hours.from_data),
            per_hour=fields.whole(data, "per_hour", 0, CAP_MAX),
            per_day=fields.whole(data, "per_day", 0, CAP_MAX),
            urgent_passes=fields.flag(data, "urgent_passes"),
            unproven_shown=fields.flag(data, "unproven_shown"),
            weakest_dbm=fields.whole(data, "weakest_dbm", *_WEAKEST_RANGE_DBM),
            extra=fields.unknown(data, _FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """As the phone keeps it."""
        return {
            **fields.present(
                consent_ms=self.consent_ms, quiet=None if self.quiet is None else self.quiet.to_data()
            ),
            "language": self.language.value,
            "interests": sorted(self.interests),
            "per_hour": self.per_hour,
            "per_day": self.per_day,
            "urgent_passes": self.urgent_passes,
            "unproven_shown": self.unproven_shown,
            "weakest_dbm": self.weakest_dbm,
            **self.extra,
        }

    def after_yes(self, now_ms: int) -> "Person":
        """The person, having asked for notices."""
        return replace(self, consent_ms=now_ms)

    def after_no(self) -> "Person":
        """The person, having taken that back; what was chosen stays for another yes."""
        return replace(self, consent_ms=None)


_FIELDS = frozenset(
    {
        "consent_ms",
        "language",
        "interests",
        "quiet",
        "per_hour",
        "per_day",
        "urgent_passes",
        "unproven_shown",
        "weakest_dbm",
    }
)
