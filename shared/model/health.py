"""What a device says of itself: the state of a part, and counters of its own work, never of persons."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from shared.model import fields
from shared.model.errors import InputError

KEY_LENGTH_MAX = 64
DETAIL_LENGTH_MAX = 500
COUNTERS_MAX = 64


class Condition(StrEnum):
    """How a part of a device does."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """The state of one part of a device (`device.state`), e.g. of its printer."""

    key: str
    state: Condition
    detail: str | None
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type or too long.
        """
        return cls(
            key=fields.text(data, "key", KEY_LENGTH_MAX),
            state=fields.choice(data, "state", Condition),
            detail=fields.text_or_none(data, "detail", DETAIL_LENGTH_MAX),
            extra=fields.unknown(data, _STATE_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return {
            "key": self.key,
            "state": self.state.value,
            **fields.present(detail=self.detail),
            **self.extra,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCounters:
    """Counters of a device since its start (`device.counters`), e.g. `free_ride`."""

    counters: Mapping[str, int]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data: every field is a counter.

        Raises:
            InputError: there are too many, a name is too long, or a value is no whole number.
        """
        if len(data) > COUNTERS_MAX or any(not 0 < len(name) <= KEY_LENGTH_MAX for name in data):
            raise InputError(f"device.counters holds up to {COUNTERS_MAX} counters with short names")
        limit = fields.INTEGER_MAX
        return cls(counters={name: fields.whole(data, name, -limit, limit) for name in data})

    def to_data(self) -> dict[str, object]:
        """The event's data."""
        return dict(self.counters)


_STATE_FIELDS = frozenset({"key", "state", "detail"})
