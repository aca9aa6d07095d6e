"""A kiosk without a screen, in an invented town, for tests that press, type and wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from kiosk_app.core.draft import Ability, Around, Place
from kiosk_app.core.effects import Answer, Effect, Submit, Taken
from kiosk_app.core.flow import Flow
from kiosk_app.core.pages import Code, Entry, Fact, Map, Page
from kiosk_app.core.session import Patience
from kiosk_app.core.tasks.offer import TASKS
from kiosk_app.core.words import Words
from shared.model.agenda import Agenda
from shared.model.catalogue import Catalogue
from shared.model.instants import to_rfc3339
from shared.model.wording import Language

STEPS_MAX = 12
HERE = Place(lat=43.462, long=-3.81, address="Plaza del Faro 1")
STREETS = (
    Place(lat=43.463, long=-3.811, address="Calle Mayor 12"),
    Place(lat=43.464, long=-3.812, address="Calle del Mar 3"),
)
LANDMARKS = (
    Place(lat=43.465, long=-3.813, address="Mercado"),
    Place(lat=43.466, long=-3.814, address="Faro"),
)
FURTHER = [
    {
        "code": "tamano",
        "datatype": "singlevaluelist",
        "required": True,
        "description": {"es": "¿Cómo de grande es?"},
        "values": [{"key": "s", "name": {"es": "Pequeño"}}, {"key": "l", "name": {"es": "Grande"}}],
    },
    {
        "code": "riesgo",
        "datatype": "multivaluelist",
        "required": False,
        "description": {"es": "¿A quién molesta?"},
        "values": [{"key": "p", "name": {"es": "A peatones"}}, {"key": "c", "name": {"es": "A coches"}}],
    },
    {"code": "farola", "datatype": "string", "required": False, "description": {"es": "¿Qué número lleva?"}},
]
SERVICES = Catalogue.from_data(
    {
        "services": [
            {
                "service_code": f"c{number}",
                "service_name": {"es": words},
                "attributes": FURTHER if words == "Bache" else [],
            }
            for number, words in enumerate(
                ["Farola", "Bache", "Basura", "Árbol", "Ruido", "Agua", "Otra cosa"]
            )
        ]
    }
).services
AGENDA = Agenda.from_data(
    {
        "items": [
            {
                "id": "fiesta",
                "version": 1,
                "kind": "event",
                "title": {"es": "Fiesta", "en": "Feast"},
                "text": {"es": "El sábado, en la plaza."},
                "from": "2026-11-20T00:00:00Z",
                "until": "2026-11-30T00:00:00Z",
                "begins": "2026-11-21T18:00:00Z",
                "place": "Plaza del Faro",
            }
        ]
    }
).items


class Spanish:
    """Speaks Spanish: the keys as they are."""

    language = Language.ES

    def translate(self, key: str) -> str:
        return key

    def instant(self, at_ms: int) -> str:
        return to_rfc3339(at_ms)

    def day(self, day: date) -> str:
        return day.isoformat()


class TownGazetteer:
    """Two streets and two landmarks."""

    def streets(self, text: str) -> Sequence[Place]:
        return [place for place in STREETS if text and text.lower() in place.address.lower()]

    def landmarks(self) -> Sequence[Place]:
        return LANDMARKS

    def nearest(self, lat: float, long: float) -> str | None:
        return next((each.address for each in STREETS if (each.lat, each.long) == (lat, long)), None)


def around(closed: Mapping[Ability, Words] | None = None, age: Words | None = None) -> Around:
    """Return the surroundings of the kiosk; what is named as closed is."""
    return Around(
        here=HERE,
        closed=closed or {},
        services=SERVICES,
        announcements=AGENDA,
        gazetteer=TownGazetteer(),
        age=age,
    )


@dataclass
class Kiosk:
    """Presses, types, waits; keeps what the flow asked of the machine.

    Attributes:
        asked: every effect so far.
    """

    flow: Flow = field(default_factory=lambda: Flow(TASKS, Patience()))
    around: Around = field(default_factory=around)
    now_ms: int = 1_000
    asked: list[Effect] = field(default_factory=list[Effect])

    @property
    def page(self) -> Page:
        return self.flow.page(self.around, self.now_ms)

    def press(self, *actions: str) -> Page:
        for action in actions:
            self.now_ms += 500
            self.asked += self.flow.press(action, self.around, self.now_ms)
        return self.page

    def type(self, name: str, text: str) -> Page:
        self.now_ms += 500
        self.asked += self.flow.type(name, text, self.around, self.now_ms)
        return self.page

    def hear(self, answer: Answer) -> Page:
        self.asked += self.flow.hear(answer, self.now_ms)
        return self.page

    def wait(self, ms: int) -> Page:
        self.now_ms += ms
        self.asked += self.flow.tick(self.now_ms)
        return self.page

    def read(self) -> str:
        """Return everything that is on the page, as it is read aloud."""
        page, said = self.page, [self.page.title]
        for item in page.items:
            match item:
                case Fact():
                    said += [item.label, item.words]
                case Entry():
                    said.append(item.label)
                case Code() | Map():
                    pass
                case _:
                    said.append(item.words)
        return "\n".join(words.spoken_by(Spanish()) for words in said)

    def report(self) -> Page:
        """Go to the end of a report, up to its review; nobody waits for what others reported."""
        return self.press("start", "es", "report", "c0", "here", "next", "next", "next", "nobody")

    def reach(self, name: str) -> Page:
        """Press what is the next thing to do until a page comes."""
        for _ in range(STEPS_MAX):
            if self.page.name == name:
                return self.page
            main = self.page.main
            assert main is not None, f"nothing leads on from {self.page.name}"
            self.press(main.id)
        raise AssertionError(f"{name} does not come")

    def take(self, reference: str = "KDPX 2M4T") -> Page:
        """Answer the last submission."""
        sent = next(effect for effect in reversed(self.asked) if isinstance(effect, Submit))
        return self.hear(Taken(sent.number, reference, "VT1:…"))
