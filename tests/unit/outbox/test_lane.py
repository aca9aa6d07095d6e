"""A lane in memory: watermarks, points of acknowledgement, and keys; arithmetic alone."""

import pytest

from shared.adapters.outbox.lane import Epoch, Lane, Point
from shared.adapters.outbox.schema import LaneSql, place_of
from shared.model.event import Stream

HOUR_MS = 3_600_000
VALUE = bytes(8)


def lane_of(*epochs: tuple[int, int], points: list[Point] | None = None) -> Lane:
    """A lane with epochs (number, last line) and points."""
    return Lane(
        stream=Stream.HEALTH,
        sql=LaneSql.of(Stream.HEALTH),
        capacity=1_000,
        grouped=False,
        evicts=True,
        epochs=[Epoch.found(n, f"{n:08x}", (0, VALUE), (last, VALUE)) for n, last in epochs],
        points=points or [],
    )


def at(epoch: int, seq: int, number: int = 1, since_ms: int = 0, at_ms: int = 0) -> Point:
    return Point(number, place_of(epoch, seq), since_ms, at_ms)


def test_lane_without_anything_stands_before_its_first_place() -> None:
    lane = lane_of()
    assert (lane.watermark, lane.end, lane.views()) == (0, 0, ())


def test_watermark_says_of_every_epoch_how_far_it_is() -> None:
    lane = lane_of((1, 5), (2, 7), (3, 9), points=[at(2, 4)])
    assert [lane.acked(epoch) for epoch in lane.epochs] == [5, 4, 0]


def test_epoch_that_is_new_is_not_in_the_file_and_one_that_was_found_is() -> None:
    assert not Epoch.new(1, "0123abcd", VALUE).stored
    assert lane_of((1, 5)).epochs[0].stored


def test_lane_begins_with_its_points_as_the_file_has_them() -> None:
    assert lane_of().points_saved


@pytest.mark.parametrize(
    ("now_ms", "points"),
    [
        (0, [Point(1, place_of(1, 3), 0, 0)]),
        (HOUR_MS - 1, [Point(1, place_of(1, 3), 0, HOUR_MS - 1)]),
        (HOUR_MS, [Point(1, place_of(1, 2), 0, 0), Point(7, place_of(1, 3), HOUR_MS, HOUR_MS)]),
        (-1, [Point(1, place_of(1, 2), 0, 0), Point(7, place_of(1, 3), -1, -1)]),
    ],
)
def test_acknowledgements_within_an_hour_move_one_point_on(now_ms: int, points: list[Point]) -> None:
    lane = lane_of((1, 9), points=[at(1, 2)])
    assert lane.moved_points(place_of(1, 3), now_ms, 7) == points


def test_point_is_never_older_than_its_newest_acknowledgement() -> None:
    lane = lane_of((1, 9), points=[at(1, 2, since_ms=0, at_ms=500)])
    assert lane.moved_points(place_of(1, 3), 100, 7) == [Point(1, place_of(1, 3), 0, 500)]


def test_watermark_that_goes_back_cuts_the_points_and_keeps_their_time() -> None:
    points = [at(1, 2, 1, 0, 10), at(1, 5, 2, 20, 30), at(1, 8, 3, 40, 50)]
    lane = lane_of((1, 9), points=points)
    assert lane.moved_points(place_of(1, 4), 99, 7) == [points[0], Point(2, place_of(1, 4), 20, 30)]
    assert lane.moved_points(place_of(1, 5), 99, 7) == [points[0], Point(2, place_of(1, 5), 20, 30)]
    assert lane.moved_points(place_of(1, 2), 99, 7) == [Point(1, place_of(1, 2), 0, 10)]


def test_keys_are_forgotten_when_there_are_many_and_only_those_that_are_acknowledged() -> None:
    lane = lane_of((1, 5_000), points=[at(1, 500)])
    for n in range(1, 1_025):
        lane.remember_key(f"k{n}", place_of(1, n))
    assert len(lane.keys) == 1_024
    lane.remember_key("one more", place_of(1, 1_025))
    assert len(lane.keys) == 525
    assert "k500" not in lane.keys
    assert lane.keys["k501"] == place_of(1, 501)


def test_newest_point_alone_moves_on() -> None:
    points = [at(1, 2, 1), at(1, 5, 2, HOUR_MS, HOUR_MS)]
    lane = lane_of((1, 9), points=points)
    moved = Point(2, place_of(1, 7), HOUR_MS, HOUR_MS + 1)
    assert lane.moved_points(place_of(1, 7), HOUR_MS + 1, 7) == [points[0], moved]
