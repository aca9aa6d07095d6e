"""In which order the questions of a task come: on, back, and to the review again after something was changed.

Rules:
- Whoever changes an answer from the review comes back to it after that, not after all the others. What
  belongs to the answer is asked with it: the street after "in another street".
- What came up by the change is asked before: a report of one's own after all, a question of another service.
"""

from dataclasses import replace

from kiosk_app.core.draft import Around, Draft
from kiosk_app.core.session import Question
from kiosk_app.core.tasks.task import Taking


def after(question: Question, draft: Draft, around: Around) -> Question | None:
    """Return the question that comes next; None where the task's end does.

    Args:
        question: what was answered; it is among the steps.
        draft: with the answer.
        around: the machine as it is now.
    """
    steps = question.task.steps(draft, around)
    names = [step.id for step in steps]
    following = next(iter(names[names.index(question.step) + 1 :]), None)
    if not question.answered:
        return None if following is None else replace(question, step=following)
    answered = question.answered | {question.step}
    if following is None or following in _done(question, draft, around):
        unasked = [step.id for step in steps if step.id not in answered or step.problem(draft, around)]
        following = next(iter(unasked), None)
    return None if following is None else replace(question, step=following, answered=answered)


def before(question: Question, draft: Draft, around: Around) -> Question | None:
    """Return the question before; None where there is none, or the review is."""
    names = [step.id for step in question.task.steps(draft, around)]
    place = names.index(question.step)
    if not place or question.step in _done(question, draft, around):
        return None
    return replace(question, step=names[place - 1])


def _done(question: Question, draft: Draft, around: Around) -> frozenset[str]:
    """Questions that were answered when the review was left, and that it offers to answer anew."""
    if not isinstance(question.task, Taking):
        return frozenset()
    return question.answered & {fact.change for fact in question.task.review(draft, around)}
