"""A page: everything that is shown, spoken and can be pressed at one moment.

A page is a value. The screen draws it, the voice reads it in the order in which it stands, the keypad walks
over `Page.stops`, and tests read all three. Whoever adds a kind of item adds it to each of them.

Rules (LOOK, EN 301 549):
- One question a page; its title is the question.
- The main action stands in the same place on every page, and so do Back and Home.
- What cannot be had stays visible and says why, before anybody begins.
- A page with somebody's own data is private: the voice reads its private parts to a headset alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from kiosk_app.core.words import Words
from shared.model.wording import Language


class Screen(StrEnum):
    """How a page is laid out."""

    ATTRACT = "attract"
    TILES = "tiles"
    LIST = "list"
    ENTRY = "entry"
    PHOTOS = "photos"
    PLACE = "place"
    REVIEW = "review"
    WAIT = "wait"
    RECEIPT = "receipt"


class Tone(StrEnum):
    """What a note says besides its words; never shown by colour alone."""

    PLAIN = "plain"
    QUIET = "quiet"
    GOOD = "good"
    BAD = "bad"
    CARE = "care"


class Keyboard(StrEnum):
    """What an entry is typed on."""

    TEXT = "text"
    PHONE = "phone"
    DIGITS = "digits"
    CODE = "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A sentence that stands on the page.

    Attributes:
        words: the sentence.
        tone: what it says besides.
        private: it holds something of somebody's own.
    """

    words: Words
    tone: Tone = Tone.PLAIN
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Something to press.

    Attributes:
        id: what the flow hears when it is pressed.
        words: what it does, as a verb.
        icon: a name of the icon set; empty for none.
        hint: a second, smaller line.
        chosen: it is what was chosen before.
        closed: why it cannot be pressed now; None where it can.
        language: in which it is written, where that is another one than the session's.
    """

    id: str
    words: Words
    icon: str = ""
    hint: Words | None = None
    chosen: bool = False
    closed: Words | None = None
    language: Language | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something to type.

    Attributes:
        id: what the flow hears when it changes.
        label: what is asked.
        value: what was typed so far.
        keyboard: what it is typed on.
        length_max: in characters.
        private: somebody's own: spoken to a headset alone, wiped with the session.
        secret: neither shown nor spoken, only how much of it there is.
        example: how such a thing looks.
    """

    id: str
    label: Words
    value: str
    keyboard: Keyboard
    length_max: int
    private: bool = False
    secret: bool = False
    example: Words | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A photograph that was taken; its body is not here.

    Attributes:
        token: names its body to whoever holds it.
        words: what it is called on the page.
    """

    token: str
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A line of a review or a receipt: what was asked, what was answered.

    Attributes:
        label: what was asked.
        words: the answer.
        change: pressed to answer anew; empty where that is not possible any more.
        private: somebody's own.
    """

    label: Words
    words: Words
    change: str = ""
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A reference that a citizen takes home, large, with a QR code that proves it.

    Attributes:
        reference: in groups of four.
        qr: what the QR code holds; empty while there is none.
    """

    reference: str
    qr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """A map around a point.

    Attributes:
        lat: of its middle, degrees.
        long: of its middle, degrees.
        pins: what others reported there: place and name.
    """

    lat: float
    long: float
    pins: tuple[tuple[float, float, str], ...] = ()


Item = Note | Choice | Entry | Photo | Fact | Code | Map


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One moment of the kiosk.

    Attributes:
        name: of the page, for tests and figures: task and step.
        screen: how it is laid out.
        title: the question.
        items: what is on it, in the order in which it is read.
        main: the next thing to do.
        others: further actions, at most two.
        back: whether Back is there.
        home: whether Home is there.
        step: which of how many; None outside a task.
        error: what has to be mended first: what happened, and what to do.
        icon: of what is waited for; empty for time alone.
        left_s: seconds until the kiosk starts over; None while nobody is asked.
    """

    name: str
    screen: Screen
    title: Words
    items: tuple[Item, ...] = ()
    main: Choice | None = None
    others: tuple[Choice, ...] = ()
    back: bool = False
    home: bool = False
    step: tuple[int, int] | None = None
    error: Words | None = None
    icon: str = ""
    left_s: int | None = None

    @property
    def is_private(self) -> bool:
        """Whether something of somebody's own is on it."""
        return any(isinstance(item, Note | Entry | Fact) and item.private for item in self.items)

    def actions(self) -> Iterator[Choice]:
        """Give what can be pressed on it, in the order in which the keypad walks; Back and Home come last."""
        yield from (item for item in self.items if isinstance(item, Choice))
        if self.main is not None:
            yield self.main
        yield from self.others
