"""The phone that decides for itself: from an advertisement to a decision, and a new window of identifiers.

A district of 500 beacons and 5,000 notices: nine of ten stand at one to three places, each for one or two of
twenty interests; the rest is for the whole district. The person has three interests and a history of 200
notices. What is heard comes from beacons all over the district, every tenth from nobody. Measured is the
processor's time, as a phone does this alone.
"""

import time
from random import Random
from statistics import median, quantiles
from typing import Final

from beacon_node.receiver.core.district import District
from beacon_node.receiver.core.history import History
from beacon_node.receiver.core.matching import decide
from beacon_node.receiver.core.person import Person
from beacon_node.receiver.core.resolver import Resolver
from shared.model.beacon_keys import PERIOD_S
from shared.model.beacon_notices import BeaconNotice
from tests.support.phone import (
    HOUR_MS,
    NOW_MS,
    NOW_S,
    WINDOW_S,
    beacon_keys,
    beacon_notices,
    eid_said,
    heard,
    notice,
)

BEACONS: Final = 500
NOTICES: Final = 5_000
INTERESTS: Final = tuple(f"interes-{number}" for number in range(20))
SHOWN: Final = 200
HEARD: Final = 5_000
ROTATIONS: Final = 200
MATCH_GOAL_MS: Final = 0.1
ROTATION_GOAL_MS: Final = 20.0


def run() -> list[dict[str, object]]:
    """Measure.

    Returns:
        Rows of `bench.json`: name, value, unit, against, ratio.
    """
    draw = Random(1)
    places = [f"sitio-{number}" for number in range(BEACONS)]
    keys = beacon_keys(places)
    said = beacon_notices([_notice(number, places, draw) for number in range(NOTICES)], INTERESTS)
    district = District(keys, said, NOW_MS + 24 * HOUR_MS)
    matches_ms = _matches_ms(district, places, draw)
    rotations_ms = _rotations_ms(Resolver(keys))
    first_ms = median(_first_ms(Resolver(keys)) for _ in range(20))
    return [
        _row("receiver.match", median(matches_ms), "0.1 ms", MATCH_GOAL_MS),
        _row("receiver.match p95", quantiles(matches_ms, n=20)[-1], "0.1 ms", MATCH_GOAL_MS),
        _row("receiver.match window", median(rotations_ms), "20 ms", ROTATION_GOAL_MS),
        _row("receiver.match window, slowest", max(rotations_ms), "20 ms", ROTATION_GOAL_MS),
        _row("receiver.match first windows", first_ms, "20 ms", ROTATION_GOAL_MS),
    ]


def _matches_ms(district: District, places: list[str], draw: Random) -> list[float]:
    person = Person(consent_ms=NOW_MS, interests=frozenset(INTERESTS[:3]))
    history = History(bytes(32))
    for number in range(SHOWN):
        history.note(f"n{number * 7}", 1, NOW_MS + HOUR_MS, NOW_MS - number * HOUR_MS)
    told = [
        heard(eid_said("elsewhere" if draw.random() < 0.1 else draw.choice(places))) for _ in range(HEARD)
    ]
    for one in told[:BEACONS]:
        decide(one, district, person, history, NOW_MS)
    taken_ms: list[float] = []
    for one in told:
        began_ns = time.thread_time_ns()
        decide(one, district, person, history, NOW_MS)
        taken_ms.append((time.thread_time_ns() - began_ns) / 1e6)
    return taken_ms


def _rotations_ms(resolver: Resolver) -> list[float]:
    """Windows one after the other, through several periods with their new keys."""
    resolver.turn(NOW_S)
    taken_ms: list[float] = []
    for number in range(1, ROTATIONS + 1):
        began_ns = time.thread_time_ns()
        resolver.turn(NOW_S + number * WINDOW_S)
        taken_ms.append((time.thread_time_ns() - began_ns) / 1e6)
    assert ROTATIONS * WINDOW_S > 2 * PERIOD_S
    return taken_ms


def _first_ms(resolver: Resolver) -> float:
    began_ns = time.thread_time_ns()
    resolver.turn(NOW_S)
    return (time.thread_time_ns() - began_ns) / 1e6


def _notice(number: int, places: list[str], draw: Random) -> BeaconNotice:
    is_local = draw.random() < 0.9
    return notice(
        f"n{number}",
        interests=draw.sample(INTERESTS, draw.randint(1, 2)),
        places=draw.sample(places, draw.randint(1, 3)) if is_local else [],
    )


def _row(name: str, value_ms: float, against: str, goal_ms: float) -> dict[str, object]:
    return {
        "name": name,
        "value": round(value_ms, 4),
        "unit": "ms",
        "against": against,
        "ratio": round(value_ms / goal_ms, 2),
    }
