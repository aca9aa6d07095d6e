"""What the town says at its beacons (bundle `beacon-notices-<district>`): the phone decides what it shows.

    {"district":"centro","interests":[{"code":"musica","name":{"es":"Música"}}],"notices":[{"id":"concierto-7",
      "version":1,"title":{"es":"Concierto a las ocho"},"text":{"es":"Entrada libre."},"interests":["musica"],
      "places":["biblio-3"],"from":"2026-11-20T00:00:00Z","until":"2026-11-21T19:00:00Z",
      "hours":{"from":"08:00","until":"22:00"},"urgency":"normal","link":"https://…",
      "picture":{"url":"https://…","sha256":"…"}}]}

`places` empty: every place of the district. `interests` empty: for everyone who wants notices at all. `hours`
are of the town's clock and may pass midnight. A picture is fetched with the bundle, not at sight of a beacon.

Source: docs/BEACON.md.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from shared.model import codes, fields
from shared.model.errors import InputError
from shared.model.instants import to_rfc3339
from shared.model.notice import NOTICE_LENGTH_MAX
from shared.model.wording import Wording, wording

NOTICES_MAX: Final = 5_000
INTERESTS_MAX: Final = 100
"""More than anybody reads through to choose from."""
PLACES_MAX: Final = 1_000
TITLE_LENGTH_MAX: Final = 80
"""What a phone shows in the head of a notification, in large print too."""
TEXT_LENGTH_MAX: Final = 600
NAME_LENGTH_MAX: Final = 60
URL_LENGTH_MAX: Final = 500
_CLOCK_LENGTH: Final = 5
_DAY_MIN: Final = 24 * 60
_ADDRESS: Final = re.compile(
    r"https://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?([/?#][\x21-\x7e]*)?", re.ASCII | re.IGNORECASE
)


class Urgency(StrEnum):
    """How much a notice presses."""

    NORMAL = "normal"
    URGENT = "urgent"
    """It passes quiet hours and caps of those who said that it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Hours of the day, by the town's clock.

    Attributes:
        from_min: minutes since midnight, included.
        until_min: the same, not included; before `from_min` where the hours pass midnight.
    """

    from_min: int
    until_min: int

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads `{"from":"08:00","until":"22:00"}`.

        Raises:
            InputError: one is missing or no time of the day, or both are the same.
        """
        hours = cls(from_min=_minutes(data, "from"), until_min=_minutes(data, "until"))
        if hours.from_min == hours.until_min:
            raise InputError("from and until are two times; leave hours out where it counts all day")
        return hours

    def to_data(self) -> dict[str, object]:
        """As it is written."""
        return {"from": _clock(self.from_min), "until": _clock(self.until_min)}

    def covers(self, minute: int) -> bool:
        """Whether a minute of the town's day, 0 to 1,439, is within."""
        if self.from_min < self.until_min:
            return self.from_min <= minute < self.until_min
        return minute >= self.from_min or minute < self.until_min


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that lies elsewhere.

    Attributes:
        url: by https.
        sha256: of the file, small hexadecimal digits: another file is not shown.
        extra: what this version does not know.
    """

    url: str
    sha256: str
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads it.

        Raises:
            InputError: a field is missing, or is no such address or hash.
        """
        url = address(data, "url")
        digest = fields.text(data, "sha256", 64)
        if len(digest) != 64 or not frozenset("0123456789abcdef").issuperset(digest):  # noqa: PLR2004 - SHA-256
            raise InputError("sha256 is 64 small hexadecimal digits; correct the sender")
        return cls(url=url, sha256=digest, extra=fields.unknown(data, _PICTURE_FIELDS))

    def to_data(self) -> dict[str, object]:
        """As it is written, unknown fields included."""
        return {"url": self.url, "sha256": self.sha256, **self.extra}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """Something that people may care about.

    Attributes:
        code: names it.
        name: for people.
        extra: what this version does not know.
    """

    code: str
    name: Wording
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads one of `interests`.

        Raises:
            InputError: a field is missing or wrong.
        """
        return cls(
            code=codes.interest(data, "code"),
            name=wording(data, "name", NAME_LENGTH_MAX),
            extra=fields.unknown(data, _INTEREST_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """One of `interests`."""
        return {"code": self.code, "name": self.name.to_data(), **self.extra}


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconNotice:
    """One notice.

    Attributes:
        id: names it.
        version: of its text; a correction is a higher one.
        title: in a few words.
        text: in full.
        interests: codes; who has one of them cares. Empty: everybody.
        places: codes of the places where it is said. Empty: all of the district.
        from_ms: said from this instant on, Unix epoch.
        until_ms: and until before this one.
        hours: of the day, by the town's clock; None: at every hour.
        urgency: how much it presses.
        link: where there is more; None where there is not.
        picture: None where there is none.
        extra: what this version does not know.
    """

    id: str
    version: int
    title: Wording
    text: Wording
    interests: Sequence[str]
    places: Sequence[str]
    from_ms: int
    until_ms: int
    hours: Hours | None
    urgency: Urgency
    link: str | None
    picture: Picture | None
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads one of `notices`.

        Raises:
            InputError: a field is missing, of another type or too long, or it ends before it begins.
        """
        notice = cls(
            id=fields.text(data, "id", NOTICE_LENGTH_MAX),
            version=fields.whole(data, "version", 1, fields.INTEGER_MAX),
            title=wording(data, "title", TITLE_LENGTH_MAX),
            text=wording(data, "text", TEXT_LENGTH_MAX),
            interests=_interests(data),
            places=_places(data),
            from_ms=fields.instant_ms(data, "from"),
            until_ms=fields.instant_ms(data, "until"),
            hours=None if data.get("hours") is None else fields.nested(data, "hours", Hours.from_data),
            urgency=fields.choice(data, "urgency", Urgency),
            link=None if data.get("link") is None else address(data, "link"),
            picture=None
            if data.get("picture") is None
            else fields.nested(data, "picture", Picture.from_data),
            extra=fields.unknown(data, _NOTICE_FIELDS),
        )
        if notice.until_ms <= notice.from_ms:
            raise InputError("until is later than from; correct the sender")
        return notice

    def to_data(self) -> dict[str, object]:
        """One of `notices`."""
        return {
            "id": self.id,
            "version": self.version,
            "title": self.title.to_data(),
            "text": self.text.to_data(),
            "interests": list(self.interests),
            "places": list(self.places),
            "from": to_rfc3339(self.from_ms),
            "until": to_rfc3339(self.until_ms),
            **fields.present(hours=None if self.hours is None else self.hours.to_data()),
            "urgency": self.urgency.value,
            **fields.present(
                link=self.link, picture=None if self.picture is None else self.picture.to_data()
            ),
            **self.extra,
        }

    def is_said(self, now_ms: int, minute: int) -> bool:
        """Whether it is said now.

        Args:
            now_ms: Unix epoch.
            minute: of the town's day, 0 to 1,439.
        """
        is_time = self.from_ms <= now_ms < self.until_ms
        return is_time and (self.hours is None or self.hours.covers(minute))

    def is_at(self, place: str) -> bool:
        """Whether it is said at a place of its district."""
        return not self.places or place in self.places

    def is_for(self, interests: frozenset[str]) -> bool:
        """Whether somebody with these interests cares."""
        return not self.interests or not interests.isdisjoint(self.interests)


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconNotices:
    """What is said in a district.

    Attributes:
        district: its code.
        interests: what people may choose from, in this order; each code once.
        notices: each id once.
        extra: what this version does not know.
    """

    district: str
    interests: Sequence[Interest]
    notices: Sequence[BeaconNotice]
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the bundle's body.

        Raises:
            InputError: a field is wrong, or a code or id stands twice; the sentence names the place.
        """
        interests = fields.each(data, "interests", INTERESTS_MAX, Interest.from_data)
        fields.once("interests", [one.code for one in interests], "code")
        notices = fields.each(data, "notices", NOTICES_MAX, BeaconNotice.from_data)
        fields.once("notices", [one.id for one in notices], "id")
        return cls(
            district=codes.district(data, "district"),
            interests=interests,
            notices=notices,
            extra=fields.unknown(data, _FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The bundle's body, unknown fields included."""
        return {
            "district": self.district,
            "interests": [one.to_data() for one in self.interests],
            "notices": [one.to_data() for one in self.notices],
            **self.extra,
        }


def address(data: Mapping[str, object], name: str) -> str:
    """An address on the web, by https alone, without a user in it.

    Raises:
        InputError: it is missing or none.
    """
    written = fields.text(data, name, URL_LENGTH_MAX)
    if _ADDRESS.fullmatch(written) is None:
        raise InputError(f"{name} is an address that begins with https://; correct the sender")
    return written


def _interests(data: Mapping[str, object]) -> tuple[str, ...]:
    listed = fields.texts(data, "interests", INTERESTS_MAX, codes.INTEREST_LENGTH_MAX)
    return tuple(codes.interest({"interests": code}, "interests") for code in listed)


def _places(data: Mapping[str, object]) -> tuple[str, ...]:
    listed = fields.texts(data, "places", PLACES_MAX, codes.PLACE_LENGTH_MAX)
    return tuple(codes.place({"places": code}, "places") for code in listed)


def _minutes(data: Mapping[str, object], name: str) -> int:
    written = fields.text(data, name, _CLOCK_LENGTH)
    hour, colon, minute = written[:2], written[2:3], written[3:]
    if (
        len(written) == _CLOCK_LENGTH
        and colon == ":"
        and (hour + minute).isascii()
        and (hour + minute).isdigit()
    ):
        found = 60 * int(hour) + int(minute)
        if int(minute) < 60 and found < _DAY_MIN:  # noqa: PLR2004 - minutes of an hour
            return found
    raise InputError(f"{name} is a time of the day, such as 08:30; correct the sender")


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


_PICTURE_FIELDS = frozenset({"url", "sha256"})
_INTEREST_FIELDS = frozenset({"code", "name"})
_NOTICE_FIELDS = frozenset(
    {
        "id",
        "version",
        "title",
        "text",
        "interests",
        "places",
        "from",
        "until",
        "hours",
        "urgency",
        "link",
        "picture",
    }
)
_FIELDS = frozenset({"district", "interests", "notices"})
