"""The desk: between a person's hands and ears and the flow.

    desk = Desk(flow)
    effects = desk.touch("report", around, now_ms)       # a finger; also strike, for a key of the keyboard
    effects = desk.key(Key.DOWN, around, now_ms)         # one of the six keys of the keypad
    desk.page(around, now_ms), desk.place, desk.hand     # what the screen draws
    desk.speech(around, now_ms)                          # what the voice says now; empty where it goes on

Here stands what only hands and ears need: where the keypad walks, what is under the typing hand, what
has been said. Not here: pixels, sound, time (the screen and the voice hold those).

Rules:
- A finger and the keypad do the same things by the same names; nothing is for one of them alone.
- Any press ends what is being said. The speaking key turns speech on, and then says the page again.
- The same press again within the time of a double strike is the tremor of the first.

Source: EN 301 549 5.1.3 (speech), 5.1.6 (operation without sight), 5.8 (double-strike).
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final

from kiosk_app.core.draft import Around
from kiosk_app.core.effects import Answer, Effect
from kiosk_app.core.flow import Flow
from kiosk_app.core.keyboard import LETTERS, SIGNS, Hand, strike
from kiosk_app.core.pages import Choice, Entry, Page, Screen
from kiosk_app.core.showing import COMFORT_SPEECH, comforts
from kiosk_app.core.voice import (
    Sentence,
    comfort_aloud,
    news,
    page_aloud,
    parting_aloud,
    stop_aloud,
    struck_aloud,
)
from kiosk_app.core.walk import DOUBLE_STRIKE_MS, LONG_DOUBLE_STRIKE_MS, Arrow, Stop, Strikes, stops_of, walk
from shared.model.wording import Language

_WAKING: Final = frozenset({"attract", "idle"})
"""Pages on which the choosing key alone does the next thing: nobody has to look for it first."""


_INSTEAD: Final = {SIGNS: LETTERS, LETTERS: SIGNS}
"""The key that stands where another one stood, once that is pressed."""


class Key(StrEnum):
    """A key of the keypad."""

    UP = "up"
    DOWN = "down"
    LEFT = "left"
    RIGHT = "right"
    CHOOSE = "choose"
    SPEAK = "speak"


class Desk:
    """One kiosk's hands and ears.

    Args:
        flow: what they act on.

    Attributes:
        place: where the keypad stands among `stops`; None until somebody uses it on this page.
        hand: the text under the typing hand, and how its keyboard stands.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.place: int | None = None
        self.hand = Hand()
        self._strikes = Strikes()
        self._stood: Stop | None = None
        self._shown: Page | None = None
        self._told: Sequence[Sentence] | None = None
        self._has_acted = False
        self._spoke: Language | None = None

    # ---- what the screen draws

    def page(self, around: Around, now_ms: int) -> Page:
        """Return the page of this moment."""
        return self.flow.page(around, now_ms)

    def comforts(self) -> Sequence[Choice]:
        """Return how it can be shown and spoken; they stand at the foot of every page."""
        return comforts(self.flow.session.comfort)

    def stops(self, page: Page) -> Sequence[Stop]:
        """Return everything that can be pressed, in the order in which it is read; the comforts last."""
        stops = stops_of(page, self.hand, self.flow.session.comfort.language)
        row = max((stop.row for stop in stops), default=-1) + 1
        return [*stops, *(Stop(action=choice.id, row=row) for choice in self.comforts())]

    @property
    def double_strike_ms(self) -> int:
        """The time within which a second press of the same is the tremor of the first."""
        return LONG_DOUBLE_STRIKE_MS if self.flow.session.comfort.more_time else DOUBLE_STRIKE_MS

    # ---- what comes in

    def touch(self, action: str, around: Around, now_ms: int) -> list[Effect]:
        """Take a press of something on the page."""
        if not self._counts(action, now_ms):
            return []
        return self._press(action, around, now_ms)

    def strike(self, key: str, around: Around, now_ms: int) -> list[Effect]:
        """Take a press of a key of the on-screen keyboard; the same letter twice is believed."""
        return self._type(key, around, now_ms)

    def key(self, key: Key, around: Around, now_ms: int) -> list[Effect]:
        """Take a key of the keypad."""
        if not self._counts(f"key:{key}", now_ms):
            return []
        self.flow.touch(now_ms)
        if key is Key.SPEAK:
            return self._speak(around, now_ms)
        page = self.page(around, now_ms)
        stops = self.stops(page)
        if self.place is None or self.place >= len(stops):
            if key is Key.CHOOSE and page.main is not None and page.name in _WAKING:
                return self._press(page.main.id, around, now_ms)
            self._stand(0, page, stops)
            return []
        if key is Key.CHOOSE:
            stop = stops[self.place]
            act = self._type if stop.key else self._press
            return act(stop.key or stop.action, around, now_ms)
        self._stand(walk(self.place, Arrow[key.name], stops), page, stops)
        return []

    def hear(self, answer: Answer, now_ms: int) -> list[Effect]:
        """Take an answer of the machine."""
        self._has_acted = True
        return self.flow.hear(answer, now_ms)

    def tick(self, now_ms: int) -> list[Effect]:
        """Let time pass."""
        return self.flow.tick(now_ms)

    # ---- what is said

    def speech(self, around: Around, now_ms: int) -> Sequence[Sentence] | None:
        """Return what is to be said now in place of what is being said; None where that may go on.

        An empty sequence ends what is being said. Whoever shows a page asks after every event.
        """
        page, before = self.page(around, now_ms), self._shown
        told, has_acted = self._told, self._has_acted
        self._shown, self._told, self._has_acted = page, None, False
        if before is None or _question(page) != _question(before):
            self.place, self.hand = None, Hand(text=_entry_value(page))
            told = page_aloud(page, len(self.stops(page)))
        elif has_acted and page.left_s is None:
            told = self._with_news(told, before, page)
        comfort, spoke = self.flow.session.comfort, self._spoke
        self._spoke = comfort.language if comfort.speech else None
        if page.screen is Screen.ATTRACT and spoke is not None:
            return parting_aloud(spoke)
        if told is None or not comfort.speech:
            return None if told is None else ()
        return [replace(sentence, loudness=comfort.loudness) for sentence in told]

    def _with_news(
        self, told: Sequence[Sentence] | None, before: Page, page: Page
    ) -> Sequence[Sentence] | None:
        """Add what is new on a page; after a press that changed nothing comes again what is in the way."""
        stops, more = self.stops(page), list(news(before, page))
        if self.place is not None and (self.place >= len(stops) or stops[self.place] != self._stood):
            self.place = None
        if not more and told is not None and not told:
            more = [] if page.error is None else [Sentence(words=page.error)]
            if self.place is not None:
                more += self._stop_aloud(self.place, page, stops)
        return [*(told or ()), *more] if more else told

    # ---- inside

    def _counts(self, key: str, now_ms: int) -> bool:
        return self._strikes.counts(key, now_ms, self.double_strike_ms)

    def _press(self, action: str, around: Around, now_ms: int) -> list[Effect]:
        before = self.flow.session.comfort
        self._told, self._has_acted = (), True
        effects = self.flow.press(action, around, now_ms)
        comfort = self.flow.session.comfort
        if comfort.speech and not before.speech:
            page = self.page(around, now_ms)
            self._told = page_aloud(page, len(self.stops(page)))
        elif comfort != before:
            self._told = [
                sentence
                for choice in self.comforts()
                if choice.id == action
                for sentence in comfort_aloud(choice)
            ]
        return effects

    def _speak(self, around: Around, now_ms: int) -> list[Effect]:
        if not self.flow.session.comfort.speech:
            return self._press(COMFORT_SPEECH, around, now_ms)
        page = self.page(around, now_ms)
        self._told = page_aloud(page, len(self.stops(page)))
        return []

    def _type(self, key: str, around: Around, now_ms: int) -> list[Effect]:
        page = self.page(around, now_ms)
        entry = next((item for item in page.items if isinstance(item, Entry)), None)
        if entry is None:
            return []
        self.hand = strike(replace(self.hand, text=entry.value), key, entry.length_max)
        self._told, self._has_acted = struck_aloud(key, entry, self.hand.text), True
        effects = self.flow.type(entry.id, self.hand.text, around, now_ms)
        if self._stood is not None and self._stood.key == key:
            self._stay(key, self.stops(self.page(around, now_ms)))
        return effects

    def _stay(self, key: str, stops: Sequence[Stop]) -> None:
        """Stay on a key whose press has changed the keyboard: small again, or signs in place of letters."""
        same = (key, key.swapcase(), _INSTEAD.get(key))
        found = next((place for place, stop in enumerate(stops) if stop.key and stop.key in same), None)
        if self.place is not None and found is not None:
            self.place, self._stood = found, stops[found]

    def _stand(self, place: int, page: Page, stops: Sequence[Stop]) -> None:
        self.place, self._stood = place, stops[place]
        self._told = self._stop_aloud(place, page, stops)

    def _stop_aloud(self, place: int, page: Page, stops: Sequence[Stop]) -> Sequence[Sentence]:
        return stop_aloud(stops[place], page, self.comforts(), place + 1, len(stops))


def _entry_value(page: Page) -> str:
    return next((item.value for item in page.items if isinstance(item, Entry)), "")


def _question(page: Page) -> tuple[object, ...]:
    """Return what makes a page another one for who hears it."""
    return page.name, page.title, page.error, page.step
