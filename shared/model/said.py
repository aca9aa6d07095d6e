"""Who orders something, why, and when: what is kept with every change that a person makes."""

from dataclasses import dataclass
from typing import Final

from shared.model.errors import InputError

WHO_LENGTH_MAX: Final = 64
WHY_LENGTH_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Who does something, and why.

    Attributes:
        who: does it, 1 to 64 letters.
        why: in words that name nobody, at most 200 letters.
        now_ms: the hub's clock, Unix epoch.

    Raises:
        InputError: who, or why, is too long, or nobody does it.
    """

    who: str
    why: str
    now_ms: int

    def __post_init__(self) -> None:
        if not 0 < len(self.who) <= WHO_LENGTH_MAX or len(self.why) > WHY_LENGTH_MAX:
            raise InputError(
                f"who does it has 1 to {WHO_LENGTH_MAX} letters, why at most {WHY_LENGTH_MAX}; shorten it"
            )
