"""The catalogue: what citizens can report, in the words of Open311 GeoReport v2 (bundle `catalogue`).

    {"services":[{"service_code":"alumbrado","service_name":{"es":"Alumbrado público","en":"Street lights"},
      "group":"Vía pública","attributes":[{"code":"farola","datatype":"string","required":false,
        "description":{"es":"Número de la farola"}}]}]}

Names and questions are texts by language; everything else is as the standard has it.

Source: Open311 GeoReport v2, GET Service List and GET Service Definition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from shared.model import fields
from shared.model.errors import InputError
from shared.model.service_request import SERVICE_CODE_LENGTH_MAX
from shared.model.wording import Wording, wording, wording_or_none

SERVICES_MAX = 500
ATTRIBUTES_MAX = 50
VALUES_MAX = 200
KEYWORDS_MAX = 50
NAME_LENGTH_MAX = 200
TEXT_LENGTH_MAX = 2_000
CODE_LENGTH_MAX = 64


class Datatype(StrEnum):
    """What an attribute's answer is."""

    STRING = "string"
    NUMBER = "number"
    DATETIME = "datetime"
    TEXT = "text"
    SINGLE = "singlevaluelist"
    MULTIPLE = "multivaluelist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An answer that may be chosen."""

    key: str
    name: Wording
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads one of `values`.

        Raises:
            InputError: a field is missing, of another type or too long.
        """
        return cls(
            key=fields.text(data, "key", CODE_LENGTH_MAX),
            name=wording(data, "name", NAME_LENGTH_MAX),
            extra=fields.unknown(data, _CHOICE_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """One of `values`."""
        return {"key": self.key, "name": self.name.to_data(), **self.extra}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A question that belongs to a service.

    Attributes:
        code: names it at the core.
        datatype: what its answer is.
        required: whether the core takes no report without it.
        description: the question.
        values: what may be chosen; of the list types alone, and of them at least one.
        extra: what this version does not know, among it `order` and `variable`.
    """

    code: str
    datatype: Datatype
    required: bool
    description: Wording
    values: Sequence[Choice]
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads one of `attributes`.

        Raises:
            InputError: a field is missing, of another type or too long, or a list has nothing to choose.
        """
        datatype = fields.choice(data, "datatype", Datatype)
        values = fields.each_or_none(data, "values", VALUES_MAX, Choice.from_data) or ()
        if bool(values) is not (datatype in {Datatype.SINGLE, Datatype.MULTIPLE}):
            raise InputError(
                "values are there for a list to choose from, and nowhere else; correct the sender"
            )
        fields.once("values", [one.key for one in values], "key")
        return cls(
            code=fields.text(data, "code", CODE_LENGTH_MAX),
            datatype=datatype,
            required=fields.flag(data, "required"),
            description=wording(data, "description", TEXT_LENGTH_MAX),
            values=values,
            extra=fields.unknown(data, _ATTRIBUTE_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """One of `attributes`."""
        return {
            "code": self.code,
            "datatype": self.datatype.value,
            "required": self.required,
            "description": self.description.to_data(),
            **({"values": [one.to_data() for one in self.values]} if self.values else {}),
            **self.extra,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What can be reported.

    Attributes:
        service_code: names it at the core.
        service_name: what it is called.
        description: what belongs to it; None where the name says it.
        group: what it is shown under; None: under nothing.
        keywords: by which it is found.
        attributes: further questions.
        extra: what this version does not know.
    """

    service_code: str
    service_name: Wording
    description: Wording | None
    group: str | None
    keywords: Sequence[str]
    attributes: Sequence[Attribute]
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads one of `services`.

        Raises:
            InputError: a field is missing, of another type or too long, or a question stands twice.
        """
        attributes = fields.each_or_none(data, "attributes", ATTRIBUTES_MAX, Attribute.from_data) or ()
        fields.once("attributes", [one.code for one in attributes], "code")
        return cls(
            service_code=fields.text(data, "service_code", SERVICE_CODE_LENGTH_MAX),
            service_name=wording(data, "service_name", NAME_LENGTH_MAX),
            description=wording_or_none(data, "description", TEXT_LENGTH_MAX),
            group=fields.text_or_none(data, "group", NAME_LENGTH_MAX),
            keywords=()
            if data.get("keywords") is None
            else fields.texts(data, "keywords", KEYWORDS_MAX, NAME_LENGTH_MAX),
            attributes=attributes,
            extra=fields.unknown(data, _SERVICE_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """One of `services`."""
        return {
            "service_code": self.service_code,
            "service_name": self.service_name.to_data(),
            **fields.present(description=self.description and self.description.to_data(), group=self.group),
            **({"keywords": list(self.keywords)} if self.keywords else {}),
            **({"attributes": [one.to_data() for one in self.attributes]} if self.attributes else {}),
            **self.extra,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What citizens can report, in the order in which it is shown.

    Attributes:
        services: at least one, each code once.
        extra: what this version does not know.
    """

    services: Sequence[Service]
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the bundle's body.

        Raises:
            InputError: there is no service, one is wrong, or a code stands twice; with its place.
        """
        services = fields.each(data, "services", SERVICES_MAX, Service.from_data)
        if not services:
            raise InputError("services has at least one entry; correct the sender")
        fields.once("services", [one.service_code for one in services], "service_code")
        return cls(services=services, extra=fields.unknown(data, _CATALOGUE_FIELDS))

    def to_data(self) -> dict[str, object]:
        """The bundle's body, unknown fields included."""
        return {"services": [one.to_data() for one in self.services], **self.extra}

    @property
    def codes(self) -> Sequence[str]:
        """The code of every service, in the order in which they are shown."""
        return [one.service_code for one in self.services]


_CHOICE_FIELDS = frozenset({"key", "name"})
_ATTRIBUTE_FIELDS = frozenset({"code", "datatype", "required", "description", "values"})
_SERVICE_FIELDS = frozenset(
    {"service_code", "service_name", "description", "group", "keywords", "attributes"}
)
_CATALOGUE_FIELDS = frozenset({"services"})
