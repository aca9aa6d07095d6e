"""Which page comes when: attract, language, home, task, review, receipt, wiped.

    flow = Flow(tasks, limits)
    effects = flow.press("report", around, now_ms)     # also type, hear, tick
    page = flow.page(around, now_ms)

Rules:
- Every page has a way back or home, and a time after which the kiosk starts over; nothing of a session is in
  the next one, answers that come late included.
- Nobody is thrown out without being asked: a warning, twenty seconds at least, one press goes on.
- A session in which somebody gave something of their own ends with `Wipe(personal=True)`.
- What is taken is taken once: a second press while it is being taken has no effect.
- A press that is not on the page has no effect.

Source: EN 301 549 (5.7 to 5.9), WCAG 2.2.1 (Timing Adjustable).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final

from kiosk_app.core.draft import Ability, Around, Draft
from kiosk_app.core.effects import (
    Answer,
    DropPhotos,
    Effect,
    Failed,
    PhotoTaken,
    Print,
    Printed,
    Submit,
    Taken,
    TakePhoto,
    Wipe,
)
from kiosk_app.core.pages import Choice, Code, Entry, Note, Page, Screen, Tone
from kiosk_app.core.steps import DROP, PHOTO, Photos, Step
from kiosk_app.core.tasks.task import Taking
from kiosk_app.core.words import Language, Words, say, typed

BACK: Final = "back"
HOME: Final = "home"
START: Final = "start"
STAY: Final = "stay"
LEAVE: Final = "leave"
SEND: Final = "send"
DONE: Final = "done"
ANOTHER: Final = "another"
PRINT: Final = "print"
MORE: Final = "more"
HOME_TILES_MAX: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the kiosk waits.

    Attributes:
        idle_ms: without a touch, before it asks whether somebody is there.
        warning_ms: that it then waits; EN 301 549 wants twenty seconds at least.
        receipt_ms: that a receipt stays.
        factor: by how much a citizen who asked for more time has more.
    """

    idle_ms: int = 60_000
    warning_ms: int = 30_000
    receipt_ms: int = 60_000
    factor: int = 3


class Phase(Enum):
    """Where a session is."""

    ATTRACT = auto()
    LANGUAGE = auto()
    HOME = auto()
    MORE = auto()
    TASK = auto()
    REVIEW = auto()
    SENDING = auto()
    RECEIPT = auto()
    LEAVING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comfort:
    """How a citizen wants it.

    Attributes:
        language: of everything that is shown and spoken.
        speech: pages are read aloud.
        contrast: high contrast.
        large: large text.
        reach: everything in the lower half.
        more_time: every wait is longer.
    """

    language: Language = Language.SPANISH
    speech: bool = False
    contrast: bool = False
    large: bool = False
    reach: bool = False
    more_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One citizen's time at the kiosk.

    Attributes:
        phase: where it is.
        task: which one; None outside.
        at: the name of the step.
        draft: what was said so far.
        comfort: how it is shown and spoken.
        touched_ms: the last sign of somebody.
        question: the number of what is being asked; 0 for nothing.
        error: what has to be mended.
        taken: what was taken; None before.
        printed: whether the receipt is on paper; None while nobody asked.
        personal: something of somebody's own was given.
        before: where LEAVING came from.
    """

    phase: Phase = Phase.ATTRACT
    task: Taking | None = None
    at: str = ""
    draft: Draft = field(default_factory=Draft)
    comfort: Comfort = field(default_factory=Comfort)
    touched_ms: int = 0
    question: int = 0
    error: Words | None = None
    taken: Taken | None = None
    printed: bool | None = None
    personal: bool = False
    before: Phase = Phase.HOME


_COMFORTS: Final[Mapping[str, str]] = {
    "comfort.speech": "speech",
    "comfort.contrast": "contrast",
    "comfort.large": "large",
    "comfort.reach": "reach",
    "comfort.more_time": "more_time",
}


class Flow:
    """The kiosk's state machine.

    Args:
        tasks: what can be done, in the order of the home page.
        patience: how long it waits.
    """

    def __init__(self, tasks: Sequence[Taking], patience: Patience) -> None:
        self._tasks = tuple(tasks)
        self._patience = patience
        self._asked = 0
        self.session = Session()

    # ---- what comes in

    def press(self, action: str, around: Around, now_ms: int) -> list[Effect]:
        """Take a press of something on the page."""
        here = self.session
        is_warned = self._left_ms(now_ms) is not None
        self.session = replace(here, touched_ms=now_ms)
        if is_warned:
            return [] if action == STAY else self._end() if action == LEAVE else []
        if action in _COMFORTS and here.phase is not Phase.ATTRACT:
            name = _COMFORTS[action]
            comfort = replace(here.comfort, **{name: not getattr(here.comfort, name)})
            self.session = replace(self.session, comfort=comfort)
            return []
        match here.phase:
            case Phase.ATTRACT:
                return self._go(phase=Phase.LANGUAGE)
            case Phase.LANGUAGE:
                return self._language(action)
            case Phase.HOME | Phase.MORE:
                return self._home(action, around)
            case Phase.TASK:
                return self._step(action, around)
            case Phase.REVIEW:
                return self._review(action, around)
            case Phase.RECEIPT:
                return self._receipt(action)
            case Phase.LEAVING:
                return self._leaving(action)
            case Phase.SENDING:
                return []

    def type(self, name: str, text: str, around: Around, now_ms: int) -> list[Effect]:
        """Take what is in a field now; one that is not on the page has no effect."""
        here = self.session
        if here.phase is Phase.TASK and self._left_ms(now_ms) is None:
            for item in self._current(around).page(here.draft, around).items:
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
        match answer:
            case PhotoTaken(token=token):
                draft = replace(here.draft, photos=(*here.draft.photos, token))
                return self._go(draft=draft, personal=True)
            case Taken():
                return self._go(phase=Phase.RECEIPT, taken=answer, draft=Draft())
            case Printed():
                return self._go(printed=True)
            case Failed() if here.phase is Phase.SENDING:
                return self._go(phase=Phase.REVIEW, error=_failed(answer))
            case Failed() if here.phase is Phase.RECEIPT:
                return self._go(printed=False)
            case _:
                return self._go(error=say("No ha sido posible. Inténtelo otra vez o siga sin ello."))

    def tick(self, now_ms: int) -> list[Effect]:
        """Let time pass."""
        left = self._left_ms(now_ms)
        return self._end() if left is not None and left <= 0 else []

    # ---- what is shown

    def page(self, around: Around, now_ms: int) -> Page:
        """Return the page of this moment."""
        left_ms = self._left_ms(now_ms)
        if left_ms is not None:
            return _still_there(max(0, -(-left_ms // 1000)))
        here = self.session
        match here.phase:
            case Phase.ATTRACT:
                return _ATTRACT
            case Phase.LANGUAGE:
                return _LANGUAGE
            case Phase.HOME | Phase.MORE:
                return self._home_page(around)
            case Phase.TASK:
                return self._step_page(around)
            case Phase.REVIEW:
                return self._review_page(around)
            case Phase.SENDING:
                return Page(name="sending", screen=Screen.WAIT, title=say("Lo estamos guardando"))
            case Phase.RECEIPT:
                return self._receipt_page(around)
            case Phase.LEAVING:
                return _LEAVING

    def _home_page(self, around: Around) -> Page:
        tiles = [self._tile(task, around) for task in self._tasks]
        is_more = self.session.phase is Phase.MORE
        fits = len(tiles) <= HOME_TILES_MAX
        shown = tiles[HOME_TILES_MAX - 1 :] if is_more else tiles if fits else tiles[: HOME_TILES_MAX - 1]
        if not fits and not is_more:
            shown.append(Choice(id=MORE, words=say("Más"), icon="dots"))
        notes = [] if around.age is None else [Note(words=around.age, tone=Tone.CARE)]
        return Page(
            name="more" if is_more else "home",
            screen=Screen.TILES,
            title=say("¿Qué necesita?"),
            items=(*notes, *shown),
            back=is_more,
        )

    def _tile(self, task: Taking, around: Around) -> Choice:
        tile = task.tile
        return Choice(id=tile.id, words=tile.words, icon=tile.icon, closed=around.why_not(tile.needs))

    def _step_page(self, around: Around) -> Page:
        here, steps = self.session, self._steps(around)
        step = self._current(around)
        page = step.page(here.draft, around)
        place = [each.id for each in steps].index(step.id) + 1
        return replace(page, back=True, home=True, step=(place, len(steps) + 1), error=here.error)

    def _review_page(self, around: Around) -> Page:
        here, steps = self.session, self._steps(around)
        assert here.task is not None
        return Page(
            name=f"{here.task.tile.id}.review",
            screen=Screen.REVIEW,
            title=say("¿Está todo bien?"),
            items=tuple(here.task.review(here.draft, around)),
            main=Choice(id=SEND, words=say("Enviar aviso"), icon="send"),
            back=True,
            home=True,
            step=(len(steps) + 1, len(steps) + 1),
            error=here.error,
        )

    def _receipt_page(self, around: Around) -> Page:
        here = self.session
        assert here.task is not None
        assert here.taken is not None
        notes = [Note(words=here.task.next())]
        if here.printed is not None:
            done = say("Recoja su papel.") if here.printed else say("No se pudo imprimir. Apunte el código.")
            notes.append(Note(words=done, tone=Tone.GOOD if here.printed else Tone.CARE))
        closed = around.why_not([Ability.PRINTER])
        paper = Choice(id=PRINT, words=say("Imprimir"), icon="printer", closed=closed)
        others = (Choice(id=ANOTHER, words=say("Hacer otra cosa"), icon="home"),)
        return Page(
            name=f"{here.task.tile.id}.receipt",
            screen=Screen.RECEIPT,
            title=say("Hecho. Este es su código"),
            items=(Code(reference=here.taken.reference, qr=here.taken.proof), *notes),
            main=Choice(id=DONE, words=say("Terminar"), icon="check"),
            others=(paper, *others) if here.printed is None else others,
        )

    # ---- what a press does

    def _language(self, action: str) -> list[Effect]:
        if action == BACK:
            return self._end()
        if action in set(Language):
            comfort = replace(self.session.comfort, language=Language(action))
            return self._go(phase=Phase.HOME, comfort=comfort)
        return []

    def _home(self, action: str, around: Around) -> list[Effect]:
        if action == MORE and self.session.phase is Phase.HOME and len(self._tasks) > HOME_TILES_MAX:
            return self._go(phase=Phase.MORE)
        if action == BACK:
            return self._go(phase=Phase.HOME if self.session.phase is Phase.MORE else Phase.LANGUAGE)
        for task in self._tasks:
            if task.tile.id == action and around.why_not(task.tile.needs) is None:
                first = task.steps(Draft(), around)[0].id
                return self._go(phase=Phase.TASK, task=task, at=first, draft=Draft())
        return []

    def _step(self, action: str, around: Around) -> list[Effect]:
        here, step = self.session, self._current(around)
        if action == HOME:
            return self._go(phase=Phase.LEAVING, before=Phase.TASK)
        if action == BACK:
            return self._step_back(around)
        if isinstance(step, Photos):
            effects = self._photo(step, action, around)
            if effects is not None:
                return effects
        pressed = step.press(here.draft, action, around)
        if pressed is None:
            return []
        draft, is_done = pressed
        self._go(draft=draft)
        return self._step_on(around) if is_done else []

    def _photo(self, step: Photos, action: str, around: Around) -> list[Effect] | None:
        here = self.session
        if action == PHOTO:
            is_open = step.closed(around) is None and len(here.draft.photos) < step.count_max
            return [TakePhoto(self._ask())] if is_open and not here.question else []
        token = action.removeprefix(DROP)
        if action.startswith(DROP) and token in here.draft.photos:
            left = tuple(each for each in here.draft.photos if each != token)
            self._go(draft=replace(here.draft, photos=left))
            return [DropPhotos((token,))]
        return None

    def _step_on(self, around: Around) -> list[Effect]:
        """Go to the next question that is open, or to the review; stay where something has to be mended."""
        here, step = self.session, self._current(around)
        problem = step.problem(here.draft, around)
        if problem is not None:
            return self._go(error=problem)
        steps = self._steps(around)
        place = [each.id for each in steps].index(step.id) + 1
        if place == len(steps):
            return self._go(phase=Phase.REVIEW)
        return self._go(at=steps[place].id)

    def _step_back(self, around: Around) -> list[Effect]:
        steps = [each.id for each in self._steps(around)]
        place = steps.index(self._current(around).id)
        if place:
            return self._go(at=steps[place - 1])
        return self._leave_task()

    def _review(self, action: str, around: Around) -> list[Effect]:
        here, steps = self.session, self._steps(around)
        assert here.task is not None
        if action == HOME:
            return self._go(phase=Phase.LEAVING, before=Phase.REVIEW)
        if action == BACK:
            return self._go(phase=Phase.TASK, at=steps[-1].id)
        if action in {fact.change for fact in here.task.review(here.draft, around) if fact.change}:
            return self._go(phase=Phase.TASK, at=action)
        if action != SEND:
            return []
        for step in steps:
            problem = step.problem(here.draft, around)
            if problem is not None:
                return self._go(phase=Phase.TASK, at=step.id, error=problem)
        submission = here.task.submission(here.draft, around)
        number = self._ask()
        self._go(phase=Phase.SENDING)
        return [Submit(number, submission)]

    def _receipt(self, action: str) -> list[Effect]:
        here = self.session
        if action == DONE:
            return self._end()
        if action == PRINT and here.printed is None and not here.question:
            return [Print(self._ask())]
        if action == ANOTHER:
            return self._go(phase=Phase.HOME, task=None, at="", taken=None, printed=None)
        return []

    def _leaving(self, action: str) -> list[Effect]:
        if action == STAY:
            return self._go(phase=self.session.before)
        return self._leave_task() if action == LEAVE else []

    # ---- inside

    def _leave_task(self) -> list[Effect]:
        photos = self.session.draft.photos
        self._go(phase=Phase.HOME, task=None, at="", draft=Draft(), question=0)
        return [DropPhotos(photos)] if photos else []

    def _end(self) -> list[Effect]:
        """Forget everything, and begin with the next person."""
        is_personal = self.session.personal
        self.session = Session()
        return [Wipe(personal=is_personal)]

    def _go(self, **changes: object) -> list[Effect]:
        """Change the session; what had to be mended is gone unless it is said again."""
        self.session = replace(self.session, **{"error": None, **changes})  # pyright: ignore[reportArgumentType]  by name
        return []

    def _ask(self) -> int:
        self._asked += 1
        self.session = replace(self.session, question=self._asked)
        return self._asked

    def _steps(self, around: Around) -> Sequence[Step]:
        assert self.session.task is not None
        return self.session.task.steps(self.session.draft, around)

    def _current(self, around: Around) -> Step:
        """The step that is asked; the first one where an answer made it disappear."""
        steps = self._steps(around)
        return next((step for step in steps if step.id == self.session.at), steps[0])

    def _left_ms(self, now_ms: int) -> int | None:
        """Until the session ends by itself; None while nobody need be asked."""
        here, patience = self.session, self._patience
        if here.phase in {Phase.ATTRACT, Phase.SENDING}:
            return None
        factor = patience.factor if here.comfort.more_time else 1
        idle_ms = patience.receipt_ms if here.phase is Phase.RECEIPT else patience.idle_ms
        left_ms = here.touched_ms + (idle_ms + patience.warning_ms) * factor - now_ms
        return left_ms if left_ms <= patience.warning_ms * factor else None


def _failed(answer: Failed) -> Words:
    return say("No se ha podido guardar: {reason} No se ha enviado nada.", reason=typed(answer.reason))


def _still_there(left_s: int) -> Page:
    return Page(
        name="idle",
        screen=Screen.WAIT,
        title=say("¿Sigue ahí?"),
        items=(
            Note(words=say("Si no, en {left} segundos borramos todo y empezamos de nuevo.", left=left_s)),
        ),
        main=Choice(id=STAY, words=say("Seguir"), icon="hand-stop"),
        others=(Choice(id=LEAVE, words=say("Borrar y salir"), icon="trash"),),
        left_s=left_s,
    )


_ATTRACT: Final = Page(
    name="attract",
    screen=Screen.ATTRACT,
    title=say("La ventanilla del ayuntamiento, aquí"),
    main=Choice(id=START, words=say("Toque para empezar"), icon="hand-finger"),
)
_LANGUAGE: Final = Page(
    name="language",
    screen=Screen.TILES,
    title=say("¿En qué idioma?"),
    items=(
        Choice(id=Language.SPANISH, words=typed("Español")),
        Choice(id=Language.CATALAN, words=typed("Valencià / Català")),
        Choice(id=Language.ENGLISH, words=typed("English")),
    ),
    back=True,
)
_LEAVING: Final = Page(
    name="leaving",
    screen=Screen.TILES,
    title=say("¿Quiere dejarlo?"),
    items=(Note(words=say("Lo que ha escrito se borra y no se envía nada.")),),
    main=Choice(id=STAY, words=say("No, seguir")),
    others=(Choice(id=LEAVE, words=say("Sí, borrar y salir"), icon="trash"),),
)
