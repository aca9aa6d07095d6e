"""Whose identifier it is."""

import pytest

from beacon_node.receiver.core.resolver import Resolver
from shared.beacon_wire.eddystone import Eid, Uid, read
from shared.model.beacon_keys import PERIOD_S
from tests.support.phone import NOW_S, WINDOW_S, beacon_keys, eid_said, uid_said

PLACES = ("biblio-3", "parada-12", "quiosco-1")


def frame(data: bytes) -> Eid | Uid:
    found = read(data)
    assert isinstance(found, Eid | Uid)
    return found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_identifier_of_a_window_around_the_present_one_is_its_places(place: str, off: int) -> None:
    found = Resolver(beacon_keys(PLACES)).find(frame(eid_said(place, NOW_S + off * WINDOW_S)), NOW_S)
    assert found is not None
    assert (found.beacon.place, found.proven, found.window_off) == (place, True, off)


@pytest.mark.parametrize("off", [-40, -2, 2, 40])
def test_identifier_of_another_window_is_nobodys(off: int) -> None:
    assert (
        Resolver(beacon_keys(PLACES)).find(frame(eid_said("biblio-3", NOW_S + off * WINDOW_S)), NOW_S) is None
    )


def test_identifier_heard_long_ago_is_found_where_many_windows_are_looked_through() -> None:
    said = frame(eid_said("biblio-3", NOW_S - 40 * WINDOW_S))
    assert isinstance(said, Eid)
    found = Resolver(beacon_keys(PLACES)).find_within(said.identifier, NOW_S, 84)
    assert found is not None
    assert found.window_off == -40


def test_identifiers_are_followed_through_every_window_and_across_periods() -> None:
    resolver = Resolver(beacon_keys(PLACES))
    for now_s in range(NOW_S, NOW_S + 3 * PERIOD_S, WINDOW_S):
        for off in (-1, 0, 1):
            found = resolver.find(frame(eid_said("parada-12", now_s + off * WINDOW_S)), now_s)
            assert found is not None
            assert found.beacon.place == "parada-12"
            assert found.window_off == off


def test_clock_that_jumps_back_and_forth_finds_the_same() -> None:
    resolver = Resolver(beacon_keys(PLACES))
    for now_s in (NOW_S, NOW_S + PERIOD_S, NOW_S, NOW_S - PERIOD_S, NOW_S + 5 * PERIOD_S, NOW_S):
        found = resolver.find(frame(eid_said("quiosco-1", now_s)), now_s)
        assert found is not None
        assert found.beacon.place == "quiosco-1"


def test_time_beyond_the_bundles_keys_finds_nobody() -> None:
    late_s = NOW_S + 20 * PERIOD_S
    assert Resolver(beacon_keys(PLACES)).find(frame(eid_said("biblio-3", late_s)), late_s) is None
    assert Resolver(beacon_keys(PLACES)).find(frame(eid_said("biblio-3", 0)), 0) is None


def test_lasting_identity_is_found_and_proves_nothing() -> None:
    found = Resolver(beacon_keys(PLACES)).find(frame(uid_said("biblio-3")), NOW_S)
    assert found is not None
    assert (found.beacon.place, found.proven) == ("biblio-3", False)
    assert Resolver(beacon_keys(PLACES)).find(frame(uid_said("elsewhere")), NOW_S) is None
