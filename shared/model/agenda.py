"""The agenda: what the town has to say now: notices, events, information (bundle `agenda`).

    {"items":[{"id":"corte-agua-12","version":1,"kind":"notice","title":{"es":"Corte de agua"},
      "text":{"es":"El lunes de 9 a 14 h."},"from":"2026-11-20T00:00:00Z","until":"2026-11-24T00:00:00Z",
      "begins":"2026-11-23T08:00:00Z","ends":"2026-11-23T13:00:00Z","place":"Plaza Mayor"}]}

`from` and `until` say when it is shown; `begins` and `ends`, when it takes place. Nothing is shown for ever.
`id` and `version` are what a device names in `notice.shown`, `notice.subscribed` and `notice.consented`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from shared.model import fields
from shared.model.errors import InputError
from shared.model.instants import to_rfc3339
from shared.model.notice import NOTICE_LENGTH_MAX
from shared.model.wording import Wording, wording

ITEMS_MAX = 500
TITLE_LENGTH_MAX = 200
TEXT_LENGTH_MAX = 4_000
PLACE_LENGTH_MAX = 200


class Kind(StrEnum):
    """What an item is."""

    NOTICE = "notice"
    EVENT = "event"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that the town has to say.

    Attributes:
        id: names it; an event names it too.
        version: of its text.
        kind: what it is.
        title: in a few words.
        text: in full.
        from_ms: shown from this instant on, Unix epoch.
        until_ms: and until before this one.
        begins_ms: when it takes place; None where it does not say.
        ends_ms: when that is over; the same.
        place: where; None where it does not say.
        extra: what this version does not know.
    """

    id: str
    version: int
    kind: Kind
    title: Wording
    text: Wording
    from_ms: int
    until_ms: int
    begins_ms: int | None
    ends_ms: int | None
    place: str | None
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads one of `items`.

        Raises:
            InputError: a field is missing, of another type or too long, or a time ends before it begins.
        """
        item = cls(
            id=fields.text(data, "id", NOTICE_LENGTH_MAX),
            version=fields.whole(data, "version", 0, fields.INTEGER_MAX),
            kind=fields.choice(data, "kind", Kind),
            title=wording(data, "title", TITLE_LENGTH_MAX),
            text=wording(data, "text", TEXT_LENGTH_MAX),
            from_ms=fields.instant_ms(data, "from"),
            until_ms=fields.instant_ms(data, "until"),
            begins_ms=fields.instant_ms_or_none(data, "begins"),
            ends_ms=fields.instant_ms_or_none(data, "ends"),
            place=fields.text_or_none(data, "place", PLACE_LENGTH_MAX),
            extra=fields.unknown(data, _ITEM_FIELDS),
        )
        if item.until_ms <= item.from_ms:
            raise InputError("until is later than from; correct the sender")
        if item.ends_ms is not None and (item.begins_ms is None or item.ends_ms < item.begins_ms):
            raise InputError("ends comes after begins, and with it; correct the sender")
        return item

    def to_data(self) -> dict[str, object]:
        """One of `items`."""
        return {
            "id": self.id,
            "version": self.version,
            "kind": self.kind.value,
            "title": self.title.to_data(),
            "text": self.text.to_data(),
            "from": to_rfc3339(self.from_ms),
            "until": to_rfc3339(self.until_ms),
            **fields.present(
                begins=None if self.begins_ms is None else to_rfc3339(self.begins_ms),
                ends=None if self.ends_ms is None else to_rfc3339(self.ends_ms),
                place=self.place,
            ),
            **self.extra,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """What the town has to say, in the order in which it is shown; there may be nothing.

    Attributes:
        items: each id once.
        extra: what this version does not know.
    """

    items: Sequence[Item]
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the bundle's body.

        Raises:
            InputError: an item is wrong, or an id stands twice; the sentence names the place.
        """
        items = fields.each(data, "items", ITEMS_MAX, Item.from_data)
        fields.once("items", [one.id for one in items], "id")
        return cls(items=items, extra=fields.unknown(data, _AGENDA_FIELDS))

    def to_data(self) -> dict[str, object]:
        """The bundle's body, unknown fields included."""
        return {"items": [one.to_data() for one in self.items], **self.extra}

    def current(self, now_ms: int) -> Sequence[Item]:
        """What is to be shown now."""
        return [one for one in self.items if one.from_ms <= now_ms < one.until_ms]


_ITEM_FIELDS = frozenset(
    {"id", "version", "kind", "title", "text", "from", "until", "begins", "ends", "place"}
)
_AGENDA_FIELDS = frozenset({"items"})
