"""The screen: draws what the desk has, and takes it what a finger, the keypad and a keyboard do.

    KioskApp(desk, machine, voice, speaker_of, look).run()

Whoever starts its process gives it `environment.screen_environment`. Everything here runs on one thread;
answers of the machine come from any other, and wait for the next frame.
"""

import gc
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, Literal, TypeVar

from kivy.app import App
from kivy.clock import Clock
from kivy.config import Config
from kivy.core.window import Window
from kivy.input.motionevent import MotionEvent
from kivy.uix.widget import Widget

from kiosk_app.core.desk import Desk, Key
from kiosk_app.core.effects import Answer, Effect, Wipe
from kiosk_app.core.keyboard import ERASE, rows_of
from kiosk_app.core.pages import Entry, Page, Screen
from kiosk_app.core.places import AT
from kiosk_app.core.ports import Machine, Voice
from kiosk_app.core.walk import Stop
from kiosk_app.core.words import Speaker, Words
from kiosk_app.ui.compose import compose
from kiosk_app.ui.ground import GroundArt, pointed_at
from kiosk_app.ui.ink import Ink
from kiosk_app.ui.letters import Ruler
from kiosk_app.ui.look import Look
from kiosk_app.ui.painter import Painter
from kiosk_app.ui.pictures import Pictures
from kiosk_app.ui.scene import Ground, Rect, Scene, Target
from kiosk_app.ui.stage import Stage
from kiosk_app.ui.theme import theme_of
from shared.model.wording import Language

TICK_S: Final = 0.5
"""How often time passes for the desk."""
ALIVE_S: Final = 1.0
"""How often the watchdog hears that the screen's clock runs."""
IDLE_FPS: Final = 30
"""Frames a second, at most, between two movements: a touch is seen at the next one."""
ATTRACT_FPS: Final = 20
"""The same while nobody is there."""
MOVE_FPS: Final = 60
"""While something moves, and while somebody presses one thing after the other."""
BUSY_S: Final = 3.0
"""For so long after a press the next one is expected, and is not kept waiting for a frame."""
SLOP_PX: Final = 24
"""How far a finger may leave what it pressed, and still mean it."""
TREMOR_PX: Final = 80
"""Within so far a finger that comes down again at once is the tremor of the first press (EN 301 549 5.8)."""
FRAME_TIMEOUT_S: Final = 10.0
"""For a frame to come; a clock that stands still for so long is replaced with its process."""
_ENTER: Final = frozenset({13, 271})
_BACKSPACE: Final = 8
_ARROWS: Final = {273: Key.UP, 274: Key.DOWN, 275: Key.RIGHT, 276: Key.LEFT}

T = TypeVar("T")


class KioskApp(App):
    """The screen of a kiosk.

    Args:
        desk: hands and ears before the flow.
        machine: carries out what the flow asks.
        voice: reads aloud.
        speaker_of: who knows a language.
        look: how it looks here.
        now_ms: the time, in milliseconds that only go forward.
        alive: told each second that the screen's clock runs.

    Attributes:
        scene: what is drawn now.
        drawn: how many pieces of it were drawn anew.
    """

    def __init__(
        self,
        desk: Desk,
        machine: Machine,
        voice: Voice,
        speaker_of: Callable[[Language], Speaker],
        look: Look,
        *,
        now_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.desk = desk
        self.scene: Scene | None = None
        self.drawn = 0
        self._machine = machine
        self._voice = voice
        self._speaker_of = speaker_of
        self._look = look
        self._now_ms = now_ms
        self._alive = alive
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._held: set[int] = set()
        self._pressed: tuple[object, Target] | None = None
        self._acted: tuple[float, float, int] | None = None
        self._part = 0
        self._parts = 1
        self._state: object = None
        self._moved_s = 1.0
        self._busy_s = 0.0

    # ---- Kivy's calls

    def build(self) -> Widget:
        """Make the window's content."""
        for name in [name for name, _ in Config.items("input") if name != "mouse"]:
            Config.remove_option("input", name)
        self._surface = _Surface(self)
        self._ink = Ink(self._look.assets)
        pictures = Pictures(self._machine.photo)
        town = self._look.town
        ground = None if town is None else GroundArt(town, self._look.tokens, self._ink)
        self._painter = Painter(self._surface.canvas, self.size, self._ink, pictures, ground)
        Window.bind(on_key_down=self._key_down, on_key_up=self._key_up, on_textinput=self._typed)
        self._move = Clock.schedule_interval(self._move_on, 0)
        self._move.cancel()
        return self._surface

    def on_start(self) -> None:
        """Show the first page."""
        Clock.schedule_interval(lambda _: self._tick(), TICK_S)
        Clock.schedule_interval(lambda _: self._alive(), ALIVE_S)
        self._alive()
        self._tick()

    @property
    def ruler(self) -> Ruler:
        """Knows how wide letters are here."""
        return self._ink

    @property
    def size(self) -> tuple[int, int]:
        """The window's, in pixels."""
        return int(Window.width), int(Window.height)

    # ---- what comes in

    def finger_down(self, touch: MotionEvent, x: float, y: float) -> None:
        """Take a finger: what it is on is shown as pressed; another finger meanwhile has no effect."""
        if self._pressed is not None or self.scene is None:
            return
        self._expect_more()
        target = self.target_at(x, y)
        if target is None or (not target.key and self._trembles(x, y)):
            return
        self._pressed = touch.uid, target
        if target.key:
            self._painter.press(target.rect, target.radius)
            self._act(target, (x, y))
        elif not target.closed and target in self.scene.targets and target.action != AT:
            self._painter.press(target.rect, target.radius)

    def finger_up(self, touch: MotionEvent, x: float, y: float) -> None:
        """Take a finger away: it pressed what it came down on, unless it has left that."""
        if self._pressed is None or self._pressed[0] != touch.uid:
            return
        _, target = self._pressed
        self._pressed = None
        self._painter.press(None)
        if not target.key and target.rect.inset(-SLOP_PX).holds(x, y):
            self._acted = x, y, self._now_ms()
            self._act(target, (x, y))

    def _trembles(self, x: float, y: float) -> bool:
        """Tell whether a finger comes down where it has just been: what stands there now it has not seen."""
        if self._acted is None:
            return False
        was_x, was_y, at_ms = self._acted
        is_same_place = abs(x - was_x) <= TREMOR_PX and abs(y - was_y) <= TREMOR_PX
        return is_same_place and self._now_ms() - at_ms < self.desk.double_strike_ms

    def target_at(self, x: float, y: float) -> Target | None:
        """Return what stands at a point; anywhere on the page where nobody was yet, it is how to begin."""
        if self.scene is None:
            return None
        for target in self.scene.targets:
            if target.rect.holds(x, y):
                return target
        page = self._page()
        if page.screen is Screen.ATTRACT and page.main is not None:
            width, height = self.size
            return Target(rect=Rect(0, 0, width, height), action=page.main.id)
        return None

    def at_next_frame(self, work: Callable[[], T]) -> T:
        """Do something on Kivy's thread, and wait for what comes of it; from any other thread.

        Raises:
            TimeoutError: no frame came.
        """
        done: Future[T] = Future()

        Clock.schedule_once(lambda _: done.set_result(work()), 0)
        return done.result(FRAME_TIMEOUT_S)

    def key(self, key: Key) -> None:
        """Take a key of the keypad."""
        self._expect_more()
        self.carry_out(self.desk.key(key, self._machine.around(), self._now_ms()))

    def _act(self, target: Target, point: tuple[float, float]) -> None:
        around, now_ms = self._machine.around(), self._now_ms()
        if target.turn:
            self._part += target.turn
            self.desk.flow.touch(now_ms)
            self.refresh()
        elif target.key:
            self.carry_out(self.desk.strike(target.key, around, now_ms))
        else:
            action = self._pointed(point) if target.action == AT else target.action
            self.carry_out(self.desk.touch(action, around, now_ms))

    def _pointed(self, point: tuple[float, float]) -> str:
        """Return the action of pointing at the map."""
        pieces = () if self.scene is None else self.scene.pieces
        ground = next((piece for _, piece in pieces if isinstance(piece, Ground)), None)
        if ground is None or self._look.town is None:
            return AT
        lat, long = pointed_at(self._look.town, ground, *point)
        return f"{AT}{lat:.6f},{long:.6f}"

    def _key_down(self, _window: object, key: int, *_: object) -> bool:
        """Take a key of keypad or keyboard; one that is held is pressed once (EN 301 549 5.7)."""
        is_held = key in self._held
        self._held.add(key)
        if key == _BACKSPACE and self._entry() is not None:
            self._strike(ERASE)
        elif not is_held and key == self._look.speak_key:
            self.key(Key.SPEAK)
        elif not is_held and key in _ENTER:
            self.key(Key.CHOOSE)
        elif not is_held and key in _ARROWS:
            self.key(_ARROWS[key])
        return True

    def _key_up(self, _window: object, key: int, *_: object) -> None:
        self._held.discard(key)

    def _typed(self, _window: object, text: str) -> None:
        if self._entry() is not None and text.isprintable():
            self._strike(text)

    def _strike(self, key: str) -> None:
        self.carry_out(self.desk.strike(key, self._machine.around(), self._now_ms()))

    def carry_out(self, effects: Sequence[Effect]) -> None:
        """Have done what the desk asked for, and show what stands now; on Kivy's thread."""
        for effect in effects:
            if isinstance(effect, Wipe):
                self._forget()
            self._machine.carry_out(effect, self._tell)
        self.refresh()

    def _tell(self, answer: Answer) -> None:
        """Take an answer, from any thread."""
        self._answers.put(answer)
        Clock.schedule_once(self._hear, 0)

    def _hear(self, _passed_s: float) -> None:
        while not self._answers.empty():
            self.carry_out(self.desk.hear(self._answers.get(), self._now_ms()))

    def _tick(self) -> None:
        self.carry_out(self.desk.tick(self._now_ms()))
        self._settle()

    # ---- what is shown

    def refresh(self) -> None:
        """Show and say what stands now."""
        around, now_ms = self._machine.around(), self._now_ms()
        comfort = self.desk.flow.session.comfort
        said = self.desk.speech(around, now_ms)
        if said is not None:
            self._voice.say(said, self._speaker_of(comfort.language))
        page = self.desk.page(around, now_ms)
        if self.scene is None or self.scene.name != page.name:
            self._part = 0
        state = (page, comfort, self.desk.place, self.desk.hand, self._part)
        if state == self._state:
            return
        self._state = state
        scene, self._parts = compose(self._stage(page))
        self._part = min(max(self._part, 0), self._parts - 1)
        is_new = self.scene is not None and scene.name != self.scene.name
        self.scene = scene
        self.drawn = self._painter.draw(scene)
        if is_new and self._look.motion:
            self._moved_s = 0.0
            self._pace(MOVE_FPS)
            self._move()
            self._painter.slide(0.0)
        else:
            self._settle()

    def _stage(self, page: Page) -> Stage:
        comfort = self.desk.flow.session.comfort
        entry = next((item for item in page.items if isinstance(item, Entry)), None)
        stops = self.desk.stops(page) if self.desk.place is not None else ()
        return Stage(
            page=page,
            theme=theme_of(self._look.tokens, self._look.brand, comfort, self.size),
            brand=self._look.brand,
            ruler=self._ink,
            speak=self._speak,
            language=comfort.language,
            languages=self.desk.flow.languages,
            size=self.size,
            comforts=self.desk.comforts(),
            keys=() if entry is None else rows_of(entry.keyboard, comfort.language, self.desk.hand),
            hand=self.desk.hand,
            reach=comfort.reach,
            here=_stop_at(stops, self.desk.place),
            pointing=self._look.town is not None,
            part=self._part,
        )

    def _speak(self, words: Words, language: Language) -> str:
        return words.spoken_by(self._speaker_of(language))

    def _page(self) -> Page:
        return self.desk.page(self._machine.around(), self._now_ms())

    def _entry(self) -> Entry | None:
        return next((item for item in self._page().items if isinstance(item, Entry)), None)

    def _move_on(self, passed_s: float) -> bool:
        whole_s = self._look.tokens.move_ms / 1000
        self._moved_s += passed_s
        share = min(1.0, self._moved_s / whole_s)
        self._painter.slide(1 - (1 - share) ** 3)
        if share < 1:
            return True
        self._settle()
        return False

    def _expect_more(self) -> None:
        """Take note of a press: another one comes soon."""
        self._busy_s = time.monotonic() + BUSY_S
        self._pace(MOVE_FPS)

    def _settle(self) -> None:
        """Go on at the pace of what is shown, unless something moves or somebody is busy."""
        is_moving = self._look.motion and self._moved_s < self._look.tokens.move_ms / 1000
        if not is_moving and time.monotonic() >= self._busy_s:
            self._pace(ATTRACT_FPS if self._page().screen is Screen.ATTRACT else IDLE_FPS)

    def _pace(self, fps: int) -> None:
        Clock._max_fps = fps  # noqa: SLF001  Kivy has no other way to change it while it runs

    def _forget(self) -> None:
        """Keep nothing of a session: neither what was drawn, nor what was measured."""
        self._painter.forget()
        self._ink.forget()
        self._state = None
        self._pressed = None
        Clock.schedule_once(lambda _: gc.collect(), 0)  # after the first page is shown: nobody waits for it


class _Surface(Widget):
    """The window's content: hands touches on, in pixels from the upper left corner."""

    def __init__(self, app: KioskApp) -> None:
        super().__init__()
        self._app = app

    def on_touch_down(self, touch: MotionEvent) -> Literal[True]:
        self._app.finger_down(touch, touch.x, Window.height - touch.y)
        return True

    def on_touch_up(self, touch: MotionEvent) -> Literal[True]:
        self._app.finger_up(touch, touch.x, Window.height - touch.y)
        return True


def _stop_at(stops: Sequence[Stop], place: int | None) -> Stop | None:
    return stops[place] if place is not None and place < len(stops) else None
