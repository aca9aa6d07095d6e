"""Call me back: a telephone number, about what, and when. It works without a network.

The kiosk knows no calendar: it says on which part of the next working day somebody calls, never a date.
The event is `shared.model.mailbox.CallbackAsked`.
"""

from collections.abc import Sequence
from typing import Final

from kiosk_app.core.contact import KEPT_MESSAGE, PHONE, phone_step
from kiosk_app.core.draft import Ability, Around, Draft
from kiosk_app.core.effects import Submission
from kiosk_app.core.pages import Choice, Fact
from kiosk_app.core.steps import Step, Tiles
from kiosk_app.core.tasks.task import CHANNEL, Tile
from kiosk_app.core.words import Words, say, written
from shared.model.event import EventType

TOPIC: Final = "callback.topic"
WHEN: Final = "callback.when"
_TOPICS: Final = (
    Choice(id="report", words=say("Un aviso que hice"), icon="message-report"),
    Choice(id="procedure", words=say("Un trámite o el padrón"), icon="file-text"),
    Choice(id="payment", words=say("Impuestos, tasas o multas"), icon="receipt"),
    Choice(id="social", words=say("Ayudas y servicios sociales"), icon="heart-handshake"),
    Choice(id="card", words=say("Mi tarjeta perdida o robada"), icon="credit-card-off"),
    Choice(id="other", words=say("Otra cosa"), icon="dots"),
)
_WINDOWS: Final = (
    Choice(id="morning", words=say("Por la mañana"), icon="sunrise", hint=say("De 9 a 12")),
    Choice(id="midday", words=say("A mediodía"), icon="sun", hint=say("De 12 a 15")),
    Choice(id="afternoon", words=say("Por la tarde"), icon="sunset", hint=say("De 16 a 19")),
    Choice(id="any", words=say("Me da igual"), icon="clock", hint=say("De 9 a 19")),
)


class CallBack:
    """Ask to be called."""

    tile = Tile(id="callback", words=say("Que me llamen"), icon="phone-call", needs=(Ability.REPORTS,))

    send = say("Pedir la llamada")
    next = say("Le llamamos el próximo día laborable, a la hora que ha elegido.")

    def steps(self, draft: Draft, around: Around) -> Sequence[Step]:
        """Ask about what, at which number, and when."""
        return [
            Tiles(id="callback.topic", title=say("¿Sobre qué quiere hablar?"), answer=TOPIC, choices=_topics),
            phone_step("callback", KEPT_MESSAGE),
            Tiles(id="callback.when", title=say("¿Cuándo le llamamos?"), answer=WHEN, choices=_windows),
        ]

    def review(self, draft: Draft, around: Around) -> Sequence[Fact]:
        """Show what is sent."""
        return [
            Fact(label=say("Sobre"), words=_words(_TOPICS, draft.text(TOPIC)), change="callback.topic"),
            Fact(
                label=say("Teléfono"),
                words=written(draft.text(PHONE).strip()),
                change="callback.phone",
                private=True,
            ),
            Fact(label=say("Cuándo"), words=_when(draft), change="callback.when"),
        ]

    def submission(self, draft: Draft, around: Around) -> Submission:
        """Return the request."""
        data: dict[str, object] = {
            "phone": draft.text(PHONE).strip(),
            "topic": draft.text(TOPIC),
            "window": draft.text(WHEN),
            "channel": CHANNEL,
        }
        return Submission(type=EventType.CALLBACK_ASKED, data=data)


def _topics(_draft: Draft, _around: Around) -> Sequence[Choice]:
    return _TOPICS


def _windows(_draft: Draft, _around: Around) -> Sequence[Choice]:
    return _WINDOWS


def _when(draft: Draft) -> Words:
    window = next((each for each in _WINDOWS if each.id == draft.text(WHEN)), _WINDOWS[-1])
    hours = window.hint or window.words
    return say("El próximo día laborable. {window}. {hours}.", window=window.words, hours=hours)


def _words(choices: Sequence[Choice], chosen: str) -> Words:
    return next((each.words for each in choices if each.id == chosen), say("Nada más"))
