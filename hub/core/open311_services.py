"""What a GeoReport server lists as its services, as the catalogue that devices read.

Here: the form, with the liberties that servers take: numbers and `"true"` as texts, keywords in one text, a
definition in a list. Not here: asking (open311.py), publishing (hub/orders).

A server has one language; its texts are taken as the Spanish ones, which every text of a catalogue must have.

Source: Open311 GeoReport v2, GET Service List and GET Service Definition.
"""

import json
from collections.abc import Mapping, Sequence
from typing import cast

from hub.core.open311_wire import Row
from shared.model.catalogue import Catalogue
from shared.model.errors import InputError


def needs_definition(service: Row) -> bool:
    """Whether a listed service has questions that only its definition names."""
    return _is_true(service.get("metadata"))


def read_definition(body: bytes) -> Row | None:
    """A service's definition, or None where the body is none."""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list) and found:
        found = cast("list[object]", found)[0]
    return cast("Row", found) if isinstance(found, dict) else None


def catalogue(services: Sequence[Row], definitions: Mapping[str, Row]) -> Catalogue:
    """Make the catalogue of what a server lists.

    Args:
        services: as the server lists them.
        definitions: by service code, of those that have one.

    Raises:
        InputError: the server lists nothing, or something that no device could read; with its place.
    """
    listed = [_service(row, definitions.get(_text(row.get("service_code")), {})) for row in services]
    return Catalogue.from_data({"services": listed})


def _service(row: Row, definition: Row) -> dict[str, object]:
    code = _text(row.get("service_code"))
    said: dict[str, object] = {
        "service_code": code,
        "service_name": {"es": _text(row.get("service_name")) or code},
    }
    if description := _text(row.get("description")):
        said["description"] = {"es": description}
    if group := _text(row.get("group")):
        said["group"] = group
    if words := [word.strip() for word in _text(row.get("keywords")).split(",") if word.strip()]:
        said["keywords"] = words
    if questions := [_attribute(one) for one in _rows(definition, "attributes")]:
        said["attributes"] = questions
    return said


def _attribute(row: Row) -> dict[str, object]:
    code = _text(row.get("code"))
    values = [
        {"key": _text(one.get("key")), "name": {"es": _text(one.get("name")) or _text(one.get("key"))}}
        for one in _rows(row, "values")
    ]
    datatype = _text(row.get("datatype")).lower()
    return {
        "code": code,
        "datatype": datatype,
        "required": _is_true(row.get("required")),
        "description": {"es": _text(row.get("description")) or code},
        "variable": row.get("variable") is None or _is_true(row.get("variable")),
        **({"values": values} if values and datatype.endswith("list") else {}),
    }


def _rows(row: Row, name: str) -> list[Row]:
    listed: object = row.get(name) or []
    if not isinstance(listed, list):
        raise InputError(f"the core's {name} is no list; look at its services")
    return [cast("Row", one) for one in cast("list[object]", listed) if isinstance(one, dict)]


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _is_true(value: object) -> bool:
    return value is True or _text(value).lower() in {"true", "1"}
