import json
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.open311_wire import (
    DESCRIPTION_CHARACTERS_MAX,
    Numbered,
    Promised,
    format_instant,
    holds_reference,
    read_posted,
    read_rows,
    request_form,
)
from shared.model.errors import InputError

REFERENCE = "2345-6789-CDFH"
REPORT = {
    "reference": REFERENCE,
    "service_code": "aceras",
    "description": "Baldosa suelta\njunto al nº 15 — ¡cuidado!",
    "lat": 40.379,
    "long": -3.619,
    "address": "Calle Real de Arganda, 15",
    "requested_datetime": "2026-11-19T08:00:00Z",
    "attributes": {"channel": "kiosk"},
    "contact": {"name": "Ana Gil", "phone": "600000000", "email": "ana@example.es"},
}


def fields_of(form: bytes) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(form.decode(), keep_blank_values=True).items()}


@pytest.mark.sentence("C-3")
def test_form_of_a_whole_report_has_the_fields_of_the_standard() -> None:
    assert fields_of(request_form(REPORT, api_key="k", jurisdiction_id="city.es")) == {
        "api_key": "k",
        "jurisdiction_id": "city.es",
        "service_code": "aceras",
        "lat": "40.379",
        "long": "-3.619",
        "address_string": "Calle Real de Arganda, 15",
        "first_name": "Ana Gil",
        "phone": "600000000",
        "email": "ana@example.es",
        "description": "Baldosa suelta\njunto al nº 15 — ¡cuidado!\nRef. 2345-6789-CDFH",
        "attribute[requested_datetime]": "2026-11-19T08:00:00Z",
        "attribute[channel]": "kiosk",
        "attribute[ventanilla_reference]": REFERENCE,
    }


def test_answers_to_the_questions_of_a_service_reach_the_core_several_of_them_each() -> None:
    report = {**REPORT, "attributes": {"tamano": "l", "riesgo": ["p", "c"]}}
    form = parse_qs(request_form(report, api_key="", jurisdiction_id="").decode())
    assert form["attribute[tamano]"] == ["l"]
    assert form["attribute[riesgo][]"] == ["p", "c"]


def test_form_of_a_bare_report_names_nothing_that_is_not_there() -> None:
    form = request_form({"reference": REFERENCE, "service_code": "aceras"}, api_key="", jurisdiction_id="")
    assert fields_of(form) == {
        "service_code": "aceras",
        "description": "Ref. 2345-6789-CDFH",
        "attribute[ventanilla_reference]": REFERENCE,
    }


@pytest.mark.parametrize("missing", ["reference", "service_code"])
@pytest.mark.parametrize("value", [None, "", 7])
def test_form_without_reference_or_service_is_refused(missing: str, value: object) -> None:
    with pytest.raises(InputError, match=missing):
        request_form({**REPORT, missing: value}, api_key="", jurisdiction_id="")


@given(st.text(max_size=DESCRIPTION_CHARACTERS_MAX + 50))
def test_reference_is_found_again_whatever_the_citizen_typed(description: str) -> None:
    typed = description.encode("utf-8", "replace").decode()
    fields = fields_of(request_form({**REPORT, "description": typed}, api_key="", jurisdiction_id=""))
    assert len(fields["description"]) <= DESCRIPTION_CHARACTERS_MAX
    assert holds_reference({"description": fields["description"]}, REFERENCE)


def test_description_longer_than_the_standard_allows_is_cut_before_our_reference() -> None:
    fields = fields_of(request_form({**REPORT, "description": "x" * 9000}, api_key="", jurisdiction_id=""))
    assert len(fields["description"]) == DESCRIPTION_CHARACTERS_MAX
    assert fields["description"].endswith(f"x\nRef. {REFERENCE}")


def test_another_citizens_reference_in_the_text_is_not_taken_for_ours() -> None:
    fields = fields_of(
        request_form(
            {**REPORT, "reference": "XXXX-YYYY-2222", "description": f"como ya dije en Ref. {REFERENCE}"},
            api_key="",
            jurisdiction_id="",
        )
    )
    assert not holds_reference({"description": fields["description"]}, REFERENCE)


@pytest.mark.parametrize(
    "row",
    [
        {"attributes": {"ventanilla_reference": REFERENCE}},
        {"attribute": {"ventanilla_reference": REFERENCE}},
        {
            "attributes": [
                {"code": "otro", "value": "x"},
                {"code": "ventanilla_reference", "value": REFERENCE},
            ]
        },
        {"attributes": {}, "description": f"Farola rota Ref. {REFERENCE}  \n"},
        {"attributes": [], "description": f"Farola rota\r\nRef. {REFERENCE}"},
    ],
)
def test_row_with_our_reference_in_any_known_place_is_ours(row: dict[str, object]) -> None:
    assert holds_reference(row, REFERENCE)


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"description": None},
        {"description": f"Ref. {REFERENCE}-bis"},
        {"attributes": {"ventanilla_reference": "2345"}},
        {"attributes": "ventanilla_reference"},
    ],
)
def test_row_without_our_reference_is_not_ours(row: dict[str, object]) -> None:
    assert not holds_reference(row, REFERENCE)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([{"service_request_id": "293944"}], Numbered(service_request_id="293944")),
        ([{"service_request_id": 293944}], Numbered(service_request_id="293944")),
        ([{"service_request_id": None, "token": "t1"}], Promised(token="t1")),
        ([{"token": 12}], Promised(token="12")),
        ([{"code": 400, "description": "no"}], None),
        ([{"service_request_id": True}], None),
        ([], None),
        ({"service_request_id": "1"}, None),
        (["1"], None),
    ],
)
def test_posted_answer_is_a_number_a_token_or_nothing(answer: object, expected: object) -> None:
    assert read_posted(json.dumps(answer).encode()) == expected


@given(st.binary())
def test_answer_of_any_bytes_raises_nothing(body: bytes) -> None:
    assert read_rows(body) is None or read_posted(body) is None


def test_instant_has_a_zone_and_no_fraction() -> None:
    assert format_instant(1_795_255_200_999) == "2026-11-21T10:00:00Z"
