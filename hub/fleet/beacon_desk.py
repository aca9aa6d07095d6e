"""Places, interests and notices: what a clerk does with them, each in one transaction, with who did it.

    draft -> approve -> (said from `from` until `until`) -> correct | withdraw

Rules: `hub.domain.beacons`. A refusal changes nothing, and its sentence says what to do. What was committed
was done, and is said to be: where phones' bundles cannot be made again at once, the job makes them later.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from hub.db.beacon_notice_repository import NoticeRepository
from hub.db.beacon_repository import InterestRepository, PlaceRepository
from hub.db.engine import Connection
from hub.db.failures import READING_FAILED
from hub.db.writer import Writer
from hub.domain.beacons.errors import NoBeaconError, PlaceUnknownError
from hub.domain.beacons.notices import Approval, Wanted, check_draft
from hub.domain.beacons.places import Place, Stand
from hub.keys.enrolment import BEACON
from hub.keys.registry import Registry
from shared.model import fields
from shared.model.beacon_notices import BeaconNotice, Interest
from shared.model.notice import NOTICE_LENGTH_MAX
from shared.model.said import Said

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceStanding:
    """A place, what stands there, and what stood there.

    Attributes:
        place: the place.
        device: what stands there now; None where nothing does.
        history: in order.
    """

    place: Place
    device: str | None
    history: list[Stand]


class BeaconDesk:
    """Takes a clerk's orders.

    Args:
        writer: the database.
        registry: knows devices.
        approval: who may approve a notice.
        clock: the hub's time, Unix epoch in milliseconds.
        changed: called after a change: phones may have something new to fetch.
    """

    def __init__(
        self,
        writer: Writer,
        registry: Registry,
        approval: Approval,
        clock: Callable[[], int],
        changed: Callable[[], None],
    ) -> None:
        self._writer = writer
        self._registry = registry
        self._approval = approval
        self._clock = clock
        self._changed = changed

    def add_place(self, data: Mapping[str, object], who: str) -> Place:
        """Enter a place.

        Raises:
            PlaceTakenError: its code is there already.
            InputError: a field of it is wrong.
            TransientError: it was not committed; repeat.
        """
        place, said = Place.from_data(data), self._said(who)
        self._writer.run(lambda connection: PlaceRepository(connection).add(place, said))
        self._tell_phones()
        return place

    def assign(self, code: str, device: str | None, since_ms: int | None, who: str, why: str) -> bool:
        """Say which device stands at a place from an instant on, by default from now; None: none.

        Raises:
            UnknownDeviceError: no such device is enrolled here.
            NoBeaconError: it is a device of another kind.
            PlaceUnknownError: there is no such place in use.
            ConflictError: the device stands elsewhere, or the instant cannot be.
            TransientError: it was not committed; repeat.
        """
        if device is not None and self._registry.device(device).kind != BEACON:
            raise NoBeaconError(NoBeaconError.__doc__)
        said = self._said(who, why)
        since = said.now_ms if since_ms is None else since_ms
        done = self._writer.run(
            lambda connection: PlaceRepository(connection).assign(code, device, since, said)
        )
        self._tell_phones()
        return done

    def withdraw_place(self, code: str, who: str, why: str) -> None:
        """Take a place out of use.

        Raises:
            PlaceUnknownError: there is no such place in use.
            TransientError: it was not committed; repeat.
        """
        said = self._said(who, why)
        self._writer.run(lambda connection: PlaceRepository(connection).withdraw(code, said))
        self._tell_phones()

    def places(self, district: str | None) -> list[tuple[Place, str | None]]:
        """Return every place, or those of a district, with what stands there."""
        with self._writer.read() as connection:
            repository = PlaceRepository(connection)
            standing = repository.standing()
            return [(place, standing.get(place.code)) for place in repository.all(district)]

    def place(self, code: str) -> PlaceStanding:
        """Return a place and what stood there.

        Raises:
            PlaceUnknownError: there is none.
        """
        with self._writer.read() as connection:
            repository = PlaceRepository(connection)
            found, history = repository.find(code), repository.history(code)
        if found is None:
            raise PlaceUnknownError(PlaceUnknownError.__doc__)
        return PlaceStanding(place=found, device=history[-1].device if history else None, history=history)

    def put_interest(self, data: Mapping[str, object], who: str) -> Interest:
        """Enter an interest, or give it another name.

        Raises:
            ConflictError: the list is full.
            InputError: a field of it is wrong.
            TransientError: it was not committed; repeat.
        """
        interest, said = Interest.from_data(data), self._said(who)
        self._writer.run(lambda connection: InterestRepository(connection).put(interest, said))
        self._tell_phones()
        return interest

    def withdraw_interest(self, code: str, who: str, why: str) -> None:
        """Offer an interest no more.

        Raises:
            InterestUnknownError: the list does not have it.
            TransientError: it was not committed; repeat.
        """
        said = self._said(who, why)
        self._writer.run(lambda connection: InterestRepository(connection).withdraw(code, said))
        self._tell_phones()

    def draft(self, data: Mapping[str, object], who: str) -> BeaconNotice:
        """Keep a draft of a notice, or of a correction of one; nothing is said before it is approved.

        Raises:
            PlaceUnknownError: it names a place that there is not, or that is out of use.
            InterestUnknownError: it names an interest that the town's list does not have.
            InputError: a field is missing or wrong, or it has ended.
            TransientError: it was not committed; repeat.
        """
        said = self._said(who)
        name = fields.text(data, "id", NOTICE_LENGTH_MAX)

        def job(connection: Connection) -> BeaconNotice:
            register = NoticeRepository(connection)
            wanted = Wanted.from_data(data, register.next_version(name))
            check_draft(wanted, said.now_ms)
            _check_places(connection, wanted)
            InterestRepository(connection).check(wanted.notice.interests)
            register.draft(wanted, said)
            return wanted.notice

        return self._writer.run(job)

    def approve(self, notice: str, version: int, who: str) -> None:
        """Let a draft be said.

        Raises:
            NoticeUnknownError: there is no such version.
            NoticeStateError: it is no draft.
            SamePersonError: who drafted it wants to approve it.
            InputError: it has ended meanwhile.
            TransientError: it was not committed; repeat.
        """
        said = self._said(who)
        self._writer.run(
            lambda connection: NoticeRepository(connection).approve(notice, version, said, self._approval)
        )
        self._tell_phones()

    def withdraw(self, notice: str, who: str, why: str) -> None:
        """Say a notice no more.

        Raises:
            NoticeUnknownError: there is none that is said or drafted.
            TransientError: it was not committed; repeat.
        """
        said = self._said(who, why)
        self._writer.run(lambda connection: NoticeRepository(connection).withdraw(notice, said))
        self._tell_phones()

    def _tell_phones(self) -> None:
        try:
            self._changed()
        except READING_FAILED:  # the order was carried out, whatever becomes of the bundles
            log.exception("phone_bundles_not_made_at_once")

    def _said(self, who: str, why: str = "") -> Said:
        return Said(who=who, why=why, now_ms=self._clock())


def _check_places(connection: Connection, wanted: Wanted) -> None:
    """See that each place is in use, and in one of the districts that are named."""
    known = {
        place.code: place.district for place in PlaceRepository(connection).all() if not place.is_withdrawn
    }
    districts = set(wanted.districts) or set(known.values())
    if any(known.get(code) not in districts for code in wanted.notice.places):
        raise PlaceUnknownError(
            "a place of this notice is not in use, or not in its districts; `ventanilla hub places list`"
        )
    if unknown := sorted(districts - set(known.values())):
        raise PlaceUnknownError(
            f"the district {unknown[0]} has no place in use; `ventanilla hub places list`"
        )
