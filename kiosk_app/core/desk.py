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
from kiosk_app.core.keyboard import Hand, strike
from kiosk_app.core.pages import Choice, Entry, Page
from kiosk_app.core.showing import COMFORT_SPEECH, comforts
from kiosk_app.core.voice import Sentence, key_aloud, page_aloud, stop_aloud, value_aloud
from kiosk_app.core.walk import DOUBLE_STRIKE_MS, LONG_DOUBLE_STRIKE_MS, Arrow, Stop, Strikes, stops_of, walk

_WAKING: Final = frozenset({"attract", "idle"})
"""Pages on which the choosing key alone does the next thing: nobody has to look for it first."""


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
        self._said: tuple[object, ...] = ()
        self._now_said: Sequence[Sentence] | None = None

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
        return self.flow.hear(answer, now_ms)

    def tick(self, now_ms: int) -> list[Effect]:
        """Let time pass."""
        return self.flow.tick(now_ms)

    # ---- what is said

    def speech(self, around: Around, now_ms: int) -> Sequence[Sentence] | None:
        """Return what is to be said now in place of what is being said; None where that may go on.

        An empty sequence ends what is being said. Whoever shows a page asks after every event.
        """
        page = self.page(around, now_ms)
        state = (page.name, page.title, page.error, page.step)
        if state != self._said:
            self._said, self.place = state, None
            self.hand = Hand(text=_entry_value(page))
            self._now_said = page_aloud(page, len(self.stops(page)))
        said, self._now_said = self._now_said, None
        return said if self.flow.session.comfort.speech or not said else ()

    # ---- inside

    def _counts(self, key: str, now_ms: int) -> bool:
        within_ms = LONG_DOUBLE_STRIKE_MS if self.flow.session.comfort.more_time else DOUBLE_STRIKE_MS
        return self._strikes.counts(key, now_ms, within_ms)

    def _press(self, action: str, around: Around, now_ms: int) -> list[Effect]:
        before = self.flow.session.comfort
        self._now_said = ()
        effects = self.flow.press(action, around, now_ms)
        page = self.page(around, now_ms)
        if self.flow.session.comfort.speech and not before.speech:
            self._now_said = page_aloud(page, len(self.stops(page)))
        elif self.place is not None and self.flow.session.comfort != before:
            stops = self.stops(page)
            self._stand(min(self.place, len(stops) - 1), page, stops)
        return effects

    def _speak(self, around: Around, now_ms: int) -> list[Effect]:
        if not self.flow.session.comfort.speech:
            return self._press(COMFORT_SPEECH, around, now_ms)
        page = self.page(around, now_ms)
        self._now_said = page_aloud(page, len(self.stops(page)))
        return []

    def _type(self, key: str, around: Around, now_ms: int) -> list[Effect]:
        page = self.page(around, now_ms)
        entry = next((item for item in page.items if isinstance(item, Entry)), None)
        if entry is None:
            return []
        before = self.hand
        self.hand = strike(replace(self.hand, text=entry.value), key, entry.length_max)
        said = [key_aloud(key, private=entry.private)]
        if self.hand.text == before.text[:-1]:
            said.append(value_aloud(replace(entry, value=self.hand.text)))
        self._now_said = said
        return self.flow.type(entry.id, self.hand.text, around, now_ms)

    def _stand(self, place: int, page: Page, stops: Sequence[Stop]) -> None:
        self.place = place
        self._now_said = stop_aloud(stops[place], page, self.comforts(), place + 1, len(stops))


def _entry_value(page: Page) -> str:
    return next((item.value for item in page.items if isinstance(item, Entry)), "")
