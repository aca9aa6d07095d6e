"""Open311 GeoReport v2 on the wire: our report as its form, its answers as values. Pure.

Here: form fields, where our reference goes, how it is recognised, what a posted request is answered with.
Not here: any I/O, and what follows from an answer (open311.py, open311_search.py).

Rules: the reference stands in `attribute[ventanilla_reference]` and in the description's last line, because
a plain server keeps the description and lists nothing else of ours. A description is cut so that this line
always fits. What a citizen typed can never pass for our reference: it never ends the description.

Source: Open311 GeoReport v2, "POST Service Request", "GET service_request_id from a token", "GET Service
Requests".
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import cast
from urllib.parse import urlencode

from shared.model.errors import InputError

REFERENCE_ATTRIBUTE = "ventanilla_reference"
DESCRIPTION_CHARACTERS_MAX = 4000
"""The standard's own limit for a description."""

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """The core gave the request its number."""

    service_request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """The core took the request and will give it a number later; the token asks for it."""

    token: str


def reference_line(reference: str) -> str:
    """The description's last line."""
    return f"Ref. {reference}"


def request_form(body: Mapping[str, object], *, api_key: str, jurisdiction_id: str) -> bytes:
    """Write a report as the form that GeoReport takes.

    Args:
        body: reference, service_code and description; lat and long or address; contact (name, phone, email);
            requested_datetime, which the standard has no field for, and further attributes, a text or
            several; media_urls, of which the standard knows one and many servers take several.
        api_key: left out where it is empty.
        jurisdiction_id: left out where it is empty.

    Returns:
        An application/x-www-form-urlencoded body in UTF-8.

    Raises:
        InputError: the report has no reference or no service code.
    """
    reference = read_text(body, "reference")
    line = "\n" + reference_line(reference)
    description = str(body.get("description") or "")[: DESCRIPTION_CHARACTERS_MAX - len(line)].rstrip()
    person = _members(body.get("contact"))
    attributes = {
        "requested_datetime": body.get("requested_datetime"),
        **_members(body.get("attributes")),
        REFERENCE_ATTRIBUTE: reference,
    }
    fields: list[tuple[str, object]] = [
        ("api_key", api_key or None),
        ("jurisdiction_id", jurisdiction_id or None),
        ("service_code", read_text(body, "service_code")),
        ("lat", body.get("lat")),
        ("long", body.get("long")),
        ("address_string", body.get("address")),
        ("first_name", person.get("name")),
        ("phone", person.get("phone")),
        ("email", person.get("email")),
        ("description", (description + line).lstrip()),
        *(("media_url", url) for url in _texts(body.get("media_urls"))),
        *(field for name, value in attributes.items() for field in _attribute(name, value)),
    ]
    return urlencode([(name, str(value)) for name, value in fields if value is not None]).encode()


def read_text(body: Mapping[str, object], name: str) -> str:
    """A text that a report must have.

    Raises:
        InputError: it is missing, empty or no text.
    """
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise InputError(f"a report for the core has no {name}; discard it or send it again with one")
    return value


def format_instant(at_ms: int) -> str:
    """An instant as GeoReport writes it: W3C date and time, UTC, no fractions of a second."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_no_such_address(status: int, body: bytes) -> bool:
    """Tell whether no GeoReport server answers there; one says 404 too, and then lists its errors."""
    return status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED} and not read_rows(body)


def read_rows(body: bytes) -> Sequence[Row] | None:
    """The requests that a core lists, or None where the body is no such list."""
    try:
        rows = cast("object", json.loads(body))
    except ValueError:
        return None
    if not isinstance(rows, list):
        return None
    found = [cast("Row", row) for row in cast("list[object]", rows) if isinstance(row, dict)]
    return found if len(found) == len(cast("list[object]", rows)) else None


def read_posted(body: bytes) -> Numbered | Promised | None:
    """What the core made of a posted request; None where the answer does not say so.

    The same form answers a token that was asked for: a number, or the token again.
    """
    rows = read_rows(body)
    if not rows:
        return None
    number = _word(rows[0].get("service_request_id"))
    if number:
        return Numbered(service_request_id=number)
    token = _word(rows[0].get("token"))
    return Promised(token=token) if token else None


def name_of(row: Row) -> str:
    """What the core calls a listed request: its number, or its token while it has none."""
    number, token = _word(row.get("service_request_id")), _word(row.get("token"))
    return number or (f"token:{token}" if token else "")


def media_of(row: Row) -> tuple[str, ...]:
    """The addresses of photographs that a listed request shows: the standard's one, or a list."""
    value = row.get("media_url")
    return (value,) if isinstance(value, str) else tuple(_texts(value))


def holds_reference(row: Row, reference: str) -> bool:
    """Whether a listed request is the one with our reference: by its attribute or its description's end."""
    attributes = row.get("attributes", row.get("attribute"))
    if isinstance(attributes, list):
        entries = [_members(entry) for entry in cast("list[object]", attributes)]
        named = {str(entry.get("code")): entry.get("value") for entry in entries}
    else:
        named = _members(attributes)
    if named.get(REFERENCE_ATTRIBUTE) == reference:
        return True
    description = row.get("description")
    return isinstance(description, str) and description.rstrip().endswith(reference_line(reference))


def _attribute(name: str, value: object) -> Sequence[tuple[str, object]]:
    """An answer as the form has it; several of them each with the name that says so."""
    if isinstance(value, list):
        return [(f"attribute[{name}][]", each) for each in cast("list[object]", value)]
    return [(f"attribute[{name}]", value)]


def _members(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _texts(value: object) -> Sequence[str]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]


def _word(value: object) -> str:
    """A number or token as text; servers write both as a JSON string or a JSON number."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return str(value)
