"""Which page comes when: attract, language, home, task, review, receipt, wiped.

    flow = Flow(tasks, limits)
    effects = flow.press("report", around, now_ms)     # also type, hear, tick
    page = flow.page(around, now_ms)

Rules:
- Every page has a way back or home, and a time after which the kiosk starts over; nothing of a session is in
  the next one, answers that come late included.
- Nobody is thrown out without being asked: a warning, twenty seconds at least, one press goes on.
- A session in which somebody gave something of their own ends with `Wipe(personal=True)`.
- What is taken is taken once: a second press meanwhile has no effect; where nobody knows whether it was taken
  the page says so, and another attempt is the same event.
- A press that is not on the page has no effect.

Source: EN 301 549 (5.7 to 5.9), WCAG 2.2.1 (Timing Adjustable).
"""

from collections.abc import Sequence
from dataclasses import replace

from kiosk_app.core.course import Course
from kiosk_app.core.draft import Around, Draft
from kiosk_app.core.effects import (
    UNKNOWN,
    Answer,
    DropPhotos,
    Effect,
    Failed,
    Heard,
    PhotoTaken,
    Print,
    Printed,
    Submit,
    Taken,
)
from kiosk_app.core.pages import Page
from kiosk_app.core.questions import Questions
from kiosk_app.core.session import (
    Attract,
    Comfort,
    Home,
    Languages,
    Leaving,
    Patience,
    Question,
    Receipt,
    Review,
    Sending,
    Session,
    Told,
    Unsure,
    Waiting,
)
from kiosk_app.core.showing import (
    AGAIN,
    ANOTHER,
    BACK,
    DONE,
    HOME,
    HOME_TILES_MAX,
    LEAVE,
    MORE,
    NOT_POSSIBLE,
    PRINT,
    SEND,
    STAY,
    comfort_after,
    not_taken,
    show,
    still_there,
)
from kiosk_app.core.tasks.task import AnyTask, Taking
from shared.model.wording import Language


class Flow:
    """The kiosk's state machine.

    Args:
        tasks: what can be done, in the order of the home page.
        patience: how long it waits.
        languages: that are offered, the first one first: it is the one in which nobody has chosen yet. Where
            there is one alone nobody is asked.
    """

    def __init__(
        self, tasks: Sequence[AnyTask], patience: Patience, languages: Sequence[Language] = tuple(Language)
    ) -> None:
        self._tasks = tuple(tasks)
        self._patience = patience
        self.languages = tuple(languages)
        self._course = Course(Session(comfort=Comfort(language=self.languages[0])))
        self._first = Languages(self.languages) if len(self.languages) > 1 else Home()
        self._questions = Questions(self._course)

    @property
    def session(self) -> Session:
        """As it is now."""
        return self._course.session

    @session.setter
    def session(self, session: Session) -> None:
        self._course.session = session

    # ---- what comes in

    def press(self, action: str, around: Around, now_ms: int) -> list[Effect]:
        """Take a press of something on the page."""
        here = self.session
        is_warned = here.left_ms(self._patience, now_ms) is not None
        self.session = replace(here, touched_ms=now_ms)
        if is_warned:
            return self._course.end() if action == LEAVE else []
        comfort = comfort_after(here.comfort, action)
        if comfort != here.comfort:
            self.session = replace(self.session, comfort=comfort)
            if not isinstance(here.moment, Attract):
                return []
        return self._pressed(action, around, now_ms)

    def _pressed(self, action: str, around: Around, now_ms: int) -> list[Effect]:
        match self.session.moment:
            case Attract():
                return self._course.go(moment=self._first)
            case Languages():
                return self._language(action)
            case Home() as home:
                return self._home(home, action, around)
            case Question() as question:
                return self._questions.press(question, action, around)
            case Review() as review:
                return self._review(review, action, around, now_ms)
            case Receipt() as receipt:
                return self._receipt(receipt, action)
            case Waiting() as waiting:
                return self._waiting(waiting, action)
            case Told() as told:
                return self._told(told, action, around)
            case Leaving(before=left):
                return self._leaving(left, action, around)
            case Unsure(task=task, submit=submit):
                return self._unsure(task, submit, action, now_ms)
            case Sending():
                return []

    def type(self, name: str, text: str, around: Around, now_ms: int) -> list[Effect]:
        """Take what is in a field now; one that is not on the page has no effect."""
        here = self.session
        if not isinstance(here.moment, Question) or here.left_ms(self._patience, now_ms) is not None:
            return []
        return self._questions.type(here.moment, name, text, around, now_ms)

    def hear(self, answer: Answer, now_ms: int) -> list[Effect]:
        """Take an answer; one that nobody waits for any more has no effect, and leaves nothing behind."""
        here = self.session
        if answer.number != here.question:
            return [DropPhotos((answer.token,))] if isinstance(answer, PhotoTaken) else []
        self.session = here = replace(here, question=0, touched_ms=max(now_ms, here.touched_ms))
        match answer, here.moment:
            case PhotoTaken(token=token), _:
                return self._questions.photographed(token)
            case Taken(), (Sending(task=task) | Unsure(task=task)):
                return self._course.go(moment=Receipt(task, answer), draft=Draft())
            case Failed(reason=reason), (Sending(submit=submit) | Unsure(submit=submit)):
                # After an attempt of which nobody knows, the next one's failure says nothing of the first.
                is_known = reason != UNKNOWN and submit.number == submit.once
                task = here.moment.task
                moment = Review(task) if is_known else Unsure(task, submit)
                return self._course.go(moment=moment, error=not_taken(answer) if is_known else None)
            case ((Heard() | Failed()), Question() as question):
                return self._questions.heard(question, answer.answer if isinstance(answer, Heard) else {})
            case Heard(answer=said), Waiting(task=task):
                return self._course.go(moment=Told(task, said))
            case Failed(reason=reason), Waiting(task=task, step=step):
                return self._course.go(moment=Question(task, step), error=task.failure(reason))
            case ((Printed() | Failed()), Receipt() as receipt):
                return self._course.go(moment=replace(receipt, printed=isinstance(answer, Printed)))
            case _:
                return self._course.go(error=NOT_POSSIBLE)

    def touch(self, now_ms: int) -> None:
        """Take a sign of somebody that presses nothing; the question whether they are there stays."""
        if self.session.left_ms(self._patience, now_ms) is None:
            self.session = replace(self.session, touched_ms=now_ms)

    def tick(self, now_ms: int) -> list[Effect]:
        """Let time pass."""
        here = self.session.moment
        if isinstance(here, Sending) and now_ms - here.since_ms >= self._patience.sending_ms:
            self._course.go(moment=Unsure(here.task, here.submit), touched_ms=now_ms)
        left_ms = self.session.left_ms(self._patience, now_ms)
        return self._course.end() if left_ms is not None and left_ms <= 0 else []

    # ---- what is shown

    def page(self, around: Around, now_ms: int) -> Page:
        """Return the page of this moment."""
        left_ms = self.session.left_ms(self._patience, now_ms)
        return still_there(left_ms) if left_ms is not None else show(self.session, self._tasks, around)

    # ---- what a press does

    def _language(self, action: str) -> list[Effect]:
        if action == BACK:
            return self._course.end()
        if action in self.languages:
            comfort = replace(self.session.comfort, language=Language(action))
            return self._course.go(moment=Home(), comfort=comfort)
        return []

    def _home(self, home: Home, action: str, around: Around) -> list[Effect]:
        if action == BACK and home == self._first:
            return self._course.end()
        if action == BACK:
            return self._course.go(moment=Home() if home.more else self._first)
        if action == MORE and not home.more and len(self._tasks) > HOME_TILES_MAX:
            return self._course.go(moment=Home(more=True))
        for task in self._tasks:
            if task.tile.id == action and around.why_not(task.tile.needs) is None:
                first = task.steps(Draft(), around)[0]
                return self._questions.enter(Question(task, first.id), around, draft=Draft())
        return []

    def _review(self, review: Review, action: str, around: Around, now_ms: int) -> list[Effect]:
        draft, task = self.session.draft, review.task
        steps = task.steps(draft, around)
        answered = frozenset(step.id for step in steps)
        if action == HOME:
            return self._course.go(moment=Leaving(review))
        if action == BACK:
            return self._questions.enter(Question(task, steps[-1].id), around)
        if action in {fact.change for fact in task.review(draft, around) if fact.change}:
            return self._questions.enter(Question(task, action, answered), around)
        if action != SEND:
            return []
        for step in steps:
            problem = step.problem(draft, around)
            if problem is not None:
                return self._course.go(moment=Question(task, step.id, answered), error=problem)
        number = self._course.ask()
        return self._send(task, Submit(number, task.submission(draft, around), once=number), now_ms)

    def _send(self, task: Taking, submit: Submit, now_ms: int) -> list[Effect]:
        self._course.go(moment=Sending(task, submit, now_ms))
        return [submit]

    def _unsure(self, task: Taking, submit: Submit, action: str, now_ms: int) -> list[Effect]:
        """Try the very same again, or leave it; it counts once either way."""
        if action == AGAIN:
            return self._send(task, replace(submit, number=self._course.ask()), now_ms)
        if action == DONE:
            return self._course.end()
        return self._course.leave() if action == HOME else []

    def _receipt(self, receipt: Receipt, action: str) -> list[Effect]:
        if action == DONE:
            return self._course.end()
        if action == ANOTHER:
            return self._course.go(moment=Home())
        is_open = action == PRINT and receipt.printed is None and not self.session.question
        return [Print(self._course.ask(), self.session.comfort.language)] if is_open else []

    def _waiting(self, waiting: Waiting, action: str) -> list[Effect]:
        if action == BACK:
            return self._course.go(moment=Question(waiting.task, waiting.step), question=0)
        return self._course.leave() if action == HOME else []

    def _told(self, told: Told, action: str, around: Around) -> list[Effect]:
        if action == DONE:
            return self._course.end()
        picture = told.answer.get("picture")
        drop: list[Effect] = [DropPhotos((picture,))] if isinstance(picture, str) else []
        if action == HOME:
            return [*drop, *self._course.leave()]
        begun = self._questions.begin(told, action, around)
        return [] if begun is None else [*drop, *begun]

    def _leaving(self, left: Question | Review, action: str, around: Around) -> list[Effect]:
        if action == STAY and isinstance(left, Question):
            return self._questions.enter(left, around)
        if action == STAY:
            return self._course.go(moment=left)
        return self._course.leave() if action == LEAVE else []
