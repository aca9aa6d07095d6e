"""The ticket: what a citizen takes home from a kiosk, on paper of 80 or 58 mm.

From top to bottom: the town's name, what was done and when, the reference, large, what comes next, the QR
code that proves it, how to check that without a network. Nothing of what was said is on it: a ticket is lost
easily.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kiosk_app.core.tasks.callback import CallBack
from kiosk_app.core.tasks.rate import Rate
from kiosk_app.core.tasks.report import Report
from kiosk_app.core.tasks.suggest import Suggest
from kiosk_app.core.words import Instant, Speaker, Words, say
from kiosk_app.documents.escpos import PAPER_80, Paper, Strip
from shared.model.event import EventType

_DONE: Final[Mapping[EventType, tuple[Words, Words]]] = {
    EventType.INCIDENT_REPORTED: (say("Hemos recibido su aviso"), Report.next),
    EventType.REPORT_SUPPORTED: (say("Se ha sumado a un aviso"), Report.next),
    EventType.REPORT_RATED: (say("Hemos recibido su valoración"), Rate.next),
    EventType.SUGGESTION_MADE: (say("Hemos recibido su mensaje"), Suggest.next),
    EventType.CALLBACK_ASKED: (say("Hemos recibido su petición de llamada"), CallBack.next),
}
"""By what was taken: what was done, and what comes next."""
_OTHERWISE: Final = (say("Lo hemos recibido"), say("Guarde este papel."))
_CHECK: Final = say("Lea este código con un teléfono: demuestra, también sin red, que lo hemos guardado.")
_KEEP: Final = say("Este papel no lleva ningún dato suyo.")
_GROUP: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What stands on it.

    Attributes:
        town: who gives it.
        type: what was taken.
        reference: of what was taken; empty where there is nothing to follow.
        proof: what the QR code holds; empty where there is none.
        at_ms: when it was taken; None where that is not said.
    """

    town: str
    type: EventType
    reference: str
    proof: str = ""
    at_ms: int | None = None


def ticket_data(ticket: Ticket, speaker: Speaker, paper: Paper = PAPER_80) -> bytes:
    """Return a ticket in the printer's language.

    Args:
        ticket: what stands on it.
        speaker: of the citizen's language.
        paper: what it is printed on.
    """
    done, following = _DONE.get(ticket.type, _OTHERWISE)
    strip = Strip(paper)
    strip.line(ticket.town, bold=True)
    strip.rule()
    strip.line(done.spoken_by(speaker), large=True, bold=True)
    if ticket.at_ms is not None:
        strip.space()
        strip.line(say("{when}", when=Instant(ticket.at_ms)).spoken_by(speaker))
    if ticket.reference:
        strip.space()
        strip.line(say("Su código").spoken_by(speaker))
        strip.line(grouped(ticket.reference), large=True, bold=True)
    strip.space()
    strip.line(following.spoken_by(speaker))
    if ticket.proof:
        strip.space()
        strip.qr(ticket.proof)
        strip.line(_CHECK.spoken_by(speaker))
    strip.space()
    strip.line(_KEEP.spoken_by(speaker))
    strip.cut()
    return strip.data


def grouped(reference: str) -> str:
    """Return a reference in groups of four, as it is read out and typed."""
    bare = "".join(character for character in reference if character.isalnum())
    return " ".join(bare[start : start + _GROUP] for start in range(0, len(bare), _GROUP))
