"""A machine behind the screen: photographs that are drawn, a hub that answers, a printer that prints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO

from PIL import Image, ImageDraw

from kiosk_app.core.draft import Ability, Around, Place
from kiosk_app.core.effects import CARD as CARD_ASKED
from kiosk_app.core.effects import (
    Answer,
    Ask,
    DropPhotos,
    Effect,
    Heard,
    PhotoTaken,
    Print,
    Printed,
    Submit,
    Taken,
    TakePhoto,
)
from kiosk_app.core.voice import Sentence
from kiosk_app.core.words import Speaker, Words
from kiosk_app.town.demonstration import MIDDLE, demonstration_town
from kiosk_app.town.gazetteer import TownGazetteer
from shared.model.agenda import Agenda
from shared.model.catalogue import Catalogue
from shared.model.ids import new_reference
from tests.support.kiosk import FURTHER, around

REFERENCE = new_reference(bytes(range(16)))
_LONG = "De lunes a viernes abre de 8 a 21 h, y los sábados de 10 a 14 h. " * 30
NOW_MS = 1_795_255_200_000
PROOF = "VT1:kiosk-plaza:7KXM2PRT94VW:4fd1b0c2a9e87d65:3045022100b7c1d2e3f4a5968778695a4b3c2d1e0f"


_ICONS = {
    "Farola o luz": ("bulb", "Apagada, parpadea, está caída"),
    "Calle o acera": ("road", "Baches, losetas, tapas"),
    "Basura y limpieza": ("trash", "Contenedores, papeleras, muebles"),
    "Árboles y jardines": ("trees", "Ramas, plagas, riego"),
    "Ruido": ("volume", "Obras, locales, alarmas"),
    "Agua y alcantarillas": ("droplet", "Fugas, atascos, olores"),
    "Señales y semáforos": ("traffic-lights", "Caídas, tapadas, sin luz"),
    "Otra cosa": ("dots", "Cuéntelo con sus palabras"),
}
SERVICES = Catalogue.from_data(
    {
        "services": [
            {
                "service_code": f"c{number}",
                "service_name": {"es": name},
                "description": {"es": hint},
                "icon": icon,
                "attributes": FURTHER if number == 1 else [],
            }
            for number, (name, (icon, hint)) in enumerate(_ICONS.items())
        ]
    }
).services
AGENDA = Agenda.from_data(
    {
        "items": [
            {
                "id": f"item-{number}",
                "version": 1,
                "kind": kind,
                "title": {"es": title},
                "text": {"es": text},
                "from": "2026-11-20T00:00:00Z",
                "until": "2026-11-30T00:00:00Z",
                "begins": "2026-11-21T18:00:00Z",
                "place": "Plaza Mayor",
            }
            for number, (kind, title, text) in enumerate(
                [
                    ("notice", "Corte de agua en la calle del Pan", "El lunes de 9 a 14 h. " * 3),
                    ("event", "Feria del libro viejo", "Treinta puestos bajo los soportales. Entrada libre."),
                    (
                        "event",
                        "Concierto de la banda municipal",
                        "Pasodobles, al aire libre.",
                    ),
                    ("information", "Nuevo horario de la biblioteca", _LONG),
                ]
            )
        ]
    }
).items
CARD: Mapping[str, object] = {
    "balance_minor": 1_255,
    "currency": "EUR",
    "category": 1,
    "valid_until": "2031-11-01",
    "is_expired": False,
    "passes": [
        {"product": 20, "zones": [], "first": "2026-11-01", "last": "2026-11-30"},
        {"product": 21, "zones": [1, 2, 3], "first": "2026-12-01", "last": "2027-02-28"},
    ],
    "rides": {"left": 7, "product": 30},
}
TRIPS_MADE: Sequence[Mapping[str, object]] = [
    {
        "deed": "ride",
        "at_ms": NOW_MS - 5_000_000 * number,
        "line": 4,
        "stop": 120 + number,
        "passengers": 1,
        "amount_minor": -65,
    }
    for number in range(5)
]
ANSWERS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "case": (
        {"status": "open", "kind": "report", "service_code": "c0", "received_ms": NOW_MS},
        {
            "status": "closed",
            "kind": "report",
            "service_code": "c0",
            "received_ms": NOW_MS,
            "picture": "repaired",
            "updates": [
                {"status": "open", "notes": "Un equipo pasará el martes.", "at_ms": NOW_MS},
                {"status": "closed", "notes": "Hemos cambiado la bombilla y el cristal.", "at_ms": NOW_MS},
            ],
            "rating_asked": True,
        },
        {
            "status": "closed",
            "kind": "suggestion",
            "service_code": None,
            "received_ms": NOW_MS,
            "updates": [{"status": "closed", "notes": "Pondremos tres bancos en mayo.", "at_ms": NOW_MS}],
            "rating_asked": False,
        },
    ),
    "card": (
        {"said": "done", "state": "issued", "card": {**CARD, "pin": "asked", "pin_left": 3}},
        {"said": "done", "state": "issued", "card": {**CARD, "pin": "none", "trips": TRIPS_MADE}},
        {"said": "done", "state": "issued", "card": {**CARD, "pin": "wrong", "pin_left": 1}},
        {"said": "done", "state": "issued", "card": {**CARD, "pin": "locked", "pin_left": 0}},
        {"said": "done", "state": "issued", "card": {**CARD, "pin": "right", "trips": []}},
        {"said": "done", "state": "blocked", "card": {**CARD, "pin": "none", "trips": TRIPS_MADE}},
        {"said": "done", "state": "issued", "card": {**CARD, "is_expired": True, "pin": "asked"}},
    ),
    "lost": (
        {"said": "done", "state": "blocked", "card": {}},
        {"said": "done", "state": "blocked", "card": {"reference": REFERENCE}},
    ),
    "nearby": (
        {"reports": []},
        {
            "reports": [
                {
                    "report": f"01900000-0000-7000-8000-00000000000{number}",
                    "service_code": "c0",
                    "lat": MIDDLE.lat,
                    "long": MIDDLE.long + 0.0004 * number,
                    "age_days": number,
                    "supporters": number - 1,
                }
                for number in (1, 2, 3)
            ]
        },
    ),
}


def photograph(number: int) -> bytes:
    """A street lamp at dusk."""
    image = Image.new("RGB", (960, 720), (70 + 30 * number, 110, 140))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 520, 960, 720), fill=(90, 85, 80))
    draw.rectangle((470, 160, 490, 560), fill=(40, 40, 45))
    draw.ellipse((420, 90, 540, 210), fill=(250, 220, 140))
    body = BytesIO()
    image.save(body, "JPEG")
    return body.getvalue()


class QuietVoice:
    """Keeps what it was told to say."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentences: Sequence[Sentence], speaker: Speaker) -> None:
        self.said = [sentence.words.spoken_by(speaker) for sentence in sentences]


class SimulatedMachine:
    """Carries out effects at once.

    Attributes:
        closed: what does not work.
        office: that the counter is closed.
        asked: every effect so far.
        silent: a question that is not answered.
        has_pin: the card that is read asks for one.
    """

    def __init__(self) -> None:
        self.closed: Mapping[Ability, Words] = {}
        self.office: Words | None = None
        self.asked: list[Effect] = []
        self.silent = ""
        self.has_pin = False
        self.photos: dict[str, bytes] = {}
        here = Place(lat=MIDDLE.lat, long=MIDDLE.long, address="Plaza Mayor 1")
        gazetteer = TownGazetteer(demonstration_town(), here)
        self.surroundings = replace(
            around(), here=here, gazetteer=gazetteer, services=SERVICES, announcements=AGENDA
        )

    def around(self) -> Around:
        return replace(self.surroundings, closed=self.closed, office=self.office)

    def carry_out(self, effect: Effect, tell: Callable[[Answer], None]) -> None:
        self.asked.append(effect)
        match effect:
            case TakePhoto(number=number):
                token = f"photo-{number}"
                self.photos[token] = photograph(len(self.photos))
                tell(PhotoTaken(number, token))
            case Submit(number=number):
                tell(Taken(number, REFERENCE, PROOF))
            case Ask(what=what) if what == self.silent:
                pass
            case Ask(number=number, what=what):
                self.photos["repaired"] = photograph(0)
                is_first = what == CARD_ASKED and self.has_pin
                tell(Heard(number, ANSWERS[what][0 if is_first else 1]))
            case Print(number=number):
                tell(Printed(number))
            case DropPhotos(tokens=tokens):
                for token in tokens:
                    self.photos.pop(token, None)
            case _:
                self.photos.clear()

    def photo(self, token: str) -> bytes:
        return self.photos[token]
