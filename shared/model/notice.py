"""What became of a notice on a device: shown, subscribed to, consented to.

The notices themselves reach devices as bundles. Who consented stands in the event's `subject`, a pseudonym.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from shared.model import fields

NOTICE_LENGTH_MAX = 64
CHANNEL_LENGTH_MAX = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeResponse:
    """One response to one version of a notice (`notice.shown`, `notice.subscribed`, `notice.consented`)."""

    notice: str
    version: int
    channel: str | None
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type, too long or out of range.
        """
        return cls(
            notice=fields.text(data, "notice", NOTICE_LENGTH_MAX),
            version=fields.whole(data, "version", 0, fields.INTEGER_MAX),
            channel=fields.text_or_none(data, "channel", CHANNEL_LENGTH_MAX),
            extra=fields.unknown(data, _FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return {
            "notice": self.notice,
            "version": self.version,
            **fields.present(channel=self.channel),
            **self.extra,
        }


_FIELDS = frozenset({"notice", "version", "channel"})
