"""What a citizen reports of the street: an incident with its place, in the words of Open311 GeoReport v2.

Source: Open311 GeoReport v2, POST Service Request (service_code, description, lat, long, address_string).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self, cast

from shared.model import fields
from shared.model.attachment import Attachment, read_attachments
from shared.model.errors import InputError
from shared.model.instants import from_rfc3339

REFERENCE_LENGTH_MAX = 64
SERVICE_CODE_LENGTH_MAX = 64
DESCRIPTION_LENGTH_MAX = 4_000
ADDRESS_LENGTH_MAX = 300
CHANNEL_LENGTH_MAX = 32
NAME_LENGTH_MAX = 200
PHONE_LENGTH_MAX = 32
EMAIL_LENGTH_MAX = 254
DATETIME_LENGTH_MAX = 40
ATTRIBUTES_MAX = 50
ATTRIBUTE_CODE_LENGTH_MAX = 64
ATTRIBUTE_LENGTH_MAX = 4_000
ATTRIBUTE_VALUES_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """How to reach the person who reported, where they wished it."""

    name: str | None
    phone: str | None
    email: str | None
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: object) -> Self:
        """Reads the `contact` member.

        Raises:
            InputError: it is no object, or a field is of another type or too long.
        """
        if not isinstance(data, Mapping):
            raise InputError("contact is an object with name, phone and email; correct the sender")
        contact = cast("Mapping[str, object]", data)
        return cls(
            name=fields.text_or_none(contact, "name", NAME_LENGTH_MAX),
            phone=fields.text_or_none(contact, "phone", PHONE_LENGTH_MAX),
            email=fields.text_or_none(contact, "email", EMAIL_LENGTH_MAX),
            extra=fields.unknown(contact, _CONTACT_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The `contact` member."""
        return {**fields.present(name=self.name, phone=self.phone, email=self.email), **self.extra}


def contact_or_none(data: Mapping[str, object]) -> Contact | None:
    """Reads the `contact` of an event; None where nobody wishes to be reached.

    Raises:
        InputError: it is there and is none.
    """
    contact = data.get("contact")
    return None if contact is None else Contact.from_data(contact)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReported:
    """A citizen reported an incident (`incident.reported`).

    Attributes:
        attributes: what its service asks further, by the question's code: a text, or keys that were chosen.
    """

    reference: str
    service_code: str
    description: str
    lat: float | None
    long: float | None
    address: str | None
    channel: str
    contact: Contact | None
    requested_datetime: str | None
    attachments: Sequence[Attachment] = ()
    attributes: Mapping[str, str | Sequence[str]] = field(default_factory=dict[str, str | Sequence[str]])
    extra: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the event's data.

        Raises:
            InputError: a field is missing, of another type, too long or out of range, or a place is half.
        """
        lat, long = fields.degrees_or_none(data, "lat", 90), fields.degrees_or_none(data, "long", 180)
        if (lat is None) != (long is None):
            raise InputError("lat and long come together; give both or none")
        requested = fields.text_or_none(data, "requested_datetime", DATETIME_LENGTH_MAX)
        if requested is not None:
            from_rfc3339(requested)
        return cls(
            reference=fields.text(data, "reference", REFERENCE_LENGTH_MAX),
            service_code=fields.text(data, "service_code", SERVICE_CODE_LENGTH_MAX),
            description=fields.text(data, "description", DESCRIPTION_LENGTH_MAX),
            lat=lat,
            long=long,
            address=fields.text_or_none(data, "address", ADDRESS_LENGTH_MAX),
            channel=fields.text(data, "channel", CHANNEL_LENGTH_MAX),
            contact=contact_or_none(data),
            requested_datetime=requested,
            attachments=read_attachments(data),
            attributes=_read_answers(data),
            extra=fields.unknown(data, _INCIDENT_FIELDS),
        )

    def to_data(self) -> dict[str, object]:
        """The event's data, unknown fields included."""
        return {
            "reference": self.reference,
            "service_code": self.service_code,
            "description": self.description,
            **fields.present(lat=self.lat, long=self.long, address=self.address),
            "channel": self.channel,
            **fields.present(
                contact=self.contact and self.contact.to_data(), requested_datetime=self.requested_datetime
            ),
            **({"attachments": [one.to_data() for one in self.attachments]} if self.attachments else {}),
            **({"attributes": _write_answers(self.attributes)} if self.attributes else {}),
            **self.extra,
        }


def _read_answers(data: Mapping[str, object]) -> Mapping[str, str | Sequence[str]]:
    value = data.get("attributes")
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(cast("Mapping[str, object]", value)) > ATTRIBUTES_MAX:
        raise InputError(f"attributes is an object of at most {ATTRIBUTES_MAX} answers; correct the sender")
    answers = cast("Mapping[str, object]", value)
    read: dict[str, str | Sequence[str]] = {}
    for code, answer in answers.items():
        fields.text({"attributes": code}, "attributes", ATTRIBUTE_CODE_LENGTH_MAX)
        if isinstance(answer, str):
            read[code] = fields.text(answers, code, ATTRIBUTE_LENGTH_MAX)
        else:
            read[code] = fields.texts(answers, code, ATTRIBUTE_VALUES_MAX, ATTRIBUTE_CODE_LENGTH_MAX)
    return read


def _write_answers(answers: Mapping[str, str | Sequence[str]]) -> dict[str, str | list[str]]:
    return {code: answer if isinstance(answer, str) else [*answer] for code, answer in answers.items()}


_CONTACT_FIELDS = frozenset({"name", "phone", "email"})
_INCIDENT_FIELDS = frozenset(
    {
        "reference",
        "service_code",
        "description",
        "lat",
        "long",
        "address",
        "channel",
        "contact",
        "requested_datetime",
        "attachments",
        "attributes",
    }
)
