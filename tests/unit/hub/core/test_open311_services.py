"""What GeoReport servers list, in all its forms, as the catalogue that devices read."""

import json
from typing import Any

import pytest

from hub.core.open311_services import catalogue, needs_definition, read_definition
from shared.model.errors import InputError
from shared.protocol.contents import CATALOGUE, read_content
from shared.protocol.parsing import encode

ROW: dict[str, Any] = {
    "service_code": "residuos",
    "service_name": "Contenedores",
    "description": "",
    "metadata": True,
    "type": "realtime",
    "keywords": "basura, vidrio,",
    "group": "Limpieza",
}
QUESTION: dict[str, Any] = {
    "variable": True,
    "code": "que",
    "datatype": "singlevaluelist",
    "required": "true",
    "order": 1,
    "description": "¿De qué es?",
    "values": [{"key": 1, "name": "Papel"}, {"key": 2, "name": None}],
}


def test_listed_services_become_a_catalogue_that_a_device_reads() -> None:
    found = catalogue(
        [ROW, {"service_code": 14, "service_name": "Aceras"}], {"residuos": {"attributes": [QUESTION]}}
    )
    assert read_content(CATALOGUE, encode(found.to_data())) == found
    first, second = found.services
    assert (first.service_code, first.service_name.es, first.description) == (
        "residuos",
        "Contenedores",
        None,
    )
    assert (first.group, first.keywords) == ("Limpieza", ("basura", "vidrio"))
    (asked,) = first.attributes
    assert (asked.code, asked.required, asked.description.es) == ("que", True, "¿De qué es?")
    assert [(one.key, one.name.es) for one in asked.values] == [("1", "Papel"), ("2", "2")]
    assert (second.service_code, second.attributes) == ("14", ())


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "at least one"),
        ([{}], "service_code is a text"),
        ([ROW, ROW], "is the one of an entry before it"),
    ],
)
def test_list_that_no_device_could_read_is_refused(rows: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(InputError, match=says):
        catalogue(rows, {})


@pytest.mark.parametrize(
    ("metadata", "needed"), [(True, True), ("true", True), (False, False), ("false", False), (None, False)]
)
def test_service_needs_its_definition_where_the_server_says_so(metadata: object, needed: bool) -> None:
    assert needs_definition({**ROW, "metadata": metadata}) is needed


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"[7]"[:2], b"\xff"])
def test_definition_that_is_none_is_told_apart(body: bytes) -> None:
    assert read_definition(body) is None


def test_definition_may_come_in_a_list() -> None:
    said = {"service_code": "residuos", "attributes": [QUESTION]}
    assert read_definition(json.dumps([said]).encode()) == read_definition(json.dumps(said).encode()) == said
