"""Whatever somebody presses, types and waits: a way home, an end by itself, and nothing left of it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kiosk_app.core.effects import (
    UNKNOWN,
    Answer,
    Ask,
    Effect,
    Failed,
    Heard,
    PhotoTaken,
    Print,
    Printed,
    Submission,
    Submit,
    Taken,
    TakePhoto,
    Wipe,
)
from kiosk_app.core.flow import Flow
from kiosk_app.core.pages import Choice, Entry, Fact, Page
from kiosk_app.core.session import Attract, Home, Session
from kiosk_app.core.voice import news, page_aloud
from shared.edge.happenings import happening
from shared.model.ids import new_reference
from tests.support.kiosk import Kiosk, Spanish

CODE = new_reference(bytes(16))
OTHER = {
    "report": "01900000-0000-7000-8000-000000000001",
    "service_code": "c0",
    "lat": 43.46,
    "long": -3.81,
    "age_days": 3,
    "supporters": 2,
}
HEARD = [
    {"status": "open"},
    {"status": "closed", "rating_asked": True, "picture": "pic", "updates": [{"notes": "Hecho", "at_ms": 1}]},
    {"reports": [OTHER]},
    {"reports": [OTHER, {"report": 7}, "nonsense"]},
    {"reports": []},
    {"reports": "nonsense", "updates": 3, "picture": 4},
]
SECRET = "Geheimnis"
OUT = ("leave", "home", "back", "done", "stay")
STEPS_HOME_MAX = 12


def pressable(page: Page) -> Iterator[str]:
    yield from (choice.id for choice in page.actions())
    yield from (item.change for item in page.items if isinstance(item, Fact) and item.change)
    yield from ["back"] * page.back
    yield from ["home"] * page.home


class Somebody(RuleBasedStateMachine):
    """Presses what is there and what is not, types secrets, waits, and answers for the machine."""

    def __init__(self) -> None:
        super().__init__()
        self.kiosk = Kiosk()
        self.typed = False
        self.photos = 0
        self.before = self.kiosk.page

    @rule(data=st.data())
    def press_something(self, data: st.DataObject) -> None:
        there = sorted(set(pressable(self.kiosk.page)))
        if there:
            self.kiosk.press(data.draw(st.sampled_from(there)))

    @rule(service=st.sampled_from(["c0", "c1"]), steps=st.integers(0, 6))
    def come_and_go_far(self, service: str, steps: int) -> None:
        """Chance alone seldom comes to the pages at the end of a report."""
        if isinstance(self.kiosk.flow.session.moment, Attract):
            self.kiosk.press("start", "es", "report", service, "here")
            for _ in range(steps):
                main = self.kiosk.page.main
                self.kiosk.press("nobody" if main is None else main.id)

    @rule(
        action=st.sampled_from(["send", "next", "photo", "drop:p0", "found:0", "nobody", "", "comfort.large"])
    )
    def press_what_may_not_be_there(self, action: str) -> None:
        before, page = self.kiosk.flow.session.moment, self.kiosk.page
        self.kiosk.press(action)
        if action not in set(pressable(page)) and not isinstance(before, Attract):
            assert self.kiosk.flow.session.moment == before

    @rule()
    def type_a_secret(self) -> None:
        for item in self.kiosk.page.items:
            if isinstance(item, Entry):
                self.kiosk.type(item.id, SECRET)
                is_taken = SECRET in repr(self.kiosk.flow.session.draft.answers)  # not before an idle warning
                self.typed |= item.private and is_taken

    @rule(field=st.sampled_from(["follow.code", "rate.code"]))
    def type_a_code(self, field: str) -> None:
        self.kiosk.type(field, CODE)
        self.typed |= CODE in repr(self.kiosk.flow.session.draft.answers)

    @rule()
    def type_a_telephone(self) -> None:
        for item in self.kiosk.page.items:
            if isinstance(item, Entry) and item.id == "contact.phone":
                self.kiosk.type(item.id, "600 123 456")
                self.typed |= "600 123 456" in repr(self.kiosk.flow.session.draft.answers)

    @rule()
    def do_the_next_thing(self) -> None:
        main = self.kiosk.page.main
        if main is not None:
            self.kiosk.press(main.id)

    @rule(ms=st.sampled_from([1_000, 59_000, 61_000]))
    def wait(self, ms: int) -> None:
        self.kiosk.wait(ms)
        self.forget_if_wiped()

    @rule(
        works=st.booleans(), reason=st.sampled_from(["no", "not_found", UNKNOWN]), said=st.sampled_from(HEARD)
    )
    def answer(self, works: bool, reason: str, said: Mapping[str, object]) -> None:
        number = self.kiosk.flow.session.question
        asked = next((each for each in self.kiosk.asked if getattr(each, "number", 0) == number), None)
        if asked is not None and number:
            self.kiosk.hear(self.answer_to(asked, said) if works else Failed(number, reason))

    def answer_to(self, asked: Effect, said: Mapping[str, object]) -> Answer:
        match asked:
            case Submit(number=number):
                return Taken(number, "KDPX 2M4T", "VT1")
            case TakePhoto(number=number):
                self.photos += 1
                return PhotoTaken(number, f"p{self.photos}")
            case Print(number=number):
                return Printed(number)
            case Ask(number=number):
                return Heard(number, said)
            case _:
                raise AssertionError(asked)

    @invariant()
    def session_that_ended_is_empty(self) -> None:
        self.forget_if_wiped()
        if isinstance(self.kiosk.flow.session.moment, Attract):
            assert replace(self.kiosk.flow.session, touched_ms=0) == Session()
            assert SECRET not in repr(self.kiosk.flow.session.draft.answers)

    @invariant()
    def something_can_be_pressed_or_is_under_way(self) -> None:
        page = self.kiosk.page
        assert (
            page.name == "sending"
            or any(not isinstance(choice, Choice) or choice.closed is None for choice in page.actions())
            or page.back
        )

    @invariant()
    def way_home_is_short(self) -> None:
        flow = copy_of(self.kiosk.flow)
        now_ms, around = self.kiosk.now_ms, self.kiosk.around
        for _ in range(STEPS_HOME_MAX):
            page = flow.page(around, now_ms)
            if page.name == "sending" or isinstance(flow.session.moment, Attract | Home):
                return
            there = set(pressable(page))
            flow.press(next(action for action in OUT if action in there), around, now_ms)
        raise AssertionError(f"no way home from {self.kiosk.page.name}")

    @invariant()
    def whatever_changed_can_be_said(self) -> None:
        before, self.before = self.before, self.kiosk.page
        for sentence in (*news(before, self.before), *page_aloud(self.before, 1)):
            assert sentence.words.spoken_by(Spanish()) is not None

    @invariant()
    def what_was_sent_may_be_taken(self) -> None:
        """Every submission is an event that its model takes; one `once` is one event."""
        sent: dict[int, Submission] = {}
        for each in self.kiosk.asked:
            if isinstance(each, Submit):
                said = each.submission
                event_id = OTHER["report"]
                happening(said.type, {"reference": CODE, **said.data}, event_id=str(event_id))
                assert sent.setdefault(each.once, said) == said

    @invariant()
    def end_comes_by_itself(self) -> None:
        flow = copy_of(self.kiosk.flow)
        for hours in (1, 2):
            flow.tick(self.kiosk.now_ms + hours * 3_600_000)
        assert flow.session == Session()

    def forget_if_wiped(self) -> None:
        """A session in which something private was typed ends with a thorough wipe."""
        if isinstance(self.kiosk.flow.session.moment, Attract) and self.typed:
            last = next(each for each in reversed(self.kiosk.asked) if isinstance(each, Wipe))
            assert last.personal
            self.typed = False


def copy_of(flow: Flow) -> Flow:
    """Return a flow of its own that is where another one is."""
    other = Kiosk().flow
    other.session = flow.session
    return other


Somebody.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_somebody_at_the_kiosk = Somebody.TestCase
