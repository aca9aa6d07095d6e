"""The register of cards, and what was found of their taps."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from hub.api.clerk import After, DeviceName, Limit
from hub.api.errors import NoSuchThingError
from hub.api.parts import Parts
from hub.db.card_number_repository import CardNumberRepository
from hub.db.card_repository import CardRepository, list_cards
from hub.db.paging import Page
from hub.db.tap_repository import TapsWanted, list_taps
from hub.domain.cards.register import Card, CardState
from hub.domain.cards.taps import JudgedTap, TapVerdict
from shared.model.said import WHO_LENGTH_MAX, WHY_LENGTH_MAX

Subject = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Day = Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Counter = Annotated[int | None, Query(ge=0, lt=2**32)]
SubjectName = Annotated[str | None, Query(max_length=128)]


class CardView(BaseModel):
    """A card as a clerk sees it; neither its number in the air nor its id leaves the hub.

    `number` is the one that is printed on it: told of one card, as far as it was drawn.
    """

    subject: str
    issue: int
    category: int
    is_anonymous: bool
    key_version: int
    seal_version: int
    state: CardState
    issued_ms: int
    state_ms: int
    who: str
    number: str | None = None


class ChangeView(BaseModel):
    """What was done with a card."""

    state: CardState
    key_version: int
    why: str
    who: str
    at_ms: int


class CardHistory(BaseModel):
    """A card, and what was done with it."""

    card: CardView
    changes: list[ChangeView]


class TapView(BaseModel):
    """A tap, and what is known of it."""

    id: int
    device: str
    event_id: str
    day: str
    line: str | None
    subject: str | None
    counter: int | None
    mark: str | None
    amount_minor: int
    currency: str
    verdict: TapVerdict
    at_ms: int
    why: str


class StateWanted(BaseModel):
    """Why a card is blocked or unblocked, and by whom."""

    who: str = Field(min_length=1, max_length=WHO_LENGTH_MAX)
    why: str = Field(default="", max_length=WHY_LENGTH_MAX)


class Denied(BaseModel):
    """How a card stands now, and how many the deny list names."""

    state: CardState
    cards_denied: int


def card_register_router(parts: Parts) -> APIRouter:
    """Return the routes of cards."""
    router = APIRouter(tags=["cards"])

    @router.get("/cards")
    def cards(
        state: CardState | None = None,
        after: Annotated[str, Query(max_length=128)] = "",
        limit: Limit = 100,
    ) -> Page[CardView]:
        """Cards by their pseudonyms."""
        with parts.writer.read() as connection:
            page = list_cards(connection, after, limit, state)
        return Page(items=[_card(card) for card in page.items], next=page.next)

    @router.get("/cards/{subject}")
    def card(subject: Subject) -> CardHistory:
        """One card, and what was done with it."""
        with parts.writer.read() as connection:
            register = CardRepository(connection)
            found = register.find(subject)
            changes = register.changes(subject)
            number = CardNumberRepository(connection).find(subject)
        if found is None:
            raise NoSuchThingError(NoSuchThingError.__doc__)
        told = [
            ChangeView(**{name: getattr(one, name) for name in ChangeView.model_fields}) for one in changes
        ]
        return CardHistory(card=_card(found).model_copy(update={"number": number}), changes=told)

    @router.post("/cards/{subject}/block")
    def block(subject: Subject, wanted: StateWanted) -> Denied:
        """Block a card: the register and the deny list of every terminal."""
        denied = parts.deny_press.set_state(subject, CardState.BLOCKED, wanted.who, wanted.why)
        return Denied(state=CardState.BLOCKED, cards_denied=denied)

    @router.post("/cards/{subject}/unblock")
    def unblock(subject: Subject, wanted: StateWanted) -> Denied:
        """Take a card off the deny list."""
        denied = parts.deny_press.set_state(subject, CardState.ISSUED, wanted.who, wanted.why)
        return Denied(state=CardState.ISSUED, cards_denied=denied)

    @router.get("/taps")
    def taps(
        device: DeviceName = None,
        subject: SubjectName = None,
        counter: Counter = None,
        day: Day = None,
        verdict: TapVerdict | None = None,
        after: After = 0,
        limit: Limit = 100,
    ) -> Page[TapView]:
        """Taps in the order in which they came, with what is known of each."""
        wanted = TapsWanted(
            after=after,
            limit=limit,
            device=device,
            subject=subject,
            counter=counter,
            day=day,
            verdict=verdict,
        )
        with parts.writer.read() as connection:
            page = list_taps(connection, wanted)
        return Page(items=[_tap(tap) for tap in page.items], next=page.next)

    return router


def _card(card: Card) -> CardView:
    return CardView(**{name: getattr(card, name) for name in CardView.model_fields if name != "number"})


def _tap(tap: JudgedTap) -> TapView:
    plain = {name: getattr(tap, name) for name in TapView.model_fields if name not in {"id", "mark"}}
    return TapView(id=tap.inbox_id, mark=None if tap.mark is None else tap.mark.hex(), **plain)
