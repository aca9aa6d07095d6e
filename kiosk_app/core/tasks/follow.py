"""Follow mine: how a report stands, what was answered to a message, by the code on its receipt; never whose.

The hub's answer; what is missing or malformed in it is not shown:

    {"kind":"report","status":"closed","service_code":"…","received_ms":…,"picture":"<token>",
     "updates":[{"status":"…","notes":"…","at_ms":…},…],"rating_asked":true}
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from kiosk_app.core.codes import code_step
from kiosk_app.core.draft import Ability, Around, Draft
from kiosk_app.core.nearby import service_words
from kiosk_app.core.pages import Choice, Fact, Item, Note, Page, Photo, Screen, Tone
from kiosk_app.core.steps import Step
from kiosk_app.core.tasks import rate
from kiosk_app.core.tasks.task import AnyTask, Tile
from kiosk_app.core.words import Instant, Words, say, written
from shared.model.ids import check_reference

CODE: Final = "follow.code"
NOT_FOUND: Final = "not_found"
TOO_MANY: Final = "too_many"
RATE: Final = "rate"
UPDATES_SHOWN: Final = 3
_STATES: Final = {
    "open": (say("Está en marcha"), Tone.PLAIN),
    "closed": (say("Está resuelto"), Tone.GOOD),
}
_WITH_THEM: Final = (say("Ya lo tiene quien le responde"), Tone.PLAIN)
_MESSAGES: Final = {
    "suggestion": {"open": _WITH_THEM, "closed": (say("Ya le hemos respondido"), Tone.GOOD)},
    "callback": {"open": _WITH_THEM, "closed": (say("Ya está atendido"), Tone.GOOD)},
}
"""What is no report has no work in progress and is not mended: somebody reads it, or calls."""
_FAILURES: Final = {
    NOT_FOUND: say("No conocemos este código todavía. Compárelo con el recibo o vuelva mañana."),
    TOO_MANY: say("Se han probado demasiados códigos aquí. Espere unos minutos y vuelva a intentarlo."),
}
_AWAY: Final = say("Ahora no llegamos al ayuntamiento. Inténtelo más tarde: su aviso no se pierde.")
_RECEIVED: Final = (say("Lo hemos recibido"), Tone.PLAIN)


class Follow:
    """Ask how a report stands."""

    tile = Tile(id="follow", words=say("Seguir mi aviso"), icon="search", needs=(Ability.NETWORK,))
    is_personal = False
    waiting = None

    def steps(self, draft: Draft, around: Around) -> Sequence[Step]:
        """Ask for the code."""
        return [code_step("follow.code", CODE)]

    def question(self, draft: Draft) -> tuple[str, str]:
        """Return the code in its one form."""
        return "case", check_reference(draft.text(CODE))

    def answer(self, answer: Mapping[str, Any], around: Around) -> Page:
        """Show how it stands, what was said of it, and what it looks like now."""
        kind = str(answer.get("kind"))
        words, tone = _MESSAGES.get(kind, _STATES).get(str(answer.get("status")), _RECEIVED)
        items: list[Item] = [Note(words=words, tone=tone)]
        if isinstance(code := answer.get("service_code"), str) and code:
            items.append(Fact(label=say("Qué"), words=service_words(code, around), private=True))
        if type(at_ms := answer.get("received_ms")) is int:
            items.append(Fact(label=say("Lo recibimos"), words=_at(at_ms), private=True))
        items += _updates(answer.get("updates"))
        if isinstance(picture := answer.get("picture"), str) and picture:
            items.append(Photo(token=picture, words=say("Así ha quedado")))
        asked = answer.get("rating_asked") is True
        rating = Choice(id=RATE, words=say("Valorar el arreglo"), icon="star")
        return Page(
            name="follow.answer",
            screen=Screen.REVIEW,
            title=say("Así está su mensaje") if kind in _MESSAGES else say("Así está su aviso"),
            items=tuple(items),
            others=(rating,) if asked else (),
        )

    def onward(self, draft: Draft, answer: Mapping[str, Any], action: str) -> tuple[AnyTask, Draft] | None:
        """Begin to rate, the code being known."""
        if action != RATE or answer.get("rating_asked") is not True:
            return None
        return rate.Rate(), Draft().with_answer(rate.CODE, draft.text(CODE))

    def failure(self, reason: str) -> Words:
        """Say what a failure means."""
        return _FAILURES.get(reason, _AWAY)


def _updates(said: object) -> Sequence[Item]:
    """Return the newest words of the town hall, the newest first; those that say nothing are left out."""
    rows = cast("list[object]", said) if isinstance(said, list) else []
    read = [cast("Mapping[str, object]", row) for row in rows if isinstance(row, Mapping)]
    told = [row for row in read if isinstance(row.get("notes"), str) and row["notes"]]
    items: list[Item] = []
    for row in reversed(told[-UPDATES_SHOWN:]):
        notes, at_ms = str(row["notes"]), row.get("at_ms")
        if type(at_ms) is int:
            items.append(Fact(label=_at(at_ms), words=written(notes), private=True))
        else:
            items.append(Note(words=written(notes), private=True))
    return items


def _at(at_ms: int) -> Words:
    return say("{when}", when=Instant(at_ms))
