"""Walks every page that the flow can reach, composes it in every way, and tells what is wrong with it.

`python -m tests.support.screen_lint`, with the environment of a screen: letters are measured by Kivy, and no
window is needed. Prints a line for each fault, and last a line of figures.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from itertools import product
from pathlib import Path

from kiosk_app.core.desk import Desk
from kiosk_app.core.draft import Ability, Around
from kiosk_app.core.effects import (
    Ask,
    Effect,
    Failed,
    Heard,
    PhotoTaken,
    Print,
    Printed,
    Submit,
    Taken,
    TakePhoto,
)
from kiosk_app.core.flow import Flow
from kiosk_app.core.keyboard import Hand, rows_of
from kiosk_app.core.office import Hours
from kiosk_app.core.pages import Choice, Code, Entry, Fact, Keyboard, Map, Note, Page, Photo
from kiosk_app.core.places import AT
from kiosk_app.core.session import Comfort, Home, Patience, Session
from kiosk_app.core.showing import COMING
from kiosk_app.core.tasks.agenda import ReadAgenda
from kiosk_app.core.tasks.offer import TASKS, WITH_CARDS
from kiosk_app.core.tasks.task import AnyTask, Tile
from kiosk_app.core.words import Words, say
from kiosk_app.languages.speaker import Speakers
from kiosk_app.machine.reasons import NO_CARDS
from kiosk_app.ui.assets import find_assets
from kiosk_app.ui.compose import compose
from kiosk_app.ui.contrast import TEXT_MIN, Colour, contrast
from kiosk_app.ui.ink import Ink
from kiosk_app.ui.scene import Face, Letters, Plate, Rect, Scene, Target
from kiosk_app.ui.stage import Stage
from kiosk_app.ui.theme import TARGET_PX, Brand, Theme, read_tokens, theme_of
from shared.model.wording import Language
from tests.support.kiosk_machine import ANSWERS, PROOF, REFERENCE, SimulatedMachine

SIZES = ((1080, 1920), (1920, 1080), (1280, 800))
TYPED = {
    Keyboard.TEXT: ("ma", "La farola parpadea desde el lunes y de noche no se ve el paso de cebra. " * 9),
    Keyboard.PHONE: ("600", "600123456"),
    Keyboard.DIGITS: ("600", "412345678905"),
    Keyboard.CODE: ("7KXM", REFERENCE),
}
CLOSED: Mapping[Ability, Words] = {
    Ability.NETWORK: say("Ahora no hay red. Inténtelo más tarde: su aviso no se pierde."),
    Ability.CAMERA: say("La cámara no funciona ahora."),
    Ability.PRINTER: say("No hay papel."),
    Ability.CARDS: NO_CARDS,
}
CORE = Path(__file__).parents[2] / "kiosk_app" / "core"
WITH_A_NAME = {"Page": "name", "Tiles": "id", "Typing": "id", "Photos": "id", "Several": "id"}
"""Where a page's name stands in the source: of itself, or of the step that shows it."""
SATURDAY = datetime(2026, 11, 21, 10, tzinfo=UTC)
BRAND = Brand(name="Ayuntamiento de Villamar")


class Walk:
    """Every page, each found once by what is on it."""

    def __init__(self, around: Around, tasks: Sequence[AnyTask] = TASKS) -> None:
        self.around = around
        self.flow = Flow(tasks, Patience())
        self.found: dict[tuple[object, ...], tuple[Session, Page]] = {}
        self._now_ms = 1_000

    def run(self) -> list[tuple[Session, Page]]:
        waiting = [self.flow.session]
        while waiting:
            session = waiting.pop()
            page = self._page(session)
            key = _key(page)
            if key in self.found:
                continue
            self.found[key] = session, page
            waiting += [
                after for after in self._onward(session, page) if _key(self._page(after)) not in self.found
            ]
        still = self.flow
        still.session = next(session for session, page in self.found.values() if page.name == "home")
        idle = still.page(self.around, still.session.touched_ms + 75_000)
        self.found[_key(idle)] = still.session, idle
        return list(self.found.values())

    def _page(self, session: Session) -> Page:
        self.flow.session = session
        return self.flow.page(self.around, session.touched_ms)

    def _onward(self, session: Session, page: Page) -> Iterator[Session]:
        for item in page.items:
            if isinstance(item, Entry):
                for text in TYPED[item.keyboard]:
                    self.flow.session = session
                    self.flow.type(item.id, text, self.around, session.touched_ms)
                    yield self.flow.session
        actions = [choice.id for choice in page.actions() if choice.closed is None]
        actions += [item.change for item in page.items if isinstance(item, Fact) and item.change]
        for action in [*actions, *["back"] * page.back, *["home"] * page.home]:
            self.flow.session = session
            effects = self.flow.press(action, self.around, session.touched_ms)
            asked = self.flow.session
            yield asked
            for effect in effects:
                yield from self._answered(asked, effect)

    def _answered(self, session: Session, effect: Effect) -> Iterator[Session]:
        match effect:
            case TakePhoto(number=number):
                answers = [PhotoTaken(number, f"p{number}"), Failed(number, "no")]
            case Submit(number=number):
                answers = [Taken(number, REFERENCE, PROOF), Taken(number, "", ""), Failed(number, "unknown")]
            case Ask(number=number, what=what):
                answers = [
                    *(Heard(number, each) for each in ANSWERS[what]),
                    Failed(number, "not_found"),
                    Failed(number, "no_card"),
                ]
            case Print(number=number):
                answers = [Printed(number), Failed(number, "No hay papel.")]
            case _:
                return
        for answer in answers:
            self.flow.session = session
            self.flow.hear(answer, session.touched_ms)
            yield self.flow.session


def _key(page: Page) -> tuple[object, ...]:
    kinds = tuple(type(item).__name__ for item in page.items)
    closed = tuple(choice.closed is not None for choice in page.actions())
    typed = tuple(min(len(item.value), 40) // 4 for item in page.items if isinstance(item, Entry))
    return page.name, page.title.key, kinds, closed, page.error is not None, typed


class Another(ReadAgenda):
    """One more task, as there will be: more than find room on the first page."""

    def __init__(self, number: int) -> None:
        self.tile = Tile(id=f"another-{number}", words=say("Pedir un volante de padrón"), icon="file-text")


def not_walked_to(around: Around) -> Iterator[tuple[Session, Page]]:
    """Give the pages to which no press leads here: the process shows one, further tasks the others."""
    session = Session(touched_ms=1_000)
    yield session, COMING
    flow = Flow((*TASKS, *(Another(number) for number in range(3))), Patience())
    for home in (Home(), Home(more=True)):
        flow.session = replace(session, moment=home)
        yield flow.session, flow.page(around, 1_000)


def names_in_the_source() -> Iterator[str]:
    """Give the name of every page that the flow's source names, as a pattern."""
    for path in sorted(CORE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                where = WITH_A_NAME.get(node.func.id, "id" if node.func.id.endswith("Step") else "")
                found = [each.value for each in node.keywords if each.arg == where]
                yield from (pattern for value in found for pattern in _patterns(value))


def _patterns(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Constant(value=str(text)):
            yield re.escape(text)
        case ast.JoinedStr(values=parts):
            yield "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else "[^.]+" for p in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from (*_patterns(one), *_patterns(other))
        case _:
            return  # a step's own name, which its task gives


class Linter:
    """Composes pages in every way."""

    def __init__(self) -> None:
        self.ink = Ink(find_assets())
        self.speakers = Speakers()
        self.tokens = read_tokens()
        self.faults: dict[str, str] = {}
        self.scenes = 0

    def lint(self, session: Session, page: Page, around: Around) -> None:
        ways = product(SIZES, Language, (False, True), (False, True), (False, True))
        for size, language, large, reach, high in ways:
            is_own = language is Language.ES
            if high and (large or reach or not is_own):
                continue
            if large is not reach and not (is_own and size == SIZES[0]):
                continue
            if size != SIZES[0] and (language is Language.CA or (size == SIZES[1] and (high or not is_own))):
                continue
            comfort = Comfort(language=language, large=large, reach=reach, contrast=high)
            self._way(replace(session, comfort=comfort), page, size)
            if any(isinstance(item, Entry) and item.keyboard is Keyboard.TEXT for item in page.items):
                self._way(replace(session, comfort=comfort), page, size, signs=True)

    def _way(self, session: Session, page: Page, size: tuple[int, int], *, signs: bool = False) -> None:
        comfort = session.comfort
        entry = next((item for item in page.items if isinstance(item, Entry)), None)
        hand = Hand(text="" if entry is None else entry.value, signs=signs)
        desk = Desk(Flow(WITH_CARDS, Patience()))
        desk.flow.session, desk.hand = session, hand
        theme = theme_of(self.tokens, BRAND, comfort, size)
        stage = Stage(
            page=page,
            theme=theme,
            brand=BRAND,
            ruler=self.ink,
            speak=lambda words, language: words.spoken_by(self.speakers.of(language)),
            language=comfort.language,
            size=size,
            comforts=desk.comforts(),
            keys=() if entry is None else rows_of(entry.keyboard, comfort.language, hand),
            hand=hand,
            reach=comfort.reach,
            pointing=True,
        )
        first, parts = compose(stage)
        scenes = [first, *(compose(replace(stage, part=part))[0] for part in range(1, parts))]
        self.scenes += len(scenes)
        ways = ("large", "reach", "contrast")
        way = f"{size[0]}x{size[1]} {comfort.language} " + " ".join(w for w in ways if getattr(comfort, w))
        faults = [
            fault for scene in scenes for fault in scene_faults(scene, theme, size, reach=comfort.reach)
        ]
        wanted = {(stop.action, stop.key) for stop in desk.stops(page)}
        there = {(target.action, target.key) for scene in scenes for target in scene.targets}
        faults += [f"no place for {action or key}" for action, key in wanted - there]
        shown = " ".join(
            " ".join(piece.lines)
            for scene in scenes
            for _, piece in scene.pieces
            if isinstance(piece, Letters)
        )
        faults += [
            f"not shown: {text[:60]}" for text in _texts(page, stage) if not _is_in(text, shown, parts)
        ]
        for fault in faults:
            self.faults.setdefault(
                f"{page.name}: {re.sub('[0-9.]+', '#', fault)[:60]}", f"{page.name} [{way}] {fault}"
            )


def scene_faults(scene: Scene, theme: Theme, size: tuple[int, int], *, reach: bool) -> Iterator[str]:
    """Tell what is wrong with what is drawn."""
    screen = Rect(-0.5, -0.5, size[0] + 1, size[1] + 1)
    targets = [target for target in scene.targets if target.action != AT]
    for number, target in enumerate(targets):
        name, rect = target.action or target.key or f"turn {target.turn}", target.rect
        if min(rect.w, rect.h) < TARGET_PX - 0.01:
            yield f"{name} is {rect.w:.0f} x {rect.h:.0f}"
        if not _within(rect, screen):
            yield f"{name} is outside"
        if reach and rect.y < size[1] / (2 if size[1] > size[0] else 4) - 1:
            yield f"{name} is out of reach at {rect.y:.0f}"
        yield from (
            f"{name} lies over {other.action or other.key}"
            for other in targets[number + 1 :]
            if rect.meets(other.rect)
        )
    names = [name for name, _ in scene.pieces]
    yield from (f"{name} is the name of two pieces" for name in sorted(set(names)) if names.count(name) > 1)
    yield from _uneven(scene, targets)
    yield from _unknown_icons(scene)
    boxes = []
    for name, piece in scene.pieces:
        if isinstance(piece, Letters):
            box = _box(piece)
            yield from _letters_faults(name, piece, box, screen, targets, theme)
            yield from (f"{name} is written over {other}" for other, taken in boxes if box.meets(taken))
            boxes.append((name, box))
    yield from _contrast_faults(scene)


def _uneven(scene: Scene, targets: Sequence[Target]) -> Iterator[str]:
    """Tell of words that are smaller than those of what is as large and pressed as well."""
    sizes: dict[tuple[int, int], dict[str, float]] = {}
    for target in targets:
        rect = target.rect
        group = sizes.setdefault((round(rect.w), round(rect.h)), {})
        group |= {
            name: piece.size
            for name, piece in scene.pieces
            if isinstance(piece, Letters)
            and name in {f"button.{target.action}.words", f"key.{target.key}.words"}
            and len(target.key) != 1
        }
    for group in sizes.values():
        most = max(group.values(), default=0)
        yield from (
            f"{name} is set in {size:.0f}, others in {most:.0f}"
            for name, size in group.items()
            if size < most - 0.5
        )


def _unknown_icons(scene: Scene) -> Iterator[str]:
    """Tell of icons that the set lacks: something else would stand in for them."""
    for name, piece in scene.pieces:
        if isinstance(piece, Letters) and piece.face is Face.ICONS:
            yield from (f"{name} has no icon {icon}" for icon in piece.lines if icon not in ASSETS.icons)


def _letters_faults(
    name: str, piece: Letters, box: Rect, screen: Rect, targets: Sequence[Target], theme: Theme
) -> Iterator[str]:
    if piece.cut and not name.endswith(".hint"):
        yield f"{name} is cut: {piece.lines[-1]}"
    if not _within(box, screen):
        yield f"{name} is outside"
    if piece.face is not Face.ICONS:
        wide = max((INK.width(line, piece.face, piece.size) for line in piece.lines), default=0)
        if wide > piece.rect.w + 2.5:
            yield f"{name} is wider than its place: {wide:.0f} > {piece.rect.w:.0f}"
        if piece.size < theme.px(30) - 1:
            yield f"{name} is set in {piece.size:.0f}"
    for target in targets:
        if target.rect.meets(box) and not _within(box, target.rect.inset(-1)):
            yield f"{name} hangs over the edge of {target.action or target.key or target.turn}"


def _contrast_faults(scene: Scene) -> Iterator[str]:
    plates: list[tuple[Rect, Colour]] = []
    for name, piece in scene.pieces:
        if isinstance(piece, Plate) and piece.fill is not None and piece.shade == 1.0:
            plates.append((piece.rect, piece.fill))
        if isinstance(piece, Letters) and not name.startswith(("street", "map.")):
            x, y = piece.rect.middle
            ground = next((fill for rect, fill in reversed(plates) if rect.holds(x, y)), scene.ground)
            ratio = contrast(piece.colour, ground)
            if ratio < TEXT_MIN:
                yield f"{name} has a contrast of {ratio:.1f}"


def _box(piece: Letters) -> Rect:
    """Return what the letters fill, without the air between lines."""
    wide = max((INK.width(line, piece.face, piece.size) for line in piece.lines), default=0.0)
    if piece.face is Face.ICONS:
        wide = piece.size * 0.8
    air = (piece.step - piece.size * 0.9) / 2
    x = piece.rect.x + ((piece.rect.w - wide) / 2 if piece.align == "center" else 0)
    return Rect(x, piece.rect.y + air, wide, piece.step * len(piece.lines) - 2 * air)


def _within(inner: Rect, outer: Rect) -> bool:
    across = inner.x >= outer.x and inner.right <= outer.right
    return across and inner.y >= outer.y and inner.bottom <= outer.bottom


def _texts(page: Page, stage: Stage) -> Iterator[str]:
    yield from (stage.say(words) for words in _words(page))
    yield from (item.reference for item in page.items if isinstance(item, Code))


def _words(page: Page) -> Iterator[Words]:
    yield from (each for each in (page.title, page.error) if each is not None)
    for item in page.items:
        match item:
            case Note(words=words) | Photo(words=words):
                yield words
            case Fact(label=label, words=words):
                yield from (label, words)
            case Choice(words=words):
                yield words
            case Code() | Entry() | Map():
                pass
    yield from (choice.closed or choice.words for choice in page.actions())


def _is_in(text: str, shown: str, parts: int) -> bool:
    """Tell whether a text is shown; one that goes on in another part is there word by word."""
    return set(text.split()) <= set(shown.split()) if parts > 1 else _plain(text) in _plain(shown)


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", text)


ASSETS = find_assets()
INK = Ink(ASSETS)


def main() -> None:
    linter = Linter()
    seen: set[tuple[object, ...]] = set()
    machine = SimulatedMachine()
    only = sys.argv[1:]
    for closed in ({}, CLOSED):
        office = Hours({0: (time(9), time(14))}).closed(SATURDAY) if closed else None
        around = replace(machine.around(), closed=closed, office=office)
        found = [*Walk(around).run(), *Walk(around, WITH_CARDS).run()]
        for session, page in found:
            if _key(page) in seen or (only and page.name not in only):
                continue
            seen.add(_key(page))
            linter.lint(session, page, around)
    walked = {str(key[0]) for key in seen}
    for session, page in not_walked_to(machine.around()):
        walked.add(page.name)
        if not only or page.name in only:
            linter.lint(session, page, machine.around())
            seen.add((page.name, "not walked to"))
    for pattern in sorted(set(names_in_the_source())):
        if not only and not any(re.fullmatch(pattern, name) for name in walked):
            linter.faults[pattern] = f"no page {pattern} was walked to"
    for fault in linter.faults.values():
        sys.stdout.write(fault + "\n")
    sys.stdout.write(
        json.dumps({"pages": len(seen), "scenes": linter.scenes, "faults": len(linter.faults)}) + "\n"
    )


if __name__ == "__main__":
    main()
