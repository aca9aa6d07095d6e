"""Places, interests and notices at the clerk's desk: four eyes, corrections, refusals, and who did what."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from hub.db.beacon_repository import ChangedKind, list_changes
from hub.domain.beacons.errors import (
    InterestUnknownError,
    NoBeaconError,
    NoticeStateError,
    NoticeUnknownError,
    PlaceTakenError,
    PlaceUnknownError,
    SamePersonError,
)
from hub.domain.beacons.notices import Approval
from hub.keys.registry import UnknownDeviceError
from shared.model.beacon_notices import INTERESTS_MAX
from shared.model.errors import ConflictError, InputError
from tests.support.beacon_town import MUSIC, BeaconTown, place, walk_through_the_registers


@pytest.fixture
def town(tmp_path: Path) -> Iterator[BeaconTown]:
    town = BeaconTown(tmp_path)
    yield town
    town.close()


def test_registers_keep_places_notices_and_corrections(town: BeaconTown) -> None:
    walk_through_the_registers(town)


def test_place_of_a_code_that_was_given_is_refused_even_after_it_was_withdrawn(town: BeaconTown) -> None:
    town.desk.add_place(place(), "ana")
    town.desk.withdraw_place("biblio-3", "ana", "")
    with pytest.raises(PlaceTakenError):
        town.desk.add_place(place(), "ana")


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": "B-3"},
        {"code": "abc"},
        {"district": "El Centro"},
        {"district": "a" * 18},
        {"name": {"en": "Library"}},
        {"lat": 43.0},
        {"lat": 91.0, "long": 0.0},
        {"site": ""},
        {"colour": "red"},
    ],
)
def test_place_with_a_fault_is_refused_with_its_remedy(town: BeaconTown, wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"; |, "):
        town.desk.add_place(place() | wrong, "ana")
    assert town.desk.places(None) == []


def test_device_stands_at_one_place_and_a_place_has_one_device(town: BeaconTown) -> None:
    town.desk.add_place(place(), "ana")
    town.desk.add_place(place("kiosko-1"), "ana")
    town.desk.assign("biblio-3", "beacon-1", None, "ana", "")
    with pytest.raises(ConflictError, match="biblio-3 --none"):
        town.desk.assign("kiosko-1", "beacon-1", None, "ana", "")
    town.desk.assign("biblio-3", None, None, "ana", "it moves")
    town.desk.assign("kiosko-1", "beacon-1", None, "ana", "")
    assert {found.code: device for found, device in town.desk.places("centro")} == {
        "biblio-3": None,
        "kiosko-1": "beacon-1",
    }


def test_device_that_is_no_beacon_stands_at_no_place(town: BeaconTown) -> None:
    town.desk.add_place(place(), "ana")
    with pytest.raises(NoBeaconError, match="--kind beacon"):
        town.desk.assign("biblio-3", "kiosk-1", None, "ana", "")
    assert town.desk.place("biblio-3").history == []


@pytest.mark.parametrize("since", [-1, 1_000])
def test_instant_of_an_assignment_lies_after_the_last_one_and_not_in_the_future(
    town: BeaconTown, since: int
) -> None:
    town.desk.add_place(place(), "ana")
    town.desk.assign("biblio-3", "beacon-1", None, "ana", "")
    with pytest.raises(ConflictError, match="since"):
        town.desk.assign("biblio-3", "beacon-2", town.office.now_ms + since, "ana", "")


def test_device_that_is_not_enrolled_and_place_that_is_withdrawn_are_refused(town: BeaconTown) -> None:
    town.desk.add_place(place(), "ana")
    with pytest.raises(UnknownDeviceError):
        town.desk.assign("biblio-3", "beacon-99", None, "ana", "")
    town.desk.assign("biblio-3", "beacon-1", None, "ana", "")
    town.desk.withdraw_place("biblio-3", "ana", "")
    assert town.desk.place("biblio-3").device is None
    for order in (
        lambda: town.desk.assign("biblio-3", "beacon-1", None, "ana", ""),
        lambda: town.desk.withdraw_place("biblio-3", "ana", ""),
        lambda: town.desk.place("nowhere"),
    ):
        with pytest.raises(PlaceUnknownError):
            order()


@pytest.mark.parametrize(
    ("who", "rule", "refused"),
    [
        ("ana", Approval.ANOTHER, True),
        ("ANA", Approval.ANOTHER, True),
        (" ana  ", Approval.ANOTHER, True),
        ("\uff21na", Approval.ANOTHER, True),
        ("ana", Approval.ANYONE, False),
        ("anabel", Approval.ANOTHER, False),
    ],
)
def test_notice_is_approved_by_another_person_than_who_drafted_it(
    tmp_path: Path, who: str, rule: Approval, refused: bool
) -> None:
    town = BeaconTown(tmp_path, approval=rule)
    town.desk.add_place(place(), "ana")
    town.desk.draft(town.notice(), "ana")
    if refused:
        with pytest.raises(SamePersonError):
            town.desk.approve("concierto-7", 1, who)
    else:
        town.desk.approve("concierto-7", 1, who)
    assert len(town.notices().notices) == (0 if refused else 1)
    town.close()


def test_draft_is_said_nowhere_and_a_correction_only_from_its_approval_on(town: BeaconTown) -> None:
    town.desk.add_place(place(), "ana")
    town.desk.draft(town.notice(), "ana")
    assert town.notices().notices == ()
    town.desk.approve("concierto-7", 1, "blas")
    town.desk.draft(town.notice(title={"es": "Otro"}), "ana")
    assert [one.version for one in town.notices().notices] == [1]
    town.desk.draft(town.notice(title={"es": "Otro más"}), "ana")  # in the place of the draft before
    with pytest.raises(NoticeStateError):
        town.desk.approve("concierto-7", 2, "blas")
    town.desk.approve("concierto-7", 3, "blas")
    assert [(one.version, one.title.es) for one in town.notices().notices] == [(3, "Otro más")]
    for version in (1, 3):
        with pytest.raises(NoticeStateError):
            town.desk.approve("concierto-7", version, "blas")
    with pytest.raises(NoticeUnknownError):
        town.desk.approve("concierto-7", 4, "blas")


def test_notice_that_was_withdrawn_is_not_withdrawn_again_and_may_be_drafted_again(town: BeaconTown) -> None:
    town.desk.add_place(place(), "ana")
    town.say(town.notice())
    town.desk.withdraw("concierto-7", "blas", "rain")
    with pytest.raises(NoticeUnknownError):
        town.desk.withdraw("concierto-7", "blas", "rain")
    assert town.say(town.notice()) == 2


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"places": ["nowhere"]}, PlaceUnknownError),
        ({"places": ["kiosko-1"], "districts": ["centro"]}, PlaceUnknownError),
        ({"districts": ["nirgends"]}, PlaceUnknownError),
        ({"interests": ["ajedrez"]}, InterestUnknownError),
        ({"link": "http://ciudad.example"}, InputError),
        ({"picture": {"url": "https://ciudad.example/x.jpg"}}, InputError),
        ({"hours": {"from": "25:00", "until": "08:00"}}, InputError),
        ({"urgencia": "alta"}, InputError),
        ({"id": "2026/11"}, InputError),
        ({"id": ".."}, InputError),
        ({"id": "dos palabras"}, InputError),
        ({"from": "2100-01-02T00:00:00Z", "until": "2100-01-02T00:00:00Z"}, InputError),
        ({"from": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}, InputError),
    ],
)
def test_draft_with_a_fault_is_refused_and_nothing_is_kept(
    town: BeaconTown, wrong: dict[str, object], kind: type[InputError]
) -> None:
    town.desk.add_place(place(), "ana")
    town.desk.add_place(place("kiosko-1", "puerto"), "ana")
    town.desk.put_interest(MUSIC, "ana")
    with pytest.raises(kind):
        town.desk.draft(town.notice() | wrong, "ana")
    with pytest.raises(NoticeUnknownError):
        town.desk.withdraw("concierto-7", "ana", "")


def test_draft_that_ended_before_it_was_approved_leaves_what_is_said(town: BeaconTown) -> None:
    town.desk.add_place(place(), "ana")
    town.say(town.notice(days=6))
    town.desk.draft(town.notice(days=1, title={"es": "Hoy no"}), "ana")
    town.pass_days(2)
    with pytest.raises(InputError, match="ended"):
        town.desk.approve("concierto-7", 2, "blas")
    assert [one.version for one in town.notices().notices] == [1]


def test_list_of_interests_is_no_longer_than_phones_read(town: BeaconTown) -> None:
    town.desk.add_place(place(), "ana")
    for number in range(INTERESTS_MAX):
        town.desk.put_interest({"code": f"i{number}", "name": {"es": "Algo"}}, "ana")
    with pytest.raises(ConflictError, match="withdraw"):
        town.desk.put_interest(MUSIC, "ana")
    town.desk.put_interest({"code": "i7", "name": {"es": "Otro nombre"}}, "ana")
    assert len(town.notices().interests) == INTERESTS_MAX
    town.desk.withdraw_interest("i7", "ana", "")
    town.desk.put_interest(MUSIC, "ana")
    assert "musica" in {one.code for one in town.notices().interests}


class DeafTown(BeaconTown):
    """Its bundles cannot be made just now: the database went away after the order was committed."""

    def _changed(self) -> None:
        raise OperationalError("SELECT 1", {}, OSError("the database does not answer"))


def test_order_that_was_committed_is_said_to_be_done_whatever_becomes_of_the_bundles(tmp_path: Path) -> None:
    town = DeafTown(tmp_path)
    town.desk.add_place(place(), "ana")
    assert town.desk.assign("biblio-3", "beacon-1", None, "ana", "")
    town.say(town.notice())
    town.desk.withdraw("concierto-7", "blas", "rain")
    assert town.desk.places(None) == [(town.desk.place("biblio-3").place, "beacon-1")]
    town.close()


def test_every_act_is_kept_with_who_did_it(town: BeaconTown) -> None:
    walk_through_the_registers(town)
    with town.office.writer.read() as connection:
        notices = list_changes(connection, 0, 100, ChangedKind.NOTICE, "concierto-7").items
        all_of_them = list_changes(connection, 0, 100).items
        first = list_changes(connection, 0, 2)
    assert [(one.what, one.who) for one in notices] == [
        ("drafted", "ana"),
        ("approved", "blas"),
        ("drafted", "ana"),
        ("approved", "blas"),
        ("withdrawn", "ana"),
    ]
    assert notices[-1].why == "rain"
    assert {one.kind for one in all_of_them} == {"place", "interest", "notice"}
    assert (len(first.items), first.next) == (2, str(first.items[-1].id))


@pytest.mark.parametrize(("who", "why"), [("", ""), ("a" * 65, ""), ("ana", "w" * 201)])
def test_whoever_says_nobody_did_it_or_says_too_much_is_refused(town: BeaconTown, who: str, why: str) -> None:
    town.desk.add_place(place(), "ana")
    with pytest.raises(InputError, match="shorten"):
        town.desk.withdraw_place("biblio-3", who, why)
