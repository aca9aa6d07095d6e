"""Who counts the kills ends them all where one fails or nothing goes on, and says who waited for what."""

import threading
from itertools import count

import pytest

from tests.proof.tally import EndedError, Tally

LONG_S = 60.0


def test_kills_are_counted_by_victim_and_no_more_than_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally({"hub": 20, "device": 30}, limit_s=LONG_S)
    assert sum(tally.next("hub") for _ in range(25)) == 20
    assert tally.others_go_on("hub")
    assert sum(tally.next("device") for _ in range(99)) == 30
    assert not tally.next("core")
    assert not tally.others_go_on("hub")
    assert tally.done == 50
    told = capsys.readouterr().out.splitlines()
    assert [line.split(" in ")[0] for line in told] == ["  25 of 50 kills", "  50 of 50 kills"]
    assert "hub 20 of 20, device 30 of 30" in told[-1]


def test_one_who_fails_ends_all_who_wait() -> None:
    tally = Tally({"hub": 1}, limit_s=LONG_S)
    ended: list[str] = []

    def wait() -> None:
        try:
            tally.until("broker", lambda: False, what="a broker", timeout_s=LONG_S)
        except EndedError as error:
            ended.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    tally.fail("hub: it ended by itself")
    tally.fail("core: and this came later")
    thread.join(LONG_S)
    assert ended == ["hub: it ended by itself"]
    with pytest.raises(EndedError):
        tally.next("hub")
    with pytest.raises(EndedError):
        tally.may("core", lambda: False, what="an effect", timeout_s=LONG_S)


def test_stand_still_is_a_failure_that_says_who_waits_for_what() -> None:
    tally = Tally({"hub": 5}, limit_s=LONG_S, still_s=0.3)
    assert tally.next("hub")
    with pytest.raises(
        EndedError, match=r"nobody was killed for .* 1 of 5 kills .* hub has waited .* s for a lift"
    ):
        tally.until("hub", lambda: False, what="a lift", timeout_s=LONG_S)


def test_kills_that_take_too_long_are_a_failure() -> None:
    tally = Tally({"hub": 1_000_000}, limit_s=0.3)
    with pytest.raises(EndedError, match=r"not all kills in .* of 1000000 kills"):
        sum(tally.next("hub") for _ in count())


def test_what_may_not_come_is_waited_for_and_no_failure() -> None:
    tally = Tally({"hub": 1}, limit_s=LONG_S)
    assert not tally.may("hub", lambda: False, what="its death", timeout_s=0.2)
    assert tally.may("hub", lambda: True, what="its death", timeout_s=0.2)
    assert not tally.failure
    assert tally.waits == ""
