"""Dating: what is known of an event's instant, and that doubt favours the citizen."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.protocol import limits
from shared.protocol.dating import Anchor, Dated, date

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
YEARS_MS = 3_650 * DAY_MS
WELCOME_MS = 1_795_255_200_000
RECEIVED_MS = WELCOME_MS + 30 * DAY_MS
ENROLLED_MS = WELCOME_MS - 100 * DAY_MS
ANCHORS = (
    Anchor(boot=3, uptime_ms=60_000, hub_ms=WELCOME_MS),
    Anchor(boot=7, uptime_ms=5_000, hub_ms=WELCOME_MS + 9 * DAY_MS),
    Anchor(boot=5, uptime_ms=1_000_000, hub_ms=WELCOME_MS + 4 * DAY_MS),
)


def exactly(instant_ms: int) -> Dated:
    return Dated(instant_ms, instant_ms, instant_ms)


def between(earliest_ms: int, latest_ms: int) -> Dated:
    return Dated(earliest_ms, latest_ms, earliest_ms)


@pytest.mark.sentence("H-14")
@pytest.mark.parametrize("age_s", [0, limits.CLOCK_TRUST_S])
@pytest.mark.parametrize("own_ms", [WELCOME_MS - YEARS_MS, RECEIVED_MS])
def test_event_of_a_trusted_clock_has_its_own_instant(age_s: int, own_ms: int) -> None:
    assert date(5, 0, own_ms, age_s, ANCHORS, RECEIVED_MS, ENROLLED_MS) == exactly(own_ms)


@pytest.mark.sentence("H-14")
def test_event_of_a_trusted_clock_never_comes_after_its_receipt() -> None:
    assert date(5, 0, RECEIVED_MS + 1, 0, ANCHORS, RECEIVED_MS) == exactly(RECEIVED_MS)


@pytest.mark.sentence("H-14")
@pytest.mark.parametrize("age_s", [None, limits.CLOCK_TRUST_S + 1])
@pytest.mark.parametrize("own_ms", [WELCOME_MS - YEARS_MS, WELCOME_MS + 4 * DAY_MS, RECEIVED_MS + YEARS_MS])
@pytest.mark.parametrize("after_welcome_ms", [-900_000, 0, HOUR_MS])
def test_event_of_a_boot_with_a_welcome_is_counted_from_it(
    age_s: int | None, own_ms: int, after_welcome_ms: int
) -> None:
    instant_ms = WELCOME_MS + 4 * DAY_MS + after_welcome_ms
    found = date(5, 1_000_000 + after_welcome_ms, own_ms, age_s, ANCHORS, RECEIVED_MS)
    assert found == between(instant_ms, instant_ms + limits.OFFER_LIFE_MS)


@pytest.mark.sentence("H-14")
@pytest.mark.parametrize("own_ms", [WELCOME_MS - YEARS_MS, WELCOME_MS + 6 * DAY_MS])
@pytest.mark.parametrize(
    ("boot", "dated"),
    [
        pytest.param(6, between(ANCHORS[2].hub_ms, ANCHORS[1].hub_ms), id="between two boots"),
        pytest.param(8, between(ANCHORS[1].hub_ms, RECEIVED_MS), id="after the last boot"),
        pytest.param(2, between(ENROLLED_MS, WELCOME_MS), id="before the first boot"),
    ],
)
def test_event_of_a_boot_without_a_welcome_lies_between_its_neighbours(
    boot: int, dated: Dated, own_ms: int
) -> None:
    assert date(boot, 1, own_ms, None, ANCHORS, RECEIVED_MS, ENROLLED_MS) == dated


@pytest.mark.sentence("H-14")
@pytest.mark.parametrize(("anchors", "latest_ms"), [(ANCHORS, WELCOME_MS), ((), RECEIVED_MS)])
def test_event_of_which_nothing_earlier_is_known_has_the_latest_instant(
    anchors: tuple[Anchor, ...], latest_ms: int
) -> None:
    assert date(1, 1, WELCOME_MS - YEARS_MS, None, anchors, RECEIVED_MS) == exactly(latest_ms)


@pytest.mark.sentence("H-14")
@pytest.mark.parametrize(
    ("uptime_ms", "dated"),
    [
        pytest.param(
            0, between(ANCHORS[2].hub_ms, ANCHORS[2].hub_ms + limits.OFFER_LIFE_MS), id="too little"
        ),
        pytest.param(2**53, exactly(RECEIVED_MS), id="too much"),
    ],
)
def test_uptime_that_lies_leads_neither_before_an_earlier_boot_nor_after_receipt(
    uptime_ms: int, dated: Dated
) -> None:
    liar = (*ANCHORS, Anchor(boot=9, uptime_ms=2**52, hub_ms=RECEIVED_MS))
    anchors = tuple(replace(each, boot=4) if each.boot == 7 else each for each in liar)
    assert date(9, uptime_ms, 0, None, tuple(a for a in anchors if a.boot > 4), RECEIVED_MS) == dated


UPTIMES = st.integers(0, 2**53)
INSTANTS = st.integers(0, 2 * RECEIVED_MS)
ALL_ANCHORS = st.lists(st.builds(Anchor, st.integers(0, 9), UPTIMES, INSTANTS), unique_by=lambda a: a.boot)


@pytest.mark.sentence("H-14")
@given(
    boot=st.integers(0, 9),
    uptimes_ms=st.tuples(UPTIMES, UPTIMES).map(sorted),
    own_ms=st.integers(-(10**14), 10**14),
    age_s=st.none() | st.integers(0, 2 * limits.CLOCK_TRUST_S),
    anchors=ALL_ANCHORS,
    received_ms=INSTANTS,
    enrolled_ms=st.none() | INSTANTS,
)
def test_legal_instant_is_possible_not_after_receipt_and_keeps_the_order_of_a_boot(
    boot: int,
    uptimes_ms: list[int],
    own_ms: int,
    age_s: int | None,
    anchors: list[Anchor],
    received_ms: int,
    enrolled_ms: int | None,
) -> None:
    first, second = (
        date(boot, uptime_ms, own_ms, age_s, anchors, received_ms, enrolled_ms) for uptime_ms in uptimes_ms
    )
    for dated in (first, second):
        assert dated.earliest_ms <= dated.legal_ms <= dated.latest_ms <= received_ms
    assert first.legal_ms <= second.legal_ms
