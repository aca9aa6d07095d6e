"""What bundles say, by name: read by the hub before it signs, and by a device before it takes it.

    read_content("deny-list", body)  ->  DenyList

A name that is not here travels as it is: whoever uses it reads it. Pure.

Rule: the sentence of a refusal names the place in the file, `services[3].service_name.es`, and never what is
written there.

Source: docs/PROTOCOL.md, section Twin, commands, bundles.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from shared.model.agenda import Agenda
from shared.model.catalogue import Catalogue
from shared.model.deny_list import MARK, DenyList
from shared.model.errors import InputError
from shared.model.fares import Fares
from shared.model.translations import Translations
from shared.protocol.bundle import DENY_LIST, HUB_KEYS, HubPublicKeys
from shared.protocol.parsing import ParseError, parse_object
from shared.protocol.report_status import REPORT_STATUS, ReportStatus
from shared.protocol.sealing import HubSealingPublicKey

AGENDA: Final = "agenda"
CATALOGUE: Final = "catalogue"
FARES: Final = "fares"
TRANSLATIONS: Final = "translations"

Content = Agenda | Catalogue | DenyList | Fares | HubPublicKeys | ReportStatus | Translations


class ContentError(InputError):
    """No device could read this file; correct it and publish it again."""


def read_content(name: str, body: bytes) -> Content | None:
    """Read what a bundle says; None for a name that travels as it is.

    Args:
        name: of the bundle.
        body: as it was published.

    Raises:
        ContentError: it is no JSON, or not what this name says; the sentence names the place.
    """
    if name == HUB_KEYS:
        keys = HubPublicKeys.from_body(body)
        HubSealingPublicKey(keys.sealing)
        return keys
    if name == REPORT_STATUS:
        return ReportStatus.from_body(body)
    read = _MODELS.get(name)
    if read is None:
        return None
    try:
        if name == DENY_LIST and body.startswith(MARK):
            return DenyList.from_packed(body)
        return read(_members(body))
    except InputError as error:
        reason = str(error).partition("; ")[0]
        raise ContentError(f"{name}: {reason}; correct the file and publish it again") from error


def _members(body: bytes) -> Mapping[str, object]:
    try:
        return parse_object(body)
    except ParseError as error:
        raise InputError(_why_no_object(body)) from error


def _why_no_object(body: bytes) -> str:
    try:
        found = json.loads(body.decode())
    except json.JSONDecodeError as error:
        return f"line {error.lineno}, column {error.colno} is no JSON ({error.msg})"
    except UnicodeDecodeError as error:
        return f"byte {error.start} is no UTF-8"
    except (ValueError, RecursionError):
        return "a number or the nesting is beyond what anyone reads"
    if not isinstance(found, dict):
        return "the file is one JSON object"
    return "a member stands twice, a number or character is none, or the nesting is too deep"


_MODELS: Final[Mapping[str, Callable[[Mapping[str, object]], Content]]] = MappingProxyType(
    {
        AGENDA: Agenda.from_data,
        CATALOGUE: Catalogue.from_data,
        DENY_LIST: DenyList.from_data,
        FARES: Fares.from_data,
        TRANSLATIONS: Translations.from_data,
    }
)
