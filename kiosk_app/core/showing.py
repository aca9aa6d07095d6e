"""From a session to its page.

`Flow` decides where a session is; here stands what a citizen then sees, hears and can press.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from kiosk_app.core.draft import Ability, Around, Draft
from kiosk_app.core.effects import Failed
from kiosk_app.core.pages import Choice, Code, Note, Page, Screen, Tone
from kiosk_app.core.session import (
    LOUDNESS_MAX,
    Attract,
    Comfort,
    Home,
    Languages,
    Leaving,
    Question,
    Receipt,
    Review,
    Sending,
    Session,
    Told,
    Unsure,
    Waiting,
)
from kiosk_app.core.steps import Step
from kiosk_app.core.tasks.task import AnyTask, Taking
from kiosk_app.core.words import Words, say, say_counted, written
from shared.model.wording import Language

BACK: Final = "back"
HOME: Final = "home"
START: Final = "start"
STAY: Final = "stay"
LEAVE: Final = "leave"
SEND: Final = "send"
AGAIN: Final = "again"
DONE: Final = "done"
ANOTHER: Final = "another"
PRINT: Final = "print"
MORE: Final = "more"
HOME_TILES_MAX: Final = 6
COMFORT_SPEECH: Final = "comfort.speech"
COMFORT_LOUDNESS: Final = "comfort.loudness"
COMFORTS: Final[Mapping[str, tuple[str, Words, str]]] = {
    COMFORT_SPEECH: ("speech", say("Leer en voz alta"), "volume"),
    "comfort.contrast": ("contrast", say("Alto contraste"), "contrast"),
    "comfort.large": ("large", say("Letra grande"), "text-size"),
    "comfort.reach": ("reach", say("Todo más abajo"), "arrow-bar-to-down"),
    "comfort.more_time": ("more_time", say("Más tiempo"), "clock-plus"),
}
"""How it can be shown and spoken: the field of `Comfort`, what it is called, its icon."""


NOT_POSSIBLE: Final = say("No ha sido posible. Inténtelo otra vez o siga sin ello.")


def not_taken(answer: Failed) -> Words:
    """Say why something was not taken."""
    return say("No se ha podido guardar: {reason} No se ha enviado nada.", reason=Words(answer.reason))


def show(session: Session, tasks: Sequence[AnyTask], around: Around) -> Page:
    """Return the page of a session.

    Args:
        session: where it is.
        tasks: what can be done, in the order of the home page.
        around: the machine as it is now.
    """
    match session.moment:
        case Attract():
            return _ATTRACT
        case Languages(offered=offered):
            return replace(_LANGUAGES, items=tuple(_BY_ITSELF[language] for language in offered))
        case Home(more=is_more):
            return _home(tasks, around, is_more=is_more)
        case Question() as question:
            return _question(question, session, around)
        case Review(task=task):
            return _review(task, session, around)
        case Sending():
            return _SENDING
        case Unsure():
            return _UNSURE
        case Receipt() as receipt:
            return _receipt(receipt, around)
        case Waiting(task=task):
            return replace(task.waiting or _WAITING, back=True, home=True)
        case Told(task=task, answer=answer):
            return replace(task.answer(answer, around), main=_CLOSE, home=True)
        case Leaving():
            return _LEAVING


def comforts(comfort: Comfort) -> Sequence[Choice]:
    """Return what stands at the foot of every page; what is on is chosen. Who hears may hear it louder."""
    switches = [
        Choice(id=action, words=words, icon=icon, chosen=bool(getattr(comfort, name)))
        for action, (name, words, icon) in COMFORTS.items()
    ]
    if not comfort.speech:
        return switches
    words = say("Volumen {place} de {count}", place=comfort.loudness, count=LOUDNESS_MAX)
    return [*switches, Choice(id=COMFORT_LOUDNESS, words=words, icon="volume")]


def comfort_after(comfort: Comfort, action: str) -> Comfort:
    """Return how somebody wants it after a press; after the loudest the quietest comes again."""
    if action == COMFORT_LOUDNESS:
        return replace(comfort, loudness=comfort.loudness % LOUDNESS_MAX + 1)
    if action not in COMFORTS:
        return comfort
    name = COMFORTS[action][0]
    return replace(comfort, **{name: not getattr(comfort, name)})


def step_of(question: Question, draft: Draft, around: Around) -> Step:
    """Return the step of a question; the first one of its task where an answer made it disappear."""
    steps = question.task.steps(draft, around)
    return next((step for step in steps if step.id == question.step), steps[0])


def still_there(left_ms: int) -> Page:
    """Return the page that asks whether somebody is there.

    Args:
        left_ms: until the kiosk starts over.
    """
    left_s = max(0, -(-left_ms // 1000))
    words = say_counted(
        left_s,
        "Si no, en {count} segundo borramos todo y empezamos de nuevo.",
        "Si no, en {count} segundos borramos todo y empezamos de nuevo.",
    )
    return Page(
        name="idle",
        screen=Screen.WAIT,
        title=say("¿Sigue ahí?"),
        items=(Note(words=words),),
        main=Choice(id=STAY, words=say("Seguir"), icon="hand-stop"),
        others=(Choice(id=LEAVE, words=say("Borrar y salir"), icon="trash"),),
        left_s=left_s,
    )


def _home(tasks: Sequence[AnyTask], around: Around, *, is_more: bool) -> Page:
    tiles = [_tile(task, around) for task in tasks]
    if len(tiles) > HOME_TILES_MAX:
        first, rest = tiles[: HOME_TILES_MAX - 1], tiles[HOME_TILES_MAX - 1 :]
        tiles = rest if is_more else [*first, Choice(id=MORE, words=say("Más"), icon="dots")]
    notes = [] if around.age is None else [Note(words=around.age, tone=Tone.CARE)]
    if around.office is not None and not is_more:
        notes.append(Note(words=around.office, tone=Tone.QUIET))
    return Page(
        name="more" if is_more else "home",
        screen=Screen.TILES,
        title=say("¿Qué necesita?"),
        items=(*notes, *tiles),
        back=True,
    )


def _tile(task: AnyTask, around: Around) -> Choice:
    tile = task.tile
    return Choice(id=tile.id, words=tile.words, icon=tile.icon, closed=around.why_not(tile.needs))


def _question(question: Question, session: Session, around: Around) -> Page:
    steps, step = question.task.steps(session.draft, around), step_of(question, session.draft, around)
    place = [each.id for each in steps].index(step.id) + 1
    page = step.page(session.draft, around)
    return replace(page, back=True, home=True, step=(place, len(steps) + 1), error=session.error)


def _review(task: Taking, session: Session, around: Around) -> Page:
    last = len(task.steps(session.draft, around)) + 1
    return Page(
        name=f"{task.tile.id}.review",
        screen=Screen.REVIEW,
        title=say("¿Está todo bien?"),
        items=tuple(task.review(session.draft, around)),
        main=Choice(id=SEND, words=task.send, icon="send"),
        back=True,
        home=True,
        step=(last, last),
        error=session.error,
    )


def _receipt(receipt: Receipt, around: Around) -> Page:
    notes = [Note(words=receipt.task.next)]
    if receipt.printed is not None:
        done = say("Recoja su papel.") if receipt.printed else say("No se pudo imprimir. Apunte el código.")
        notes.append(Note(words=done, tone=Tone.GOOD if receipt.printed else Tone.CARE))
    paper = Choice(id=PRINT, words=say("Imprimir"), icon="printer", closed=around.why_not([Ability.PRINTER]))
    another = Choice(id=ANOTHER, words=say("Hacer otra cosa"), icon="home")
    if not receipt.taken.reference:
        return Page(
            name=f"{receipt.task.tile.id}.receipt",
            screen=Screen.RECEIPT,
            title=say("Hecho. Muchas gracias"),
            items=tuple(notes),
            main=_CLOSE,
            others=(another,),
        )
    return Page(
        name=f"{receipt.task.tile.id}.receipt",
        screen=Screen.RECEIPT,
        title=say("Hecho. Este es su código"),
        items=(Code(reference=receipt.taken.reference, qr=receipt.taken.proof), *notes),
        main=_CLOSE,
        others=(another,) if receipt.printed is not None else (paper, another),
    )


_CLOSE: Final = Choice(id=DONE, words=say("Terminar"), icon="check")
_WAITING: Final = Page(name="waiting", screen=Screen.WAIT, title=say("Lo estamos preguntando"))
_UNSURE: Final = Page(
    name="unsure",
    screen=Screen.WAIT,
    title=say("No sabemos si se ha guardado"),
    items=(
        Note(words=say("Puede intentarlo otra vez: si ya estaba guardado, no se duplica."), tone=Tone.CARE),
        Note(words=say("Si se va ahora, puede que nos llegue, pero no tendrá código.")),
    ),
    main=Choice(id=AGAIN, words=say("Intentarlo otra vez"), icon="refresh"),
    others=(Choice(id=DONE, words=say("Terminar"), icon="check"),),
    home=True,
)
_SENDING: Final = Page(name="sending", screen=Screen.WAIT, title=say("Lo estamos guardando"))
COMING: Final = Page(name="coming", screen=Screen.WAIT, title=say("Un momento, enseguida empezamos"))
"""Somebody pressed while the screen of the session before goes: the next one begins with what they wanted."""
_ATTRACT: Final = Page(
    name="attract",
    screen=Screen.ATTRACT,
    title=say("La ventanilla del ayuntamiento, aquí"),
    main=Choice(id=START, words=say("Toque para empezar"), icon="hand-finger"),
)
_LANGUAGES: Final = Page(
    name="language",
    screen=Screen.TILES,
    title=say("¿En qué idioma?"),
    back=True,
)
_BY_ITSELF: Final[Mapping[Language, Choice]] = {
    language: Choice(id=language, words=written(name), language=language)
    for language, name in (
        (Language.ES, "Español"),
        (Language.CA, "Valencià / Català"),
        (Language.EN, "English"),
    )
}
"""Each language in its own words."""
_LEAVING: Final = Page(
    name="leaving",
    screen=Screen.TILES,
    title=say("¿Quiere dejarlo?"),
    items=(Note(words=say("Lo que ha escrito se borra y no se envía nada.")),),
    main=Choice(id=STAY, words=say("No, seguir")),
    others=(Choice(id=LEAVE, words=say("Sí, borrar y salir"), icon="trash"),),
)
