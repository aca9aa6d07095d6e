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

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kiosk_app.core.draft import Around, Draft
from kiosk_app.core.effects import (
    UNKNOWN,
    Answer,
    Ask,
    DropPhotos,
    Effect,
    Failed,
    Heard,
    PhotoTaken,
    Print,
    Printed,
    Submit,
    Taken,
    TakePhoto,
    Wipe,
)
from kiosk_app.core.order import after, before
from kiosk_app.core.pages import Entry, Page
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
    step_of,
    still_there,
)
from kiosk_app.core.steps import DROP, PHOTO, Inquiring, Photos
from kiosk_app.core.tasks.task import AnyTask, Asking, Taking
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
        self._asked = 0
        self._around: Around | None = None  # as it was when a question asked the hub
        self._empty = Session(comfort=Comfort(language=self.languages[0]))
        self._first = Languages(self.languages) if len(self.languages) > 1 else Home()
        self.session = self._empty

    # ---- what comes in

    def press(self, action: str, around: Around, now_ms: int) -> list[Effect]:
        """Take a press of something on the page."""
        here = self.session
        is_warned = here.left_ms(self._patience, now_ms) is not None
        self.session = replace(here, touched_ms=now_ms)
        if is_warned:
            return self._end() if action == LEAVE else []
        comfort = comfort_after(here.comfort, action)
        if comfort != here.comfort:
            self.session = replace(self.session, comfort=comfort)
            if not isinstance(here.moment, Attract):
                return []
        return self._pressed(action, around, now_ms)

    def _pressed(self, action: str, around: Around, now_ms: int) -> list[Effect]:
        match self.session.moment:
            case Attract():
                return self._go(moment=self._first)
            case Languages():
                return self._language(action)
            case Home() as home:
                return self._home(home, action, around)
            case Question() as question:
                return self._question(question, action, around)
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
        if isinstance(here.moment, Question) and here.left_ms(self._patience, now_ms) is None:
            page = step_of(here.moment, here.draft, around).page(here.draft, around)
            for item in page.items:
                if isinstance(item, Entry) and item.id == name:
                    self.session = replace(
                        here,
                        draft=here.draft.with_answer(name, text[: item.length_max]),
                        touched_ms=now_ms,
                        error=None,
                        personal=here.personal or (item.private and bool(text)),
                    )
        return []

    def hear(self, answer: Answer, now_ms: int) -> list[Effect]:
        """Take an answer; one that nobody waits for any more has no effect, and leaves nothing behind."""
        here = self.session
        if answer.number != here.question:
            return [DropPhotos((answer.token,))] if isinstance(answer, PhotoTaken) else []
        self.session = here = replace(here, question=0, touched_ms=max(now_ms, here.touched_ms))
        match answer, here.moment:
            case PhotoTaken(token=token), _:
                draft = replace(here.draft, photos=(*here.draft.photos, token))
                return self._go(draft=draft, personal=True)
            case Taken(), (Sending(task=task) | Unsure(task=task)):
                return self._go(moment=Receipt(task, answer), draft=Draft())
            case Failed(reason=reason), (Sending(submit=submit) | Unsure(submit=submit)):
                # After an attempt of which nobody knows, the next one's failure says nothing of the first.
                is_known = reason != UNKNOWN and submit.number == submit.once
                task = here.moment.task
                moment = Review(task) if is_known else Unsure(task, submit)
                return self._go(moment=moment, error=not_taken(answer) if is_known else None)
            case ((Heard() | Failed()), Question() as question):
                return self._answered(question, answer.answer if isinstance(answer, Heard) else {})
            case Heard(answer=said), Waiting(task=task):
                return self._go(moment=Told(task, said))
            case Failed(reason=reason), Waiting(task=task, step=step):
                return self._go(moment=Question(task, step), error=task.failure(reason))
            case ((Printed() | Failed()), Receipt() as receipt):
                return self._go(moment=replace(receipt, printed=isinstance(answer, Printed)))
            case _:
                return self._go(error=NOT_POSSIBLE)

    def touch(self, now_ms: int) -> None:
        """Take a sign of somebody that presses nothing; the question whether they are there stays."""
        if self.session.left_ms(self._patience, now_ms) is None:
            self.session = replace(self.session, touched_ms=now_ms)

    def tick(self, now_ms: int) -> list[Effect]:
        """Let time pass."""
        here = self.session.moment
        if isinstance(here, Sending) and now_ms - here.since_ms >= self._patience.sending_ms:
            self._go(moment=Unsure(here.task, here.submit), touched_ms=now_ms)
        left_ms = self.session.left_ms(self._patience, now_ms)
        return self._end() if left_ms is not None and left_ms <= 0 else []

    # ---- what is shown

    def page(self, around: Around, now_ms: int) -> Page:
        """Return the page of this moment."""
        left_ms = self.session.left_ms(self._patience, now_ms)
        return still_there(left_ms) if left_ms is not None else show(self.session, self._tasks, around)

    # ---- what a press does

    def _language(self, action: str) -> list[Effect]:
        if action == BACK:
            return self._end()
        if action in self.languages:
            comfort = replace(self.session.comfort, language=Language(action))
            return self._go(moment=Home(), comfort=comfort)
        return []

    def _home(self, home: Home, action: str, around: Around) -> list[Effect]:
        if action == BACK:
            return (
                self._end() if home == self._first else self._go(moment=Home() if home.more else self._first)
            )
        if action == MORE and not home.more and len(self._tasks) > HOME_TILES_MAX:
            return self._go(moment=Home(more=True))
        for task in self._tasks:
            if task.tile.id == action and around.why_not(task.tile.needs) is None:
                first = task.steps(Draft(), around)[0]
                return self._enter(Question(task, first.id), around, draft=Draft())
        return []

    def _question(self, question: Question, action: str, around: Around) -> list[Effect]:
        draft = self.session.draft
        step = step_of(question, draft, around)
        if isinstance(step, Inquiring) and (action in {HOME, BACK} or step.press(draft, action, around)):
            self._go(question=0)  # what was not heard by now is not waited for
        if action == HOME:
            return self._go(moment=Leaving(question)) if draft.answers else self._leave()
        if action == BACK:
            return self._back(question, around)
        if isinstance(step, Photos) and (action == PHOTO or action.startswith(DROP)):
            return self._photo(step, action, around)
        pressed = step.press(draft, action, around)
        if pressed is None:
            return []
        draft, is_done = pressed
        self._go(draft=draft)
        return self._on(question, around) if is_done else []

    def _photo(self, step: Photos, action: str, around: Around) -> list[Effect]:
        here = self.session
        photos = here.draft.photos
        if action == PHOTO:
            is_open = step.closed(around) is None and len(photos) < step.count_max and not here.question
            return [TakePhoto(self._ask())] if is_open else []
        token = action.removeprefix(DROP)
        if token not in photos:
            return []
        self._go(draft=replace(here.draft, photos=tuple(each for each in photos if each != token)))
        return [DropPhotos((token,))]

    def _on(self, question: Question, around: Around) -> list[Effect]:
        """Go to the next question, or to the review; stay where something has to be mended."""
        draft, task = self.session.draft, question.task
        step = step_of(question, draft, around)
        problem = step.problem(draft, around)
        if problem is not None:
            return self._go(error=problem)
        following = after(replace(question, step=step.id), draft, around)
        if following is not None:
            return self._enter(following, around)
        if isinstance(task, Taking):
            return self._go(moment=Review(task))
        if isinstance(task, Asking):
            what, about = task.question(draft)
            self._go(moment=Waiting(task, step.id))
            return [Ask(self._ask(), what, about)]
        return self._enter(before(question, draft, around) or question, around)

    def _enter(self, question: Question, around: Around, **changes: object) -> list[Effect]:
        """Come to a question; one about which the hub is to be asked asks it."""
        self._go(moment=question, **changes)
        draft = self.session.draft
        step = step_of(question, draft, around)
        asked = step.question(draft, around) if isinstance(step, Inquiring) else None
        if not isinstance(step, Inquiring) or asked is None:
            return []
        what, about = asked
        self._around = around
        self._go(draft=step.asked(draft, about))
        return [Ask(self._ask(), what, about)]

    def _answered(self, question: Question, answer: Mapping[str, Any]) -> list[Effect]:
        """Show what the hub said of a question; where nothing is to be chosen, the next one comes."""
        around, draft, task = self._around, self.session.draft, question.task
        step = None if around is None else step_of(question, draft, around)
        if around is None or not isinstance(step, Inquiring):
            return self._go(error=NOT_POSSIBLE)
        place = [each.id for each in task.steps(draft, around)].index(step.id)
        heard = step.heard(draft, answer)
        left = [each.id for each in task.steps(heard, around)]
        if step.id in left:
            return self._go(draft=heard)
        return self._enter(replace(question, step=left[min(place, len(left) - 1)]), around, draft=heard)

    def _back(self, question: Question, around: Around) -> list[Effect]:
        draft, task = self.session.draft, question.task
        here = replace(question, step=step_of(question, draft, around).id)
        if (back := before(here, draft, around)) is not None:
            return self._enter(back, around)
        if question.answered and isinstance(task, Taking):
            return self._go(moment=Review(task))
        return self._leave()

    def _review(self, review: Review, action: str, around: Around, now_ms: int) -> list[Effect]:
        draft, task = self.session.draft, review.task
        steps = task.steps(draft, around)
        answered = frozenset(step.id for step in steps)
        if action == HOME:
            return self._go(moment=Leaving(review))
        if action == BACK:
            return self._enter(Question(task, steps[-1].id), around)
        if action in {fact.change for fact in task.review(draft, around) if fact.change}:
            return self._enter(Question(task, action, answered), around)
        if action != SEND:
            return []
        for step in steps:
            problem = step.problem(draft, around)
            if problem is not None:
                return self._go(moment=Question(task, step.id, answered), error=problem)
        number = self._ask()
        return self._send(task, Submit(number, task.submission(draft, around), once=number), now_ms)

    def _send(self, task: Taking, submit: Submit, now_ms: int) -> list[Effect]:
        self._go(moment=Sending(task, submit, now_ms))
        return [submit]

    def _unsure(self, task: Taking, submit: Submit, action: str, now_ms: int) -> list[Effect]:
        """Try the very same again, or leave it; it counts once either way."""
        if action == AGAIN:
            return self._send(task, replace(submit, number=self._ask()), now_ms)
        return self._end() if action == DONE else self._leave() if action == HOME else []

    def _receipt(self, receipt: Receipt, action: str) -> list[Effect]:
        if action == DONE:
            return self._end()
        if action == ANOTHER:
            return self._go(moment=Home())
        is_open = action == PRINT and receipt.printed is None and not self.session.question
        return [Print(self._ask(), self.session.comfort.language)] if is_open else []

    def _waiting(self, waiting: Waiting, action: str) -> list[Effect]:
        if action == BACK:
            return self._go(moment=Question(waiting.task, waiting.step), question=0)
        return self._leave() if action == HOME else []

    def _told(self, told: Told, action: str, around: Around) -> list[Effect]:
        if action == DONE:
            return self._end()
        picture = told.answer.get("picture")
        drop: list[Effect] = [DropPhotos((picture,))] if isinstance(picture, str) else []
        if action == HOME:
            return [*drop, *self._leave()]
        onward = told.task.onward(self.session.draft, told.answer, action)
        if onward is None:
            return []
        task, draft = onward
        steps = task.steps(draft, around)
        first = next((step for step in steps if step.problem(draft, around) is not None), steps[0])
        return [*drop, *self._enter(Question(task, first.id), around, draft=draft)]

    def _leaving(self, left: Question | Review, action: str, around: Around) -> list[Effect]:
        if action == STAY:
            return self._enter(left, around) if isinstance(left, Question) else self._go(moment=left)
        return self._leave() if action == LEAVE else []

    # ---- inside

    def _leave(self) -> list[Effect]:
        """Forget a task, and go home."""
        photos = self.session.draft.photos
        self._go(moment=Home(), draft=Draft(), question=0)
        return [DropPhotos(photos)] if photos else []

    def _end(self) -> list[Effect]:
        """Forget everything, and begin with the next person."""
        is_personal = self.session.personal
        self.session = self._empty
        return [Wipe(personal=is_personal)]

    def _go(self, **changes: object) -> list[Effect]:
        """Change the session; what had to be mended is gone unless it is said again."""
        self.session = replace(self.session, **{"error": None, **changes})
        return []

    def _ask(self) -> int:
        self._asked += 1
        self.session = replace(self.session, question=self._asked)
        return self._asked
