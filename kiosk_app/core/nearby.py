"""What others reported of the same, near the same place: somebody may say "me too" instead of again.

The hub is asked when this question comes, where there is a network; nobody waits for it who does not want to.
Where there is none, no answer or nothing near, the question does not come, and the report goes on as it was.

Rules:
- What was said so far stays: whoever joins another report, and then does not, goes on with their own.
- Of others' reports only what is public is shown: what, about where, since when, how many say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, hypot, radians
from typing import Any, Final, cast

from kiosk_app.core.draft import Ability, Around, Draft, Place
from kiosk_app.core.pages import Choice, Item, Note, Page, Screen, Tone
from kiosk_app.core.places import place_of
from kiosk_app.core.steps import NEXT, Step
from kiosk_app.core.words import Words, say, say_counted, written
from shared.model import fields
from shared.model.errors import InputError
from shared.model.report_opinion import PUBLIC_CODE_LENGTH_MAX
from shared.model.service_request import SERVICE_CODE_LENGTH_MAX

SHOWN_MAX: Final = 5
"""Others' reports that are offered: nobody reads more of them standing."""
CATEGORY: Final = "category"
ASKED: Final = "nearby.asked"
HEARD: Final = "nearby.heard"
CHOSEN: Final = "nearby.chosen"
_METRES_OF_A_DEGREE: Final = 111_320
_ROUNDED_TO_M: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Somebody else's report.

    Attributes:
        report: its public code.
        service_code: what it is about.
        lat: about where, degrees.
        long: about where, degrees.
        age_days: since when.
        supporters: how many said so besides.
    """

    report: str
    service_code: str
    lat: float
    long: float
    age_days: int
    supporters: int


def nearby_steps(task: str, draft: Draft, around: Around) -> Sequence[Step]:
    """Return the question, where it can be asked or was; none where there is nothing to choose from."""
    about = _about(draft, around)
    if heard_about(draft) == about:
        is_open = bool(others_of(draft))
    else:
        is_open = draft.text(ASKED) == about or around.why_not([Ability.NETWORK]) is None
    return [NearbyStep(id=f"{task}.nearby")] if is_open else []


def supported(draft: Draft, around: Around) -> Other | None:
    """Return the report that somebody joins; None where they make one of their own.

    Whoever changes what or where it is has chosen among others: that choice counts no more.
    """
    if heard_about(draft) != _about(draft, around):
        return None
    return next((each for each in others_of(draft) if each.report == draft.text(CHOSEN)), None)


def others_of(draft: Draft) -> Sequence[Other]:
    """Return what the hub said is near."""
    heard = draft.answers.get(HEARD)
    return cast("tuple[str, Sequence[Other]]", heard)[1] if isinstance(heard, tuple) else ()


def heard_about(draft: Draft) -> str:
    """Return the place and service of which the hub said it."""
    heard = draft.answers.get(HEARD)
    return cast("tuple[str, Sequence[Other]]", heard)[0] if isinstance(heard, tuple) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearbyStep:
    """Others' reports around the place, of the same service.

    Attributes:
        id: task and question.
    """

    id: str

    def question(self, draft: Draft, around: Around) -> tuple[str, str] | None:
        """Return what the hub is asked; None where it answered that, or cannot be asked."""
        about = _about(draft, around)
        if heard_about(draft) == about or around.why_not([Ability.NETWORK]) is not None:
            return None
        return "nearby", about

    def asked(self, draft: Draft, about: str) -> Draft:
        """Keep what the hub is being asked."""
        return draft.with_answer(ASKED, about)

    def heard(self, draft: Draft, answer: Mapping[str, Any]) -> Draft:
        """Keep what it answered; nothing where it could not."""
        rows = answer.get("reports")
        read = [_read(row) for row in cast("list[object]", rows)] if isinstance(rows, list) else []
        others = tuple(each for each in read if each is not None)[:SHOWN_MAX]
        return draft.with_answer(HEARD, (draft.text(ASKED), others))

    def page(self, draft: Draft, around: Around) -> Page:
        """Show them; before the answer, that it is being looked up."""
        if heard_about(draft) != _about(draft, around):
            return Page(
                name=self.id,
                screen=Screen.WAIT,
                title=say("Miramos si alguien ya avisó de esto"),
                main=Choice(id=NEXT, words=say("Seguir sin mirar")),
            )
        items: list[Item] = [
            Note(words=say("Si es lo mismo, súmese: cuenta igual y ahorra tiempo."), tone=Tone.QUIET),
            *(_choice(each, draft, around) for each in others_of(draft)),
        ]
        return Page(
            name=self.id,
            screen=Screen.LIST,
            title=say("¿Es alguno de estos?"),
            items=tuple(items),
            main=Choice(id=NEXT, words=say("No, es otra cosa")),
        )

    def press(self, draft: Draft, action: str, around: Around) -> tuple[Draft, bool] | None:
        """Join one, or go on with one's own."""
        if action == NEXT:
            return draft.with_answer(CHOSEN, ""), True
        if heard_about(draft) == _about(draft, around) and action in {
            each.report for each in others_of(draft)
        }:
            return draft.with_answer(CHOSEN, action), True
        return None

    def problem(self, draft: Draft, around: Around) -> Words | None:
        """Nothing has to be chosen."""
        return None


def service_words(code: str, around: Around) -> Words:
    """Return what a service is called; its code where the catalogue does not know it any more."""
    names = (each.service_name for each in around.services if each.service_code == code)
    return written(next(names, code))


def _about(draft: Draft, around: Around) -> str:
    at = place_of(draft, around)
    return f"{at.lat:.5f},{at.long:.5f},{draft.text(CATEGORY)}"


def _choice(other: Other, draft: Draft, around: Around) -> Choice:
    hint = say(
        "A unos {distance} metros. {age} {people}",
        distance=_metres(place_of(draft, around), other),
        age=_age(other.age_days),
        people=_people(other.supporters),
    )
    return Choice(
        id=other.report,
        words=say("También me pasa: {service}", service=service_words(other.service_code, around)),
        icon="users",
        hint=hint,
        chosen=other.report == draft.text(CHOSEN),
    )


def _age(days: int) -> Words:
    match days:
        case 0:
            return say("Se avisó hoy.")
        case 1:
            return say("Se avisó ayer.")
        case _:
            return say("Se avisó hace {days} días.", days=days)


def _people(supporters: int) -> Words:
    if not supporters:
        return say("Nadie más se ha sumado todavía.")
    return say_counted(supporters, "Se ha sumado {count} persona.", "Se han sumado {count} personas.")


def _metres(place: Place, other: Other) -> int:
    """Return about how far it is: a place is rounded by whoever tells it."""
    north = (other.lat - place.lat) * _METRES_OF_A_DEGREE
    east = (other.long - place.long) * _METRES_OF_A_DEGREE * cos(radians(place.lat))
    return max(_ROUNDED_TO_M, round(hypot(north, east) / _ROUNDED_TO_M) * _ROUNDED_TO_M)


def _read(row: object) -> Other | None:
    """Read what the hub says of a report; None where it says it in another form."""
    if not isinstance(row, Mapping):
        return None
    said = cast("Mapping[str, object]", row)
    try:
        lat, long = fields.degrees_or_none(said, "lat", 90), fields.degrees_or_none(said, "long", 180)
        return Other(
            report=fields.text(said, "report", PUBLIC_CODE_LENGTH_MAX),
            service_code=fields.text(said, "service_code", SERVICE_CODE_LENGTH_MAX),
            lat=lat or 0.0,
            long=long or 0.0,
            age_days=fields.whole(said, "age_days", 0, fields.INTEGER_MAX),
            supporters=fields.whole(said, "supporters", 0, fields.INTEGER_MAX),
        )
    except InputError:
        return None
