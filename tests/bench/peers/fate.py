"""What became of events that somebody was told are taken."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """The sums of one trial.

    Attributes:
        kills: how often something was killed with -9.
        told: events that somebody was told are taken.
        lost: of those, events that never arrived.
        doubled: arrivals beyond the first of an event.
    """

    kills: int
    told: int
    lost: int
    doubled: int

    @classmethod
    def of(cls, kills: int, told: Collection[str], seen: Mapping[str, int]) -> Self:
        """Compare what was told with what arrived."""
        return cls(
            kills=kills,
            told=len(told),
            lost=len(set(told) - set(seen)),
            doubled=sum(times - 1 for times in seen.values()),
        )

    def row(self, name: str, trial: str) -> dict[str, object]:
        """Return a row of `bench.json`: the share of told events that were lost, and the sums beside it."""
        return {
            "name": name,
            "value": self.lost,
            "unit": "lost",
            "against": f"{self.told} told",
            "ratio": round(self.lost / self.told, 4) if self.told else 0.0,
            "trial": trial,
            **asdict(self),
        }
