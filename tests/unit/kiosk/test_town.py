"""The town on the machine: found as people type, kept as GeoJSON, made from what a city has."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk_app.core.draft import Place
from kiosk_app.town.demonstration import demonstration_town
from kiosk_app.town.gazetteer import TownGazetteer
from kiosk_app.town.importing import from_tagged, read_geojson, read_osm
from kiosk_app.town.map import TownMap
from kiosk_app.town.town import (
    Area,
    AreaKind,
    Landmark,
    Number,
    Point,
    Street,
    StreetKind,
    Town,
    TownError,
    read_town,
)

TOWN = demonstration_town()
PLAZA = Place(lat=43.9, long=-3.9, address="Plaza Mayor 1")
GAZETTEER = TownGazetteer(TOWN, PLAZA)

OSM = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">
  <node id="1" lat="43.9" lon="-3.9"/>
  <node id="2" lat="43.901" lon="-3.9"/>
  <node id="3" lat="43.901" lon="-3.899"/>
  <node id="4" lat="43.9005" lon="-3.9001">
    <tag k="addr:street" v="Carrer Major"/><tag k="addr:housenumber" v="7 bis"/>
  </node>
  <node id="5" lat="43.9" lon="-3.901"><tag k="amenity" v="library"/><tag k="name" v="Biblioteca"/></node>
  <way id="10">
    <nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/><tag k="name" v="Carrer Major"/>
  </way>
  <way id="11"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/><tag k="leisure" v="park"/></way>
  <way id="12"><nd ref="1"/><nd ref="99"/><tag k="highway" v="primary"/></way>
</osm>
"""


def found(text: str) -> list[str]:
    return [place.address for place in GAZETTEER.streets(text)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("Calle Mayor 12", "Calle Mayor 12"),
        ("mayor 12", "Calle Mayor 12"),
        ("C/ MAYOR, 12", "Calle Mayor 12"),
        ("c mayor nº 12", "Calle Mayor 12"),
        ("avda vega", "Avenida de la Vega"),
        ("paseo maritimo", "Paseo Marítimo"),
        ("nora", "Calle de la Ñora"),
        ("carpint", "Calle de los Carpinteros"),
        ("carpenteros", "Calle de los Carpinteros"),
        ("puente 4", "Calle del Puente 4"),
    ],
)
def test_street_is_found_as_people_type_it(typed: str, first: str) -> None:
    assert found(typed)[0] == first


def test_number_that_is_not_there_gives_the_nearest_ones_and_none_that_was_made_up() -> None:
    doors = {f"{street.name} {door.text}" for street in TOWN.streets for door in street.numbers}
    near = found("luna 9999")
    assert len(near) == 2
    assert set(near) <= doors


@pytest.mark.parametrize("typed", ["", "   ", "xyzw qwrt", "12", "calle inventada que no existe"])
def test_what_is_no_street_is_not_found(typed: str) -> None:
    assert found(typed) == []


@given(st.text(max_size=40))
def test_whatever_is_typed_gives_a_handful_of_places_of_the_town(typed: str) -> None:
    names = {street.name for street in TOWN.streets}
    for address in found(typed):
        assert any(address.startswith(name) for name in names)
    assert len(found(typed)) <= 5


def test_landmarks_near_the_kiosk_come_first() -> None:
    assert GAZETTEER.landmarks()[0].address == "Ayuntamiento"
    lighthouse = next(each for each in TOWN.landmarks if each.name == "Faro")
    there = Place(lat=lighthouse.at.lat, long=lighthouse.at.long, address="")
    assert TownGazetteer(TOWN, there).landmarks()[0].address == "Faro"


def test_position_is_named_by_the_nearest_door_or_not_at_all() -> None:
    street = next(each for each in TOWN.streets if each.name == "Calle Mayor")
    door = street.numbers[3]
    assert GAZETTEER.nearest(door.at.lat, door.at.long) == f"Calle Mayor {door.text}"
    assert GAZETTEER.nearest(43.5, -3.9) is None


def test_town_is_the_same_each_time_and_after_its_file(tmp_path: Path) -> None:
    assert demonstration_town() == TOWN
    path = tmp_path / "town.geojson"
    path.write_text(json.dumps(TOWN.to_geojson()))
    read = read_town(path)
    assert set(read.streets) == set(TOWN.streets)
    assert sorted(read.areas, key=repr) == sorted(TOWN.areas, key=repr)
    assert (read.name, read.landmarks) == (TOWN.name, TOWN.landmarks)


def test_every_street_has_a_name_of_its_own_and_numbers_on_both_sides() -> None:
    named = [street for street in TOWN.streets if street.kind is not StreetKind.PATH]
    assert len({street.name for street in named}) == len(named)
    for street in named:
        assert {int(door.text) % 2 for door in street.numbers} == {0, 1}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "no object"),
        ('{"type": "FeatureCollection", "features": []}', "no street"),
        ('{"type": "FeatureCollection", "features": [7]}', "feature 0"),
        (
            json.dumps(
                {
                    "type": "FeatureCollection",
                    "features": [
                        {
                            "properties": {"kind": "street", "name": "Mayor"},
                            "geometry": {"type": "LineString", "coordinates": [[43.9, 181], [1, 2]]},
                        }
                    ],
                }
            ),
            "longitude comes first",
        ),
    ],
)
def test_file_that_is_no_town_is_refused_with_its_name(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "town.geojson"
    path.write_text(content)
    with pytest.raises(TownError, match=says) as told:
        read_town(path)
    assert "town.geojson" in str(told.value)
    with pytest.raises(TownError, match="cannot be read"):
        read_town(tmp_path / "nowhere")


def test_extract_of_openstreetmap_becomes_a_town(tmp_path: Path) -> None:
    path = tmp_path / "town.osm"
    path.write_text(OSM)
    assert from_tagged(read_osm(path), "Vila") == Town(
        name="Vila",
        streets=(
            Street(
                name="Carrer Major",
                kind=StreetKind.STREET,
                line=(Point(-3.9, 43.9), Point(-3.9, 43.901)),
                numbers=(Number("7 bis", Point(-3.9001, 43.9005)),),
            ),
        ),
        areas=(
            Area(
                kind=AreaKind.PARK,
                ring=(Point(-3.9, 43.9), Point(-3.9, 43.901), Point(-3.899, 43.901)),
            ),
        ),
        landmarks=(Landmark(name="Biblioteca", at=Point(-3.901, 43.9)),),
    )


def test_geojson_with_openstreetmaps_tags_becomes_a_town(tmp_path: Path) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"highway": "primary", "name": "Gran Vía", "lanes": 3},
            "geometry": {"type": "MultiLineString", "coordinates": [[[0, 0], [0, 1]], [[0, 2], [0, 3]]]},
        },
        {
            "type": "Feature",
            "properties": {"building": "yes", "addr:street": "Gran Vía", "addr:housenumber": "1"},
            "geometry": {"type": "MultiPolygon", "coordinates": [[[[0, 0], [0, 1], [1, 1], [0, 0]]]]},
        },
        {"type": "Feature", "properties": {}, "geometry": None},
    ]
    path = tmp_path / "town.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    town = from_tagged(read_geojson(path), "Ciudad")
    assert [(street.name, len(street.numbers)) for street in town.streets] == [
        ("Gran Vía", 1),
        ("Gran Vía", 0),
    ]
    assert [area.kind for area in town.areas] == [AreaKind.BUILDING]


def test_extract_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "town.osm"
    path.write_text(OSM[:200])
    with pytest.raises(TownError, match="no OpenStreetMap XML"):
        list(read_osm(path))
    path.write_text("<osm></osm>")
    with pytest.raises(TownError, match="no street with a name"):
        from_tagged(read_osm(path), "Vila")
    with pytest.raises(TownError, match="cannot be read"):
        list(read_geojson(tmp_path / "nowhere"))


def test_map_gives_what_lies_in_a_window_and_knows_where_a_spot_is() -> None:
    drawn = TownMap(TOWN)
    spot = drawn.spot(PLAZA.lat, PLAZA.long)
    at = drawn.degrees(spot)
    assert (round(at.lat, 6), round(at.long, 6)) == (PLAZA.lat, PLAZA.long)
    window = drawn.window(spot, 150, 150)
    every = drawn.window(spot, 9_000, 9_000)
    assert {each.name for each in window.landmarks} == {"Ayuntamiento"}
    assert 0 < len(window.streets) < len(every.streets) == len(TOWN.streets)
    assert [area.kind for area in every.areas] == sorted(
        (area.kind for area in every.areas), key=list(AreaKind).index
    )
