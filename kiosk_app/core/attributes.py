"""The further questions of a service, as its core wants them answered: one step each.

Source: Open311 GeoReport v2, GET Service Definition (`datatype`, `values`, `required`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from kiosk_app.core.draft import Around, Draft
from kiosk_app.core.pages import Choice, Fact, Keyboard, Page, Screen
from kiosk_app.core.steps import NEXT, Step, Tiles, Typing
from kiosk_app.core.words import Words, say, written
from shared.model.catalogue import Attribute, Datatype, Service

ANSWER_LENGTH_MAX: Final = 200
TEXT_LENGTH_MAX: Final = 600
_PREFIX: Final = "attribute."
_SKIP: Final = Choice(id="", words=say("No lo sé"), icon="help")


def attribute_steps(task: str, service: Service | None) -> Sequence[Step]:
    """Return a step for each further question of a service."""
    return [] if service is None else [_step(task, each) for each in service.attributes]


def attributes_of(draft: Draft, service: Service) -> Mapping[str, Any]:
    """Return the answers that were given, by code: a text, or a list of keys."""
    answers = {each.code: draft.answers.get(f"{_PREFIX}{each.code}") for each in service.attributes}
    return {
        code: [*answer] if isinstance(answer, tuple) else answer for code, answer in answers.items() if answer
    }


def attribute_facts(task: str, draft: Draft, service: Service | None) -> Sequence[Fact]:
    """Return the line of a review for each further question of a service."""
    return [] if service is None else [_fact(task, draft, each) for each in service.attributes]


def _fact(task: str, draft: Draft, attribute: Attribute) -> Fact:
    answer = f"{_PREFIX}{attribute.code}"
    chosen = draft.answers.get(answer)
    keys = cast("tuple[str, ...]", chosen) if type(chosen) is tuple else (draft.text(answer),)
    names = [written(each.name) for each in attribute.values if each.key in keys]
    is_typed = not attribute.values and bool(draft.text(answer))
    return Fact(
        label=written(attribute.description),
        words=written(draft.text(answer)) if is_typed else _listed(names),
        change=f"{task}.{answer}",
        private=is_typed,
    )


def _listed(names: Sequence[Words]) -> Words:
    """Name one after the other; that nothing was answered where there is none."""
    if not names:
        return say("Sin respuesta")
    listed = names[0]
    for name in names[1:]:
        listed = say("{first}, {second}", first=listed, second=name)
    return listed


def _step(task: str, attribute: Attribute) -> Step:
    step_id, answer = f"{task}.{_PREFIX}{attribute.code}", f"{_PREFIX}{attribute.code}"
    title = written(attribute.description)
    match attribute.datatype:
        case Datatype.SINGLE:
            return Tiles(id=step_id, title=title, answer=answer, choices=partial(_single, attribute))
        case Datatype.MULTIPLE:
            return Several(id=step_id, title=title, answer=answer, attribute=attribute)
        case Datatype.NUMBER:
            keyboard, length_max = Keyboard.DIGITS, ANSWER_LENGTH_MAX
        case Datatype.STRING | Datatype.DATETIME:
            keyboard, length_max = Keyboard.TEXT, ANSWER_LENGTH_MAX
        case Datatype.TEXT:
            keyboard, length_max = Keyboard.TEXT, TEXT_LENGTH_MAX
    return Typing(
        id=step_id,
        title=title,
        answer=answer,
        label=title,
        keyboard=keyboard,
        length_max=length_max,
        private=True,
        optional=not attribute.required,
    )


def _single(attribute: Attribute, _draft: Draft, _around: Around) -> Sequence[Choice]:
    values = [Choice(id=each.key, words=written(each.name)) for each in attribute.values]
    return values if attribute.required else [*values, _SKIP]


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """Some of several: each press takes one or gives it back.

    Attributes:
        id: task and question.
        title: the question.
        answer: the name under which the keys are kept.
        attribute: what may be chosen.
    """

    id: str
    title: Words
    answer: str
    attribute: Attribute

    def page(self, draft: Draft, around: Around) -> Page:
        """Show what may be chosen, and what was."""
        chosen = self._chosen(draft)
        items = tuple(
            Choice(id=each.key, words=written(each.name), chosen=each.key in chosen)
            for each in self.attribute.values
        )
        return Page(
            name=self.id,
            screen=Screen.LIST,
            title=self.title,
            items=items,
            main=Choice(id=NEXT, words=say("Seguir")),
        )

    def press(self, draft: Draft, action: str, around: Around) -> tuple[Draft, bool] | None:
        """Take one, give it back, or go on."""
        if action == NEXT:
            return draft, True
        keys, chosen = [each.key for each in self.attribute.values], self._chosen(draft)
        if action not in keys:
            return None
        kept = tuple(key for key in keys if (key in chosen) is not (key == action))
        return draft.with_answer(self.answer, kept), False

    def problem(self, draft: Draft, around: Around) -> Words | None:
        """Where an answer is wanted, one has to be there."""
        is_open = self.attribute.required and not self._chosen(draft)
        return say("Elija al menos una opción.") if is_open else None

    def _chosen(self, draft: Draft) -> tuple[str, ...]:
        return tuple(draft.answers.get(self.answer, ()))
