"""The desired twin's trial: what is taken, what is given up, and what is never lost on the way."""

from dataclasses import replace

import pytest

from shared.model.errors import InputError
from shared.protocol import limits
from shared.protocol.twin import (
    Answer,
    Desired,
    Phase,
    Twin,
    decode_desired,
    encode_desired,
    offer,
    reached,
    read_twin,
    refuse,
    started,
    time_is_up,
    twin_members,
)
from shared.protocol.versions import Version, parse_version, version_of


def desired(n: int, incarnation: int = 1, confirm_s: int = 60) -> Desired:
    return Desired(version=Version(incarnation, n), doc={"screen.idle_s": 20 + n}, confirm_s=confirm_s)


def settled(n: int) -> Twin:
    return reached(offer(Twin(), desired(n))[0])


@pytest.mark.sentence("W-2")
def test_version_that_rises_is_on_trial_until_it_reaches_the_hub() -> None:
    twin, answer = offer(settled(1), desired(2))
    assert (answer, twin.phase, twin.in_force) == (Answer.TAKEN, Phase.TRIAL, {"screen.idle_s": 22})
    twin = reached(twin)
    assert (twin.phase, twin.version, twin.wanted) == (Phase.STEADY, Version(1, 2), None)


@pytest.mark.sentence("W-1")
@pytest.mark.parametrize("older", [desired(1), desired(9, incarnation=0)])
def test_version_that_does_not_rise_has_no_effect(older: Desired) -> None:
    twin = settled(2)
    assert offer(twin, older) == (twin, Answer.OLDER)


@pytest.mark.sentence("W-1")
def test_version_that_comes_again_with_another_body_has_no_effect() -> None:
    twin = settled(2)
    assert offer(twin, replace(desired(2), doc={})) == (twin, Answer.KNOWN)


def test_incarnation_counts_before_the_number() -> None:
    assert offer(settled(9), desired(1, incarnation=2))[1] is Answer.TAKEN


@pytest.mark.sentence("W-3")
def test_settings_that_cut_the_device_off_are_given_up_and_not_taken_again() -> None:
    twin = time_is_up(offer(settled(1), desired(2))[0])
    assert (twin.phase, twin.in_force) == (Phase.FALLBACK, {"screen.idle_s": 21})
    twin = reached(twin)
    assert (twin.phase, twin.version, twin.bad) == (Phase.STEADY, Version(1, 1), (Version(1, 2),))
    assert offer(twin, desired(2)) == (twin, Answer.GIVEN_UP)
    assert offer(twin, desired(3))[1] is Answer.TAKEN


@pytest.mark.sentence("W-3")
def test_network_that_was_down_costs_new_settings_nothing() -> None:
    twin = offer(settled(1), desired(2))[0]
    for _ in range(5):
        twin = time_is_up(twin)
    assert (twin.phase, twin.doubt) == (Phase.FALLBACK, True)
    twin = reached(twin)  # the network is back while the old settings are in force
    assert (twin.phase, twin.bad) == (Phase.TRIAL, ())
    assert reached(twin).version == Version(1, 2)


@pytest.mark.sentence("W-3")
def test_settings_that_fail_after_the_network_is_back_are_given_up() -> None:
    twin = offer(settled(1), desired(2))[0]
    twin = reached(time_is_up(time_is_up(time_is_up(twin))))
    assert reached(time_is_up(twin)).bad == (Version(1, 2),)


@pytest.mark.sentence("W-4")
def test_settings_that_make_the_device_start_again_and_again_are_given_up() -> None:
    twin = offer(settled(1), desired(2))[0]
    for _ in range(limits.TRIAL_STARTS_MAX):
        twin = started(twin)
        assert twin.phase is Phase.TRIAL
    assert started(twin).phase is Phase.FALLBACK


def test_first_settings_of_all_fall_back_to_the_enrolment() -> None:
    twin = reached(time_is_up(offer(Twin(), desired(1))[0]))
    assert (twin.in_force, twin.version, twin.bad) == ({}, None, (Version(1, 1),))


def test_settings_that_cannot_be_are_given_up_without_a_trial() -> None:
    twin = refuse(settled(1), Version(1, 2), "no such value")
    assert (twin.phase, twin.bad, twin.why) == (Phase.STEADY, (Version(1, 2),), "no such value")
    assert refuse(twin, Version(1, 1), "older") == twin


def test_trials_grow_while_nothing_reaches_the_hub_and_stay_bounded() -> None:
    twin = offer(Twin(), desired(1, confirm_s=600))[0]
    lasted: list[int] = []
    for _ in range(40):
        lasted.append(twin.trial_s or 0)
        twin = time_is_up(twin)
    assert lasted[:5] == [600, 600, 1200, 1200, 2400]
    assert max(lasted) == limits.TRIAL_S_MAX
    assert Twin().trial_s is None


@pytest.mark.sentence("W-4")
def test_twin_that_is_stored_is_read_as_it_was() -> None:
    twin = time_is_up(offer(reached(time_is_up(offer(settled(1), desired(2))[0])), desired(3))[0])
    assert read_twin(twin_members(twin)) == twin
    assert read_twin(twin_members(Twin())) == Twin()


def test_message_is_read_as_it_was_written() -> None:
    assert decode_desired(encode_desired(desired(3))) == desired(3)


@pytest.mark.parametrize(
    "body",
    [
        b"{}\n",
        b'{"version":[1],"doc":{},"confirm_s":60}\n',
        b'{"version":[1,true],"doc":{},"confirm_s":60}\n',
        b'{"version":[1,0],"doc":{},"confirm_s":60}\n',
        b'{"version":[1,1],"doc":[],"confirm_s":60}\n',
        b'{"version":[1,1],"doc":{},"confirm_s":0}\n',
        b'{"version":[1,1],"doc":{},"confirm_s":86400}\n',
    ],
)
def test_message_that_is_malformed_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        decode_desired(body)


def test_version_is_written_for_people_and_read_again() -> None:
    assert parse_version(str(Version(12, 5))) == Version(12, 5)
    for text in ("12", "12-", "-5", "a-5", "12-0", "1-2-3", "1-" + "9" * 40):
        with pytest.raises(InputError):
            parse_version(text)
    with pytest.raises(InputError):
        version_of({"version": [2**60, 1]}, "version")
