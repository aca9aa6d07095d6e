"""What a technician is told of what is on the air."""

import csv
from io import StringIO
from xml.etree import ElementTree as ET

import pytest

from beacon_node.receiver.core.resolver import Aes
from beacon_node.survey.surveying import ROWS_MAX, SENDERS_MAX, TOGETHER_MS, Row, Standing, Survey
from beacon_node.survey.told import COLUMNS, as_csv, as_svg, table
from shared.beacon_wire import eddystone
from shared.beacon_wire.eid import Sealer
from shared.model.beacon_keys import PERIOD_S
from tests.support.phone import (
    EXPONENT,
    NAMESPACE,
    NOW_MS,
    NOW_S,
    WINDOW_S,
    air_key,
    beacon_keys,
    eid_said,
    heard,
    uid_said,
)

KEYS = beacon_keys(["biblio-3", "parada-12"])
HERE, THERE = "F0:00:00:00:00:01", "F0:00:00:00:00:02"
TLM = bytes((eddystone.TLM, eddystone.PLAIN)) + bytes.fromhex("0c1c 1580 00000064 00000e10".replace(" ", ""))
"""3,100 mV, 21.5 degrees, 100 frames, 360 s."""


def survey_of(*told: tuple[bytes | None, str, int], air_keys: dict[str, bytes] | None = None) -> Survey:
    """What was said, by which address, so many ms after the first."""
    made = Survey(KEYS, air_keys)
    for said, address, after_ms in told:
        made.hear(heard(said, -60 - after_ms // 1000, address), NOW_MS + after_ms)
    return made


def standings(made: Survey, after_ms: int = 0) -> list[tuple[str, Standing]]:
    return [(row.name, row.standing) for row in made.rows(NOW_MS + after_ms)]


def only(made: Survey) -> Row:
    (row,) = made.rows(NOW_MS)
    return row


def test_beacon_of_the_district_is_ours_with_its_strength_and_telemetry() -> None:
    row = only(
        survey_of((eid_said("biblio-3"), HERE, 0), (TLM, HERE, 1_000), (eid_said("biblio-3"), HERE, 2_000))
    )
    assert (row.name, row.standing, row.count) == ("biblio-3", Standing.OURS, 3)
    assert (row.rssi_dbm, row.mean_dbm, row.weakest_dbm, row.strongest_dbm) == (-62, -61.0, -62, -60)
    assert row.telemetry is not None
    assert (row.telemetry.battery_mv, row.telemetry.temperature_c, row.telemetry.uptime_s) == (
        3_100,
        21.5,
        360.0,
    )


@pytest.mark.parametrize("off", [-84, -2, 2, 84])
def test_identifier_of_another_window_was_recorded(off: int) -> None:
    row = only(survey_of((eid_said("biblio-3", NOW_S + off * WINDOW_S), HERE, 0)))
    assert (row.name, row.standing, row.window_off) == ("biblio-3", Standing.REPLAYED, off)


def test_address_that_changes_with_the_identifier_is_one_sender() -> None:
    after_ms = WINDOW_S * 1000
    made = survey_of(
        (eid_said("biblio-3"), HERE, 0), (eid_said("biblio-3", NOW_S + WINDOW_S), THERE, after_ms)
    )
    assert standings(made, after_ms) == [("biblio-3", Standing.OURS)]


def test_two_senders_of_one_identifier_at_once_are_told() -> None:
    said = eid_said("biblio-3")
    made = survey_of((said, HERE, 0), (said, THERE, 500), (said, HERE, TOGETHER_MS + 500))
    assert standings(made) == [("biblio-3", Standing.OURS)]
    made = survey_of(
        (said, HERE, 0), (said, THERE, 500), (said, HERE, 4_000), (said, THERE, TOGETHER_MS + 500)
    )
    assert standings(made) == [("biblio-3", Standing.COPIED)]


def test_lasting_identity_is_unproven_and_a_copy_beside_the_proven_one() -> None:
    assert standings(survey_of((uid_said("biblio-3"), HERE, 0))) == [("biblio-3", Standing.UNPROVEN)]
    both = survey_of((eid_said("biblio-3"), HERE, 0), (uid_said("biblio-3"), THERE, TOGETHER_MS))
    assert standings(both, TOGETHER_MS) == [("biblio-3", Standing.OURS), ("biblio-3", Standing.COPIED)]


def test_node_that_learns_the_time_is_no_copy_of_itself() -> None:
    made = survey_of((uid_said("biblio-3"), HERE, 0), (eid_said("biblio-3"), HERE, 5_000))
    assert standings(made, 5_000) == [("biblio-3", Standing.OURS), ("biblio-3", Standing.UNPROVEN)]


def test_our_towns_name_with_a_beacon_that_nobody_knows_is_told() -> None:
    said = bytes((eddystone.UID, 0)) + NAMESPACE + b"\x01" * 6 + bytes(2)
    assert only(survey_of((said, HERE, 0))).standing is Standing.UNLISTED


def test_strangers_are_foreign_and_other_things_are_counted() -> None:
    url = bytes((eddystone.URL, 0)) + eddystone.encode_url("https://x.example")
    made = survey_of((eid_said("elsewhere"), HERE, 0), (url, THERE, 0), (None, THERE, 0), (b"\x30", THERE, 0))
    assert [row.standing for row in made.rows(NOW_MS)] == [Standing.FOREIGN] * 2
    assert made.others == 2
    assert Survey(None).rows(NOW_MS) == []
    blind = Survey(None)
    blind.hear(heard(eid_said("biblio-3")), NOW_MS)
    assert only(blind).standing is Standing.FOREIGN


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_sealed_telemetry_is_opened_where_the_air_key_is_given(off: int) -> None:
    into = bytearray(TLM[2:] + b"\x12\x34" + bytes(2))
    at_s = NOW_S + off * WINDOW_S
    Sealer(Aes, air_key("biblio-3")).seal(at_s // PERIOD_S, at_s & 0xFFFF, EXPONENT, into, 0)
    sealed = bytes((eddystone.TLM, eddystone.ENCRYPTED)) + bytes(into)
    told = ((eid_said("biblio-3"), HERE, 0), (sealed, HERE, 0))
    opened = only(survey_of(*told, air_keys={"biblio-3": air_key("biblio-3")}))
    assert opened.telemetry is not None
    assert (opened.telemetry.battery_mv, opened.sealed) == (3_100, False)
    for keys in ({}, {"biblio-3": air_key("parada-12")}):
        closed = only(survey_of(*told, air_keys=keys))
        assert (closed.telemetry, closed.sealed) == (None, True)


def test_flood_of_strangers_fills_no_memory() -> None:
    made = Survey(KEYS)
    for number in range(ROWS_MAX + 10):
        said = bytes((eddystone.EID, 0)) + number.to_bytes(8, "big")
        made.hear(heard(said, address=f"a{number}"), NOW_MS)
    for number in range(SENDERS_MAX + 10):
        made.hear(heard(bytes((eddystone.EID, 0)) + bytes(8), address=f"b{number}"), NOW_MS + number)
    assert len(made.rows(NOW_MS)) == ROWS_MAX
    assert made.others == 10
    assert max(len(row.senders) for row in made.rows(NOW_MS)) <= SENDERS_MAX


def test_table_lines_and_picture_say_the_same() -> None:
    made = survey_of(
        (eid_said("biblio-3"), HERE, 0),
        (TLM, HERE, 0),
        (eid_said("parada-12", NOW_S - 5 * WINDOW_S), THERE, 0),
        (bytes((eddystone.URL, 0)) + eddystone.encode_url("https://x.example/<b>"), "F0:00:00:00:00:03", 0),
    )
    rows = made.rows(NOW_MS)
    text = table(rows, made.others, NOW_MS)
    assert "+ ours" in text
    assert "! replayed" in text
    assert "5 windows old" in text
    assert "3100 mV" in text
    read = list(csv.DictReader(StringIO(as_csv(rows))))
    assert tuple(read[0]) == COLUMNS
    assert [(one["beacon"], one["standing"]) for one in read] == [(row.name, row.standing) for row in rows]
    drawn = ET.fromstring(as_svg(rows, "Here & now"))  # noqa: S314  made a line above
    words = " ".join(drawn.itertext())
    assert all(row.name in words and row.standing in words for row in rows)
    assert as_svg([], "Nothing").endswith("</svg>\n")


def test_strength_that_no_radio_measured_is_left_out() -> None:
    made = Survey(KEYS)
    made.hear(heard(eid_said("biblio-3"), 127), NOW_MS)
    row = only(made)
    assert (row.rssi_dbm, row.mean_dbm, row.count) == (None, None, 1)
    assert "biblio-3" in table([row], 0, NOW_MS)
    assert "biblio-3" in as_svg([row], "x")
