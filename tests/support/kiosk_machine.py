"""A machine behind the screen: photographs that are drawn, a hub that answers, a printer that prints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO

from PIL import Image, ImageDraw

from kiosk_app.core.draft import Ability, Around, Place
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
from kiosk_app.core.tasks.agenda import ReadAgenda
from kiosk_app.core.tasks.follow import Follow
from kiosk_app.core.tasks.report import Report
from kiosk_app.core.tasks.task import AnyTask
from kiosk_app.core.voice import Sentence
from kiosk_app.core.words import Speaker, Words
from kiosk_app.town.demonstration import MIDDLE, demonstration_town
from kiosk_app.town.gazetteer import TownGazetteer
from tests.support.kiosk import around

REFERENCE = "7KXM 2PRT 94VW"
PROOF = "VT1:kiosk-plaza:7KXM2PRT94VW:4fd1b0c2a9e87d65:3045022100b7c1d2e3f4a5968778695a4b3c2d1e0f"


def all_tasks() -> list[AnyTask]:
    return [Report(), Follow(), ReadAgenda()]


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
        asked: every effect so far.
    """

    def __init__(self) -> None:
        self.closed: Mapping[Ability, Words] = {}
        self.asked: list[Effect] = []
        self.photos: dict[str, bytes] = {}
        here = Place(lat=MIDDLE.lat, long=MIDDLE.long, address="Plaza Mayor 1")
        gazetteer = TownGazetteer(demonstration_town(), here)
        self.surroundings = replace(around(), here=here, gazetteer=gazetteer)

    def around(self) -> Around:
        return replace(self.surroundings, closed=self.closed)

    def carry_out(self, effect: Effect, tell: Callable[[Answer], None]) -> None:
        self.asked.append(effect)
        match effect:
            case TakePhoto(number=number):
                token = f"photo-{number}"
                self.photos[token] = photograph(len(self.photos))
                tell(PhotoTaken(number, token))
            case Submit(number=number):
                tell(Taken(number, REFERENCE, PROOF))
            case Ask(number=number):
                answer = {
                    "status": "closed",
                    "service_name": "Farola",
                    "address": "Calle Mayor 12",
                    "status_notes": "Hemos cambiado la bombilla y el cristal.",
                }
                tell(Heard(number, answer))
            case Print(number=number):
                tell(Printed(number))
            case DropPhotos(tokens=tokens):
                for token in tokens:
                    self.photos.pop(token, None)
            case _:
                self.photos.clear()

    def photo(self, token: str) -> bytes:
        return self.photos[token]
