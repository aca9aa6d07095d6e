"""The real screen over an invented town, in a process of its own; orders come as lines of JSON.

`python -m tests.support.screen_child WIDTH HEIGHT`, started by `tests.support.screen`. One process holds one
window: Kivy keeps much of it for good.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from kivy.clock import Clock
from kivy.core.window import Window
from kivy.graphics import Color, InstructionGroup, Rectangle
from kivy.tests.common import UnitTestTouch

from kiosk_app.core.desk import Desk
from kiosk_app.core.draft import Ability
from kiosk_app.core.flow import Flow
from kiosk_app.core.session import Patience
from kiosk_app.core.tasks.offer import TASKS, WITH_CARDS
from kiosk_app.core.words import say
from kiosk_app.languages.speaker import Speakers
from kiosk_app.town.demonstration import demonstration_town
from kiosk_app.town.map import TownMap
from kiosk_app.ui.app import KioskApp
from kiosk_app.ui.assets import find_assets
from kiosk_app.ui.look import Look
from kiosk_app.ui.scene import Face, Letters, Scene
from kiosk_app.ui.theme import Brand
from tests.support.kiosk_machine import QuietVoice, SimulatedMachine


class Child:
    """Takes orders on Kivy's thread and answers each with a line."""

    def __init__(self) -> None:
        self.machine = SimulatedMachine()
        self.voice = QuietVoice()
        self.now_ms = 1_000
        self.alive = 0
        self.first_s = self.changed_s = self.redrawn_s = self.redraw_from_s = 0.0
        self._shown: Scene | None = None
        self.desk = Desk(Flow(WITH_CARDS if "cards" in sys.argv else TASKS, Patience()))
        look = Look(
            brand=Brand(name="Ayuntamiento de Villamar"),
            assets=find_assets(),
            town=TownMap(demonstration_town()),
            motion="motion" in sys.argv,
        )
        self.app = KioskApp(
            self.desk,
            self.machine,
            self.voice,
            Speakers().of,
            look,
            now_ms=lambda: self.now_ms,
            alive=self._live,
        )

    def run(self) -> None:
        Window.bind(on_flip=self._flipped)
        threading.Thread(target=self._listen, daemon=True).start()
        self.app.run()

    def _live(self) -> None:
        self.alive += 1

    def _listen(self) -> None:
        for line in sys.stdin:
            order = json.loads(line)
            Clock.schedule_once(lambda _, order=order: self._obey(order), 0)
        Clock.schedule_once(lambda _: self.app.stop(), 0)

    def _obey(self, order: dict[str, Any]) -> None:
        act: Callable[..., object] = getattr(self, f"do_{order.pop('do')}")
        self._tell(act(**order))

    def _tell(self, answer: object) -> None:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    # ---- orders

    def do_page(self) -> object:
        page = self.desk.page(self.machine.around(), self.now_ms)
        return {"name": page.name, "title": page.title.key}

    def do_scene(self) -> object:
        scene = self.app.scene
        assert scene is not None
        texts = [" ".join(piece.lines) for _, piece in scene.pieces if isinstance(piece, Letters)]
        targets = [
            {
                "action": t.action,
                "key": t.key,
                "turn": t.turn,
                "rect": [t.rect.x, t.rect.y, t.rect.w, t.rect.h],
            }
            for t in scene.targets
        ]
        return {"texts": texts, "targets": targets}

    def do_written(self) -> object:
        """Every line of letters: its piece, its text, whether it is an icon, the box that it fills."""
        scene = self.app.scene
        assert scene is not None
        lines: list[object] = []
        for name, piece in scene.pieces:
            if not isinstance(piece, Letters):
                continue
            is_icon = piece.face is Face.ICONS
            for number, line in enumerate(piece.lines):
                wide = piece.size if is_icon else self.app.ruler.width(line, piece.face, piece.size)
                x = piece.rect.x + ((piece.rect.w - wide) / 2 if piece.align == "center" else 0)
                box = [x, piece.rect.y + number * piece.step, wide, piece.step]
                if line.strip():
                    lines.append({"name": name, "text": line, "icon": is_icon, "box": box})
        return lines

    def do_tap(self, x: float, y: float, after_ms: int = 600) -> object:
        self.now_ms += after_ms
        touch = UnitTestTouch(x, Window.height - y)
        touch.touch_down()
        touch.touch_up()
        return self.do_page()

    def do_press(self, action: str) -> object:
        """Put a finger on what does something."""
        scene = self.app.scene
        assert scene is not None
        rect = next(target.rect for target in scene.targets if action in (target.action, target.key))
        return self.do_tap(*rect.middle)

    def do_key(self, code: int, after_ms: int = 600) -> object:
        self.now_ms += after_ms
        Window.dispatch("on_key_down", code, 0, "", [])
        Window.dispatch("on_key_up", code, 0)
        return self.do_page()

    def do_type(self, text: str) -> object:
        for letter in text:
            Window.dispatch("on_textinput", letter)
        return self.do_page()

    def do_hub(self, silent: str = "", *, has_pin: bool = False) -> object:
        """Say how the hub answers from here on."""
        self.machine.silent, self.machine.has_pin = silent, has_pin
        return {}

    def do_said(self) -> object:
        return self.voice.said

    def do_close(self, ability: str, why: str) -> object:
        self.machine.closed = {**self.machine.closed, Ability(ability): say(why)}
        return self.do_page()

    def do_open(self) -> object:
        self.machine.closed = {}
        return self.do_page()

    def do_asked(self) -> object:
        return [type(effect).__name__ for effect in self.machine.asked]

    def do_forget(self) -> object:
        """Keep no longer what the machine was asked: only the screen's own memory is looked at."""
        self.machine.asked.clear()
        return None

    def do_alive(self) -> object:
        return self.alive

    def do_pace(self) -> object:
        """How many frames a second there are at most."""
        return Clock._max_fps  # noqa: SLF001  as the screen itself does

    def do_hand(self) -> object:
        return self.desk.hand.text

    def do_anew(self) -> object:
        """How many pieces were drawn anew when the page was drawn again."""
        scene = self.app.scene
        assert scene is not None
        return {"anew": self.app.drawn, "pieces": len(scene.pieces)}

    def do_tap_outside(self, action: str) -> object:
        """Put a finger on something and take it away elsewhere."""
        scene = self.app.scene
        assert scene is not None
        rect = next(target.rect for target in scene.targets if target.action == action)
        self.now_ms += 600
        touch = UnitTestTouch(rect.middle[0], Window.height - rect.middle[1])
        touch.touch_down()
        touch.touch_move(Window.width / 2, Window.height - 150)
        touch.touch_up()
        return self.do_page()

    def do_flips(self) -> object:
        """When the first frame was on the screen, and when the one after the last change."""
        return {"first_s": self.first_s, "changed_s": self.changed_s}

    def do_redraw(self, frames: int) -> object:
        """Draw everything for each of so many frames, as fast as it goes."""
        self.redrawn_s, self.redraw_from_s = 0.0, time.monotonic()
        Clock._max_fps = 0  # noqa: SLF001  as the screen itself does

        def again(_: float) -> bool:
            nonlocal frames
            frames -= 1
            Window.canvas.ask_update()
            if frames <= 0:
                self.redrawn_s = time.monotonic() - self.redraw_from_s
            return frames > 0

        Clock.schedule_interval(again, 0)
        return None

    def do_floor(self, surfaces: int) -> object:
        """Show nothing but so many surfaces of the screen's size, as Kivy draws them by itself."""
        Window.canvas.clear()
        for number in range(surfaces):
            Window.canvas.add(Color(number / 9, 0.5, 0.5, 1))
            Window.canvas.add(Rectangle(pos=(0, 0), size=Window.size))
        return None

    def do_standing(self) -> object:
        """How many pieces the page has, and how many stand on the window."""
        scene = self.app.scene
        assert scene is not None
        return [len(scene.pieces), _groups(Window.canvas)]

    def do_redrawn(self) -> object:
        return self.redrawn_s

    def _flipped(self, _: object) -> None:
        now_s = time.monotonic()
        if self.app.scene is not None:
            self.first_s = self.first_s or now_s
            if self.app.scene is not self._shown:
                self._shown, self.changed_s = self.app.scene, now_s

    def do_wait(self, ms: int) -> object:
        self.now_ms += ms
        self.app._tick()  # noqa: SLF001  time passes at once
        return self.do_page()

    def do_shot(self, path: str) -> object:
        Window.dispatch("on_draw")
        return Window.screenshot(name=path)


def _groups(canvas: InstructionGroup) -> int:
    """Count the groups that are nothing but groups: each is a piece of a page."""
    return sum(
        1 if type(each) is InstructionGroup else _groups(each)
        for each in canvas.children
        if isinstance(each, InstructionGroup)
    )


if __name__ == "__main__":
    Child().run()
