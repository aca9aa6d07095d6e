import json

import pytest

from shared.edge.errors import FencedError
from shared.edge.event_lines import EventReader, Question, Submission, read_question, refused_line, taken_line
from shared.edge.pseudonyms import Pseudonyms
from shared.edge.seam import Taken
from shared.model.errors import InputError, TransientError
from shared.model.event import EventType, Stream
from shared.model.ids import check_reference
from shared.model.wording import Language

FRESH = "01a20073-9c4a-70cb-9e49-702fc2a52c28"
GIVEN = "01a20073-9c71-7fc3-8aa3-bfbf6a887a00"
TAP = {"counter": 7, "amount_minor": 150, "currency": "EUR", "product": "sencillo"}
REPORT = {"service_code": "aceras", "description": "Baldosa suelta", "channel": "kiosk"}
CARD = {"kind": "card", "value": "04A2B3"}


def read(**members: object) -> Submission:
    return reader().read(json.dumps(members).encode(), FRESH)


def reader() -> EventReader:
    return EventReader("bus-7", Pseudonyms(b"k" * 32))


def refusal(raw: bytes) -> str:
    with pytest.raises(InputError) as refused:
        reader().read(raw, FRESH)
    return str(refused.value)


def test_event_with_type_and_data_is_read() -> None:
    taken = read(type="incident.reported", data=REPORT).happening
    assert (taken.type, taken.kind.stream) == (EventType.INCIDENT_REPORTED, Stream.CASES)
    assert taken.event_id == FRESH
    assert taken.subject is None
    assert taken.at_ms is None
    assert check_reference(taken.reference or "") == taken.reference


def test_event_with_everything_is_read_as_it_says() -> None:
    got = read(
        stream="payments",
        type="tap.charged",
        data={**TAP, "zone": "B"},
        subject=CARD,
        id=GIVEN,
        at="2026-11-21T10:15:00Z",
        session="s-1",
    )
    assert got.session == "s-1"
    assert got.happening.event_id == GIVEN
    assert got.happening.at_ms == 1_795_256_100_000
    assert got.happening.data["zone"] == "B"


def test_subject_of_kind_and_value_becomes_a_pseudonym() -> None:
    subject = read(type="tap.charged", data=TAP, subject=CARD).happening.subject
    assert subject == Pseudonyms(b"k" * 32).of("card", "04A2B3")
    assert subject != Pseudonyms(b"l" * 32).of("card", "04A2B3")
    assert "04A2B3" not in (subject or "")


def test_reference_of_an_event_given_twice_is_the_same() -> None:
    first = read(type="incident.reported", data=REPORT, id=GIVEN).happening
    again = read(type="incident.reported", data=REPORT, id=GIVEN).happening
    other = read(type="incident.reported", data=REPORT).happening
    assert first.reference == again.reference != other.reference


def test_reference_that_was_given_is_kept() -> None:
    data = {
        "reference": "TASA-1",
        "concept": "basuras",
        "amount_minor": 4250,
        "currency": "EUR",
        "method": "card",
    }
    assert read(type="payment.captured", data=data).happening.reference == "TASA-1"


def test_health_event_carries_the_key_it_is_about() -> None:
    assert read(type="device.state", data={"key": "printer", "state": "ok"}).happening.key == "printer"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"{bad", "one JSON object"),
        (b"[1]", "one JSON object"),
        (b'{"type":"incident.reported","type":"tap.charged"}', "one JSON object"),
        (b'{"type":"\xff"}', "one JSON object"),
        (b'{"type":"incident.reported","data":{"x":NaN}}', "one JSON object"),
        (b"[" * 60_000, "one JSON object"),
        (b'{"data":{}}', "type"),
        (b'{"type":"telepathy","data":{}}', "use one of"),
        (b'{"type":"incident.reported"}', "data"),
        (b'{"type":"incident.reported","data":[]}', "data"),
        (b'{"type":"incident.reported","data":{},"tpye":1}', "tpye"),
        (b'{"type":"incident.reported","stream":"payments","data":{}}', "belongs to cases"),
        (b'{"type":"incident.reported","id":"7","data":{}}', "UUID"),
        (b'{"type":"incident.reported","at":"yesterday","data":{}}', "RFC 3339"),
        (b'{"type":"incident.reported","subject":{"kind":"card"},"data":{}}', "kind and value"),
        (b'{"type":"incident.reported","subject":7,"data":{}}', "subject"),
        (b'{"type":"device.counters","session":"","data":{}}', "session"),
    ],
)
def test_event_that_is_wrong_is_refused_with_what_to_do(raw: bytes, says: str) -> None:
    assert says in refusal(raw)


def test_tap_without_a_card_is_refused() -> None:
    assert "subject" in refusal(json.dumps({"type": "tap.charged", "data": TAP}).encode())


def test_refusal_repeats_no_value_that_was_written() -> None:
    secret = "Ana García 600000000"
    for event in (
        {"type": "incident.reported", "data": {**REPORT, "channel": secret * 9}},
        {"type": secret, "data": {}},
        {"type": "incident.reported", "data": REPORT, secret: 1},
        {"type": "tap.charged", "data": TAP, "subject": {"kind": "card", "value": secret * 50}},
    ):
        assert "Ana" not in refusal(json.dumps(event).encode())


def test_answers_are_one_line_of_json_each() -> None:
    happening = read(type="incident.reported", data=REPORT).happening
    answer = taken_line(Taken(FRESH, Stream.CASES, "9f3c2a1b", 7), happening, 3)
    assert answer.count(b"\n") == 1
    assert json.loads(answer) == {
        "taken": {"id": FRESH, "stream": "cases", "epoch": "9f3c2a1b", "seq": 7},
        "type": "incident.reported",
        "reference": happening.reference,
        "line": 3,
    }
    refused = json.loads(refused_line(FencedError(FencedError.__doc__), 4))
    assert "fenced" in refused["refused"]["reason"]
    assert "release" in refused["refused"]["remedy"]
    assert refused["line"] == 4


def test_refusal_without_a_remedy_of_its_own_gets_one() -> None:
    assert json.loads(refused_line(TransientError("no"), 1))["refused"] == {
        "reason": "no",
        "remedy": "try again",
    }


@pytest.mark.parametrize(("given", "language"), [({}, "es"), ({"language": "en"}, "en")])
def test_question_is_read_with_its_language(given: dict[str, str], language: str) -> None:
    asked = read_question(json.dumps({"ask": "notices", **given}).encode())
    assert asked == Question(language=Language(language))


@pytest.mark.parametrize("more", [{"language": "fr"}, {"ask": "cards"}, {"type": "tap.charged"}])
def test_question_that_is_none_is_refused(more: dict[str, str]) -> None:
    with pytest.raises(InputError):
        read_question(json.dumps({"ask": "notices", **more}).encode())


@pytest.mark.parametrize("raw", [b'{"ask"', b'{"type":"x","data":{"ask":1}}', b'["ask"]'])
def test_line_that_asks_nothing_is_no_question(raw: bytes) -> None:
    assert read_question(raw) is None
