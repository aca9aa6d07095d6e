"""Everything that a page is composed from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kiosk_app.core.keyboard import Hand
from kiosk_app.core.pages import Choice, Page
from kiosk_app.core.walk import Stop
from kiosk_app.core.words import Words
from kiosk_app.ui.letters import Ruler
from kiosk_app.ui.theme import Brand, Theme
from shared.model.wording import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A page, and how it is to be shown.

    Attributes:
        page: what is shown.
        theme: colours and measures, in pixels of this screen.
        brand: the town's name and mark.
        ruler: how wide letters are.
        speak: a sentence in a language.
        language: of this session.
        languages: that are offered.
        size: of the screen, pixels.
        comforts: what stands at the foot.
        keys: rows of the on-screen keyboard; none where nothing is typed.
        hand: how that keyboard stands.
        reach: what can be pressed stands in the lower half.
        here: where the keypad stands; None until somebody uses it.
        pointing: the map can be pointed at.
        part: which part of what does not fit is shown, from 0.
    """

    page: Page
    theme: Theme
    brand: Brand
    ruler: Ruler
    speak: Callable[[Words, Language], str]
    language: Language
    size: tuple[int, int]
    languages: Sequence[Language] = tuple(Language)
    comforts: Sequence[Choice] = ()
    keys: Sequence[Sequence[str]] = ()
    hand: Hand = field(default_factory=Hand)
    reach: bool = False
    here: Stop | None = None
    pointing: bool = False
    part: int = 0

    def say(self, words: Words) -> str:
        """Return a sentence in the session's language."""
        return self.speak(words, self.language)
