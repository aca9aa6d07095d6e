"""A kiosk without a screen, in an invented town, for tests that press, type and wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kiosk_app.core.draft import Ability, Announcement, Around, Category, Place
from kiosk_app.core.effects import Answer, Effect, Submit, Taken
from kiosk_app.core.flow import Flow
from kiosk_app.core.pages import Page
from kiosk_app.core.session import Patience
from kiosk_app.core.tasks.report import Report
from kiosk_app.core.words import Words, say

HERE = Place(lat=43.462, long=-3.81, address="Plaza del Faro 1")
STREETS = (
    Place(lat=43.463, long=-3.811, address="Calle Mayor 12"),
    Place(lat=43.464, long=-3.812, address="Calle del Mar 3"),
)
LANDMARKS = (
    Place(lat=43.465, long=-3.813, address="Mercado"),
    Place(lat=43.466, long=-3.814, address="Faro"),
)
CATEGORIES = tuple(
    Category(service_code=f"c{number}", words=say(words), icon="bulb")
    for number, words in enumerate(["Farola", "Bache", "Basura", "Árbol", "Ruido", "Agua", "Otra cosa"])
)


class TownGazetteer:
    """Two streets and two landmarks."""

    def streets(self, text: str) -> Sequence[Place]:
        return [place for place in STREETS if text and text.lower() in place.address.lower()]

    def landmarks(self) -> Sequence[Place]:
        return LANDMARKS


def around(closed: Mapping[Ability, Words] | None = None) -> Around:
    """Return the surroundings of the kiosk; what is named as closed is."""
    return Around(
        here=HERE,
        closed=closed or {},
        categories=CATEGORIES,
        announcements=(Announcement(id="a1", title=say("Fiesta"), text=say("El sábado.")),),
        gazetteer=TownGazetteer(),
    )


@dataclass
class Kiosk:
    """Presses, types, waits; keeps what the flow asked of the machine.

    Attributes:
        asked: every effect so far.
    """

    flow: Flow = field(default_factory=lambda: Flow([Report()], Patience()))
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

    def report(self) -> Page:
        """Go to the end of a report, up to its review."""
        return self.press("start", "es", "report", "c0", "here", "next", "next", "nobody")

    def take(self, reference: str = "KDPX 2M4T") -> Page:
        """Answer the last submission."""
        sent = next(effect for effect in reversed(self.asked) if isinstance(effect, Submit))
        return self.hear(Taken(sent.number, reference, "VT1:…"))
