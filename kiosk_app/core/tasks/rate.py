"""Rate a repair: five steps from very good to very bad, and why where it was bad. It works without a network.

The event is `shared.model.report_opinion.ReportRated`; of two ratings of a report the newer one counts.
"""

from collections.abc import Sequence
from typing import Final

from kiosk_app.core.codes import code_step
from kiosk_app.core.draft import Ability, Around, Draft
from kiosk_app.core.effects import Submission
from kiosk_app.core.pages import Choice, Fact, Keyboard
from kiosk_app.core.steps import Step, Tiles, Typing
from kiosk_app.core.tasks.task import CHANNEL, Tile
from kiosk_app.core.words import Words, say, written
from shared.model.event import EventType
from shared.model.ids import check_reference

CODE: Final = "rate.code"
SCORE: Final = "rate.score"
REASON: Final = "rate.reason"
REASON_BELOW: Final = 3
"""Whoever gives less than this is asked why."""
REASON_LENGTH_MAX: Final = 600
_SCORES: Final = (
    Choice(id="5", words=say("Muy bien"), icon="mood-happy"),
    Choice(id="4", words=say("Bien"), icon="mood-smile"),
    Choice(id="3", words=say("Regular"), icon="mood-neutral"),
    Choice(id="2", words=say("Mal"), icon="mood-sad"),
    Choice(id="1", words=say("Muy mal"), icon="mood-cry"),
)


class Rate:
    """Say what one thinks of how a report was resolved."""

    tile = Tile(id="rate", words=say("Valorar un arreglo"), icon="star", needs=(Ability.REPORTS,))

    send = say("Enviar valoración")
    next = say("Su opinión llega a quien lo arregló.")

    def steps(self, draft: Draft, around: Around) -> Sequence[Step]:
        """Ask which report, how it was resolved, and why it was bad."""
        score = Tiles(id="rate.score", title=say("¿Cómo ha quedado?"), answer=SCORE, choices=_scores)
        return [code_step("rate.code", CODE), score, *([_reason()] if _is_bad(draft) else [])]

    def review(self, draft: Draft, around: Around) -> Sequence[Fact]:
        """Show what is sent."""
        reason = draft.text(REASON).strip()
        why = Fact(
            label=say("Por qué"),
            words=written(reason) if reason else say("Nada más"),
            change="rate.reason",
            private=True,
        )
        return [
            Fact(label=say("Código"), words=written(_code(draft)), change="rate.code", private=True),
            Fact(label=say("Su valoración"), words=_score_words(draft), change="rate.score"),
            *([why] if _is_bad(draft) else []),
        ]

    def submission(self, draft: Draft, around: Around) -> Submission:
        """Return the rating."""
        data: dict[str, object] = {
            "report_reference": check_reference(draft.text(CODE)),
            "score": int(draft.text(SCORE)),
            "channel": CHANNEL,
        }
        reason = draft.text(REASON).strip()
        if reason and _is_bad(draft):
            data["reason"] = reason
        return Submission(type=EventType.REPORT_RATED, data=data)


def _code(draft: Draft) -> str:
    text = draft.text(CODE)
    return check_reference(text) if text else ""


def _is_bad(draft: Draft) -> bool:
    return draft.text(SCORE).isdecimal() and int(draft.text(SCORE)) < REASON_BELOW


def _reason() -> Step:
    return Typing(
        id="rate.reason",
        title=say("¿Qué ha faltado?"),
        answer=REASON,
        label=say("Con sus palabras"),
        keyboard=Keyboard.TEXT,
        length_max=REASON_LENGTH_MAX,
        optional=True,
        private=True,
        example=say("Por ejemplo: la baldosa se mueve otra vez"),
    )


def _scores(_draft: Draft, _around: Around) -> Sequence[Choice]:
    return _SCORES


def _score_words(draft: Draft) -> Words:
    return next((each.words for each in _SCORES if each.id == draft.text(SCORE)), say("Nada más"))
