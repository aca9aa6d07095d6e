"""Report an incident: what, where, in words, with photographs, and whether to be told.

Whoever finds that somebody reported the same near by joins that report instead: what they said so far stays,
and is sent after all if they change their mind.

Source: Open311 GeoReport v2, POST Service Request; the events are `shared.model.service_request` and
`shared.model.report_opinion`.
"""

from collections.abc import Sequence
from typing import Final

from kiosk_app.core.attributes import attribute_facts, attribute_steps, attributes_of
from kiosk_app.core.contact import KEPT, KEPT_MESSAGE, contact_of, contact_steps, told_fact
from kiosk_app.core.draft import Ability, Around, Draft
from kiosk_app.core.effects import Submission
from kiosk_app.core.nearby import Other, nearby_steps, service_words, supported
from kiosk_app.core.pages import Choice, Fact, Keyboard
from kiosk_app.core.places import place_of, place_steps
from kiosk_app.core.steps import Photos, Step, Tiles, Typing
from kiosk_app.core.tasks.task import CHANNEL, Tile
from kiosk_app.core.words import Words, say, written
from shared.model.catalogue import Service
from shared.model.event import EventType

PHOTOS_MAX: Final = 3
WORDS_LENGTH_MAX: Final = 600


class Report:
    """Report an incident."""

    tile = Tile(
        id="report",
        words=say("Avisar de un problema"),
        icon="message-report",
        needs=(Ability.REPORTS, Ability.CATALOGUE),
    )

    send = say("Enviar aviso")
    next = say("Llega al ayuntamiento aunque ahora no haya red. Con este código puede seguirlo.")

    def steps(self, draft: Draft, around: Around) -> Sequence[Step]:
        """Ask what, where, whether others said so, in words, with photographs, and whether to be told."""
        first = [
            Tiles(id="report.category", title=say("¿Qué ocurre?"), answer="category", choices=_services),
            *place_steps("report", say("¿Dónde es?"), draft),
            *nearby_steps("report", draft, around),
        ]
        if supported(draft, around) is not None:
            return [*first, *contact_steps("report", draft, KEPT_MESSAGE)]
        return [
            *first,
            *attribute_steps("report", _service(draft, around)),
            Typing(
                id="report.words",
                title=say("¿Quiere contarlo con sus palabras?"),
                answer="words",
                label=say("Lo que ve"),
                keyboard=Keyboard.TEXT,
                length_max=WORDS_LENGTH_MAX,
                optional=True,
                private=True,
                example=say("Por ejemplo: la farola parpadea desde el lunes"),
            ),
            Photos(
                id="report.photos",
                title=say("¿Quiere añadir fotos?"),
                count_max=PHOTOS_MAX,
                closed=lambda around: around.why_not([Ability.CAMERA]),
            ),
            *contact_steps("report", draft, KEPT),
        ]

    def review(self, draft: Draft, around: Around) -> Sequence[Fact]:
        """Show what is sent."""
        told = told_fact("report", draft)
        if (other := supported(draft, around)) is not None:
            service = service_words(other.service_code, around)
            joined = say("Se suma al aviso de otra persona: {service}", service=service)
            return [Fact(label=say("Qué"), words=joined, change="report.nearby"), told]
        return [
            Fact(label=say("Qué"), words=_service_words(draft, around), change="report.category"),
            Fact(label=say("Dónde"), words=written(place_of(draft, around).address), change="report.place"),
            *attribute_facts("report", draft, _service(draft, around)),
            Fact(
                label=say("Con sus palabras"),
                words=written(draft.text("words").strip())
                if draft.text("words").strip()
                else say("Nada más"),
                change="report.words",
                private=True,
            ),
            Fact(
                label=say("Fotos"),
                words=say("{count}", count=len(draft.photos)) if draft.photos else say("Ninguna"),
                change="report.photos",
            ),
            told,
        ]

    def submission(self, draft: Draft, around: Around) -> Submission:
        """Return the report in GeoReport's words, or that somebody joins another one."""
        if (other := supported(draft, around)) is not None:
            return _joined(draft, other)
        place, contact, service = place_of(draft, around), contact_of(draft), _service(draft, around)
        words = draft.text("words").strip()
        data: dict[str, object] = {
            "service_code": draft.text("category"),
            "description": words or ("" if service is None else service.service_name.es),
            "lat": place.lat,
            "long": place.long,
            "address": place.address,
            "channel": CHANNEL,
        }
        if service is not None and (attributes := attributes_of(draft, service)):
            data["attributes"] = dict(attributes)
        if contact is not None:
            data["contact"] = dict(contact)
        return Submission(type=EventType.INCIDENT_REPORTED, data=data, photos=draft.photos)


def _joined(draft: Draft, other: Other) -> Submission:
    contact = contact_of(draft)
    data: dict[str, object] = {"report": other.report, "channel": CHANNEL}
    if contact is not None:
        data["contact"] = dict(contact)
    return Submission(type=EventType.REPORT_SUPPORTED, data=data)


def _services(_draft: Draft, around: Around) -> Sequence[Choice]:
    return [
        Choice(
            id=each.service_code,
            words=written(each.service_name),
            icon=icon_of(each),
            hint=_hint(each),
        )
        for each in around.services
    ]


def _hint(service: Service) -> Words | None:
    """Return what its town says of a service besides its name; many say the name again."""
    said = service.description
    return None if said is None or said.es == service.service_name.es else written(said)


def _service(draft: Draft, around: Around) -> Service | None:
    code = draft.text("category")
    return next((each for each in around.services if each.service_code == code), None)


def _service_words(draft: Draft, around: Around) -> Words:
    service = _service(draft, around)
    return written(draft.text("category") if service is None else service.service_name)


def icon_of(service: Service) -> str:
    """Return the icon of a service: the town's own, or one that stands for any problem."""
    icon = service.extra.get("icon")
    return icon if isinstance(icon, str) else "alert-triangle"
