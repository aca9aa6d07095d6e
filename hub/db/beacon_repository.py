"""Places, who stands there, the town's interests, and who did what with all this, on a connection.

Rows are few and rare here, so each method reads and writes at once.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from hub.db.beacon_tables import beacon_change, beacon_interest, beacon_place, beacon_stand
from hub.db.paging import Page, columns_of, read_page
from hub.db.statements import dialect_insert
from hub.domain.beacons.errors import InterestUnknownError, PlaceTakenError, PlaceUnknownError
from hub.domain.beacons.places import Place, Stand
from shared.model.beacon_keys import NAME_LENGTH_MAX
from shared.model.beacon_notices import INTERESTS_MAX, Interest
from shared.model.errors import ConflictError
from shared.model.said import Said
from shared.model.wording import Wording


class ChangedKind(StrEnum):
    """What was changed."""

    PLACE = "place"
    INTEREST = "interest"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconChange:
    """Who did what, in order."""

    id: int
    kind: str
    name: str
    what: str
    detail: str
    who: str
    why: str
    at_ms: int


class PlaceRepository:
    """The register of places.

    Args:
        connection: in a transaction; the writer's, where something is changed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, place: Place, said: Said) -> None:
        """Enters a place; nothing stands there yet.

        Raises:
            PlaceTakenError: its code is there already.
        """
        if self.find(place.code) is not None:
            raise PlaceTakenError(PlaceTakenError.__doc__)
        values = place.to_data() | {
            "name": _written(place.name),
            "lat": place.lat,
            "long": place.long,
            "position": place.position,
            "is_withdrawn": False,
        }
        self._connection.execute(insert(beacon_place).values(values))
        note(self._connection, ChangedKind.PLACE, place.code, "added", said, place.to_data())

    def find(self, code: str) -> Place | None:
        """A place by its code."""
        row = self._connection.execute(_PLACES.where(beacon_place.c.code == code)).mappings().first()
        return None if row is None else _place(row)

    def all(self, district: str | None = None) -> list[Place]:
        """Every place, or those of a district, by their codes."""
        query = _PLACES.order_by(beacon_place.c.code)
        if district is not None:
            query = query.where(beacon_place.c.district == district)
        return [_place(row) for row in self._connection.execute(query).mappings()]

    def withdraw(self, code: str, said: Said) -> None:
        """Takes a place out of use; whatever stands there stands nowhere.

        Raises:
            PlaceUnknownError: there is no such place, or it is out of use already.
        """
        self._in_use(code)
        if self.standing().get(code) is not None:
            self._stand(code, None, said.now_ms, said)
        self._connection.execute(
            update(beacon_place).where(beacon_place.c.code == code).values(is_withdrawn=True)
        )
        note(self._connection, ChangedKind.PLACE, code, "withdrawn", said, {})

    def assign(self, code: str, device: str | None, since_ms: int, said: Said) -> bool:
        """Says which device stands at a place from an instant on; None: none.

        Returns:
            Whether it was another one.

        Raises:
            PlaceUnknownError: there is no such place in use.
            ConflictError: the device stands elsewhere, or the instant lies before the last change there.
        """
        self._in_use(code)
        standing = self.standing()
        if standing.get(code) == device:
            return False
        elsewhere = next((place for place, its in standing.items() if its == device), None)
        if device is not None and elsewhere is not None:
            raise ConflictError(
                f"this device stands at {elsewhere}; free that place first: "
                f"`ventanilla hub places assign {elsewhere} --none`"
            )
        before = [stand.since_ms for stand in self.history(code)]
        if not max(before, default=0) <= since_ms <= said.now_ms:
            raise ConflictError("since lies after the last change there, and not in the future; correct it")
        self._stand(code, device, since_ms, said)
        note(self._connection, ChangedKind.PLACE, code, "assigned", said, {"device": device})
        return True

    def standing(self) -> dict[str, str]:
        """The device that stands at each place, by the place's code; places without one are left out."""
        last = select(func.max(beacon_stand.c.id)).group_by(beacon_stand.c.place)
        rows = self._connection.execute(select(beacon_stand).where(beacon_stand.c.id.in_(last)))
        return {row.place: row.device for row in rows if row.device is not None}

    def history(self, code: str) -> list[Stand]:
        """Which devices stood at a place, in order."""
        query = select(beacon_stand).where(beacon_stand.c.place == code).order_by(beacon_stand.c.id)
        return [
            Stand(place=row.place, device=row.device, since_ms=row.since_ms, who=row.who)
            for row in self._connection.execute(query)
        ]

    def _in_use(self, code: str) -> None:
        place = self.find(code)
        if place is None or place.is_withdrawn:
            raise PlaceUnknownError(PlaceUnknownError.__doc__)

    def _stand(self, code: str, device: str | None, since_ms: int, said: Said) -> None:
        self._connection.execute(
            insert(beacon_stand).values(place=code, device=device, since_ms=since_ms, who=said.who)
        )


class InterestRepository:
    """The town's list of interests.

    Args:
        connection: in a transaction; the writer's, where something is changed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, interest: Interest, said: Said) -> None:
        """Enters an interest, gives it another name, or brings it back.

        Raises:
            ConflictError: the list has as many as phones read.
        """
        if len({one.code for one in self.all()} | {interest.code}) > INTERESTS_MAX:
            raise ConflictError(f"the list has {INTERESTS_MAX} interests; withdraw one that nobody needs")
        values = {"name": _written(interest.name), "is_withdrawn": False}
        statement = dialect_insert(self._connection.dialect.name, beacon_interest)
        statement = statement.values(code=interest.code, **values)
        self._connection.execute(statement.on_conflict_do_update(index_elements=["code"], set_=values))
        note(self._connection, ChangedKind.INTEREST, interest.code, "put", said, interest.to_data())

    def withdraw(self, code: str, said: Said) -> None:
        """Offers an interest no more.

        Raises:
            InterestUnknownError: the list does not have it.
        """
        self.check([code])
        self._connection.execute(
            update(beacon_interest).where(beacon_interest.c.code == code).values(is_withdrawn=True)
        )
        note(self._connection, ChangedKind.INTEREST, code, "withdrawn", said, {})

    def all(self) -> list[Interest]:
        """What is offered, by code."""
        query = select(beacon_interest).where(beacon_interest.c.is_withdrawn.is_(False))
        rows = self._connection.execute(query.order_by(beacon_interest.c.code))
        return [Interest(code=row.code, name=_wording(row.name), extra={}) for row in rows]

    def check(self, codes: Iterable[str]) -> None:
        """See that the list has each of some interests.

        Raises:
            InterestUnknownError: it lacks one.
        """
        if not set(codes) <= {interest.code for interest in self.all()}:
            raise InterestUnknownError(InterestUnknownError.__doc__)


def note(
    connection: Connection, kind: ChangedKind, name: str, what: str, said: Said, detail: Mapping[str, object]
) -> None:
    """Notes who did what."""
    values = {"kind": kind.value, "name": name, "what": what, "who": said.who, "why": said.why}
    written = json.dumps(dict(detail), ensure_ascii=False, sort_keys=True)
    connection.execute(insert(beacon_change).values(values | {"detail": written, "at_ms": said.now_ms}))


def list_changes(
    connection: Connection, after: int, limit: int, kind: ChangedKind | None = None, name: str | None = None
) -> Page[BeaconChange]:
    """Who did what, in order.

    Args:
        connection: any.
        after: `next` of the page before, or 0.
        limit: how many at most.
        kind: of one kind alone.
        name: of one place, interest or notice alone.
    """
    query = columns_of(BeaconChange, beacon_change).where(beacon_change.c.id > after)
    if kind is not None:
        query = query.where(beacon_change.c.kind == kind.value)
    if name is not None:
        query = query.where(beacon_change.c.name == name)
    return read_page(connection, BeaconChange, query.order_by(beacon_change.c.id), limit)


def _place(row: RowMapping) -> Place:
    plain: dict[str, Any] = dict(row)
    plain["name"] = _wording(plain["name"])
    return Place(**plain)


def _written(words: Wording) -> str:
    return json.dumps(words.to_data(), ensure_ascii=False)


def _wording(written: str) -> Wording:
    return Wording.from_data(cast("dict[str, object]", json.loads(written)), NAME_LENGTH_MAX)


_PLACES = select(*(beacon_place.c[name] for name in Place.__dataclass_fields__))
