"""When the town hall's counter is open: outside of it the first page says when it opens again.

What the kiosk offers does not depend on it; people who find the door shut learn that they need not wait.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, Self

from kiosk_app.core.words import Instant, Words, say
from shared.model.instants import WEEK

_DAYS_AHEAD: Final = 8


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours of a week.

    Attributes:
        days: from when to when, by the day of the week, Monday 0; closed on those that are missing.
    """

    days: Mapping[int, tuple[time, time]]

    @classmethod
    def read(cls, setting: Mapping[str, Sequence[str]]) -> Self:
        """Read the setting `kiosk.hours`, whose form has been checked."""
        return cls(
            {
                WEEK.index(day): (time.fromisoformat(begins), time.fromisoformat(ends))
                for day, (begins, ends) in setting.items()
            }
        )

    def closed(self, now: datetime) -> Words | None:
        """Return that the counter is closed and when it opens; None while it is open.

        Args:
            now: in the town's time zone.
        """
        today = self.days.get(now.weekday())
        if today is not None and today[0] <= now.time() < today[1]:
            return None
        for ahead in range(_DAYS_AHEAD):
            day = now.date() + timedelta(days=ahead)
            hours = self.days.get(day.weekday())
            if hours is None:
                continue
            opens = datetime.combine(day, hours[0], now.tzinfo)
            if opens > now:
                return say(
                    "La oficina está cerrada. Abre el {when}. Esto puede hacerlo aquí ahora:",
                    when=Instant(int(opens.timestamp() * 1000)),
                )
        return None
