"""The questions of a task: answered one after the other, back and forth, each asked again where it has to be.

Rules:
- Nobody comes past a question whose answer has to be mended.
- A question that depends on what the hub says asks it when somebody comes to it, and waits for nothing that
  was not heard by the time they go on.
- What is typed into a field for somebody's own makes the session a personal one, and so does a photograph.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kiosk_app.core.course import Course
from kiosk_app.core.draft import Around
from kiosk_app.core.effects import Ask, DropPhotos, Effect, TakePhoto
from kiosk_app.core.order import after, before
from kiosk_app.core.pages import Entry
from kiosk_app.core.session import Leaving, Question, Review, Told, Waiting
from kiosk_app.core.showing import BACK, HOME, NOT_POSSIBLE, step_of
from kiosk_app.core.steps import DROP, PHOTO, Inquiring, Photos
from kiosk_app.core.tasks.task import Asking, Taking


class Questions:
    """Asks the questions of a task.

    Args:
        course: of the session in which they are asked.
    """

    def __init__(self, course: Course) -> None:
        self._course = course
        self._around: Around | None = None  # as it was when a question asked the hub

    # ---- what comes in

    def press(self, question: Question, action: str, around: Around) -> list[Effect]:
        """Take a press of something on the page of a question."""
        course, draft = self._course, self._course.session.draft
        step = step_of(question, draft, around)
        if isinstance(step, Inquiring) and (action in {HOME, BACK} or step.press(draft, action, around)):
            course.go(question=0)  # what was not heard by now is not waited for
        if action == HOME:
            return course.go(moment=Leaving(question)) if draft.answers else course.leave()
        if action == BACK:
            return self._back(question, around)
        if isinstance(step, Photos) and (action == PHOTO or action.startswith(DROP)):
            return self._photo(step, action, around)
        pressed = step.press(draft, action, around)
        if pressed is None:
            return []
        draft, is_done = pressed
        course.go(draft=draft)
        return self._on(question, around) if is_done else []

    def type(self, question: Question, name: str, text: str, around: Around, now_ms: int) -> list[Effect]:
        """Take what is in a field now; one that is not on the page has no effect."""
        course, here = self._course, self._course.session
        for item in step_of(question, here.draft, around).page(here.draft, around).items:
            if isinstance(item, Entry) and item.id == name:
                return course.go(
                    draft=here.draft.with_answer(name, text[: item.length_max]),
                    touched_ms=now_ms,
                    personal=here.personal or (item.private and bool(text)),
                )
        return []

    def photographed(self, token: str) -> list[Effect]:
        """Keep a photograph with what was said."""
        draft = self._course.session.draft
        return self._course.go(draft=replace(draft, photos=(*draft.photos, token)), personal=True)

    def heard(self, question: Question, answer: Mapping[str, Any]) -> list[Effect]:
        """Show what the hub said of a question; where nothing is to be chosen, the next one comes."""
        around, draft, task = self._around, self._course.session.draft, question.task
        step = None if around is None else step_of(question, draft, around)
        if around is None or not isinstance(step, Inquiring):
            return self._course.go(error=NOT_POSSIBLE)
        place = [each.id for each in task.steps(draft, around)].index(step.id)
        heard = step.heard(draft, answer)
        left = [each.id for each in task.steps(heard, around)]
        if step.id in left:
            return self._course.go(draft=heard)
        return self.enter(replace(question, step=left[min(place, len(left) - 1)]), around, draft=heard)

    # ---- where it leads

    def begin(self, told: Told, action: str, around: Around) -> list[Effect] | None:
        """Begin the task that follows from an answer, with its first question that is open; None for none."""
        onward = told.task.onward(self._course.session.draft, told.answer, action)
        if onward is None:
            return None
        task, draft = onward
        steps = task.steps(draft, around)
        first = next((step for step in steps if step.problem(draft, around) is not None), steps[0])
        return self.enter(Question(task, first.id), around, draft=draft)

    def enter(self, question: Question, around: Around, **changes: object) -> list[Effect]:
        """Come to a question; one about which the hub is to be asked asks it."""
        course = self._course
        course.go(moment=question, **changes)
        draft = course.session.draft
        step = step_of(question, draft, around)
        asked = step.question(draft, around) if isinstance(step, Inquiring) else None
        if not isinstance(step, Inquiring) or asked is None:
            return []
        what, about = asked
        self._around = around
        course.go(draft=step.asked(draft, about))
        return [Ask(course.ask(), what, about)]

    def _on(self, question: Question, around: Around) -> list[Effect]:
        """Go to the next question, or to the review; stay where something has to be mended."""
        course, task = self._course, question.task
        draft = course.session.draft
        step = step_of(question, draft, around)
        problem = step.problem(draft, around)
        if problem is not None:
            return course.go(error=problem)
        following = after(replace(question, step=step.id), draft, around)
        if following is not None:
            return self.enter(following, around)
        if isinstance(task, Taking):
            return course.go(moment=Review(task))
        if isinstance(task, Asking):
            what, about = task.question(draft)
            is_personal = course.session.personal or task.is_personal
            course.go(moment=Waiting(task, step.id), personal=is_personal)
            return [Ask(course.ask(), what, about)]
        return self.enter(before(question, draft, around) or question, around)

    def _back(self, question: Question, around: Around) -> list[Effect]:
        draft, task = self._course.session.draft, question.task
        here = replace(question, step=step_of(question, draft, around).id)
        if (back := before(here, draft, around)) is not None:
            return self.enter(back, around)
        if question.answered and isinstance(task, Taking):
            return self._course.go(moment=Review(task))
        return self._course.leave()

    def _photo(self, step: Photos, action: str, around: Around) -> list[Effect]:
        course, here = self._course, self._course.session
        photos = here.draft.photos
        if action == PHOTO:
            is_open = step.closed(around) is None and len(photos) < step.count_max and not here.question
            return [TakePhoto(course.ask())] if is_open else []
        token = action.removeprefix(DROP)
        if token not in photos:
            return []
        course.go(draft=replace(here.draft, photos=tuple(each for each in photos if each != token)))
        return [DropPhotos((token,))]
