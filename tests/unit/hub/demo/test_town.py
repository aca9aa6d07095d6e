"""The demonstration's town: every event passes the gate of a real device, and a seed gives one town."""

import json
from collections import Counter
from pathlib import Path

import pytest

from hub.demo.town import (
    BEACONS,
    COUNTERS,
    KIOSKS,
    SITES,
    TERMINALS,
    at_kiosk,
    catalogue_of,
    make_town,
    read_reports,
)
from shared.edge.event_lines import EventReader
from shared.edge.pseudonyms import Pseudonyms
from shared.model.catalogue import Catalogue
from shared.model.errors import InputError

NOW_MS = 1_790_000_000_000
READER = EventReader("kiosk-1", Pseudonyms(bytes(32)))


def test_invented_town_is_understood_by_a_device_event_by_event() -> None:
    town = make_town(read_reports(None, 3), 120, 3, NOW_MS)
    assert town.keys() == SITES.keys() == {*KIOSKS, *COUNTERS, *TERMINALS, *BEACONS}
    events = [event for queue in town.values() for event in queue]
    submissions = [READER.read(event.line, event.id) for event in events]
    assert [one.happening.event_id for one in submissions] == [event.id for event in events]
    assert len({event.id for event in events}) == len(events)
    kinds = Counter(one.happening.type.value for one in submissions)
    assert kinds["incident.reported"] == 120
    assert min(kinds["suggestion.made"], kinds["callback.asked"]) == 6


def test_kiosks_are_given_reports_alone_and_the_catalogue_knows_what_all_of_them_are_about() -> None:
    town = make_town(read_reports(None, 3), 1_000, 3, NOW_MS)
    assert {len(town[name]) for name in KIOSKS} == {at_kiosk(1_000)} == {10}
    assert {json.loads(event.line)["type"] for name in KIOSKS for event in town[name]} == {
        "incident.reported"
    }
    said = [json.loads(event.line)["data"] for events in town.values() for event in events if event.service]
    catalogue = Catalogue.from_data(catalogue_of(town))
    assert {each.service_code for each in catalogue.services} == {data["service_code"] for data in said}


def test_town_of_the_same_seed_is_the_same_town() -> None:
    first, second = (make_town(read_reports(None, 3), 60, 3, NOW_MS) for _ in range(2))
    assert first == second
    assert first != make_town(read_reports(None, 4), 60, 4, NOW_MS)


def test_counters_of_a_card_rise_by_one_across_all_terminals() -> None:
    town = make_town(read_reports(None, 3), 60, 3, NOW_MS)
    seen: dict[str, list[int]] = {}
    for event in (event for name in TERMINALS for event in town[name]):
        said = json.loads(event.line)
        seen.setdefault(said["subject"]["value"], []).append(said["data"]["counter"])
    assert all(sorted(counters) == list(range(1, len(counters) + 1)) for counters in seen.values())


def test_reports_of_a_file_are_taken_in_its_order_and_again(tmp_path: Path) -> None:
    rows = [
        {"service_name": "Peticiones alumbrado", "description": "", "lat": 40.4, "long": -3.7, "address": "A"}
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    town = make_town(read_reports(tmp_path / "rows.json", 1), 60, 1, NOW_MS)
    reports = [
        json.loads(event.line)["data"]
        for name in (*KIOSKS, *COUNTERS)
        for event in town[name]
        if event.effect
    ]
    found = [data for data in reports if "service_code" in data]
    assert len(found) == 60
    assert found[0]["service_code"] == "peticiones-alumbrado"
    assert found[0]["description"] == "Peticiones alumbrado"


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_file_without_reports_is_refused_with_a_remedy(tmp_path: Path, content: str) -> None:
    (tmp_path / "rows.json").write_text(content)
    with pytest.raises(InputError, match="correct INPUT"):
        read_reports(tmp_path / "rows.json", 1)
