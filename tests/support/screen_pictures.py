"""Takes the pictures of `docs/KIOSK.md` from the real screen: `make screenshots`.

They are scaled to half and kept with few colours, so that they are small enough for the repository.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from PIL import Image

from tests.support.kiosk_machine import REFERENCE
from tests.support.screen import ROOT, ScreenProcess

FOLDER: Final = ROOT / "docs" / "images"
COLOURS: Final = 256
BYTES_MAX: Final = 150_000
UPRIGHT: Final = (1080, 1920)
LYING: Final = ((1280, 800), (1920, 1080))
WORDS: Final = "La losa baila y de noche no se ve el agujero. "
Shoot = Callable[[str], None]


def upright(screen: ScreenProcess, shoot: Shoot) -> None:
    """A report from beginning to end, and what else there is."""
    shoot("attract")
    screen.press("start")
    shoot("language")
    screen.press("es")
    shoot("home")
    screen.press("report")
    shoot("category")
    screen.press("c1")
    shoot("place")
    screen.press("map")
    x, y = screen.place("at:")
    screen.ask("tap", x=x + 180, y=y - 120)
    shoot("map")
    screen.press("back", "street")
    screen.ask("type", text="ma")
    shoot("street")
    screen.press("found:0")
    shoot("nearby")
    screen.press("next", "s", "p")
    shoot("several")
    screen.press("next", "next")
    screen.ask("type", text=WORDS)
    shoot("words")
    screen.press("next", "photo", "photo")
    shoot("photos")
    screen.press("next", "phone")
    screen.ask("type", text="600")
    screen.press("next")
    shoot("error")
    screen.ask("type", text="123456")
    screen.press("next")
    screen.key("down", "down")
    shoot("review")
    screen.press("send", "print")
    shoot("receipt")
    screen.ask("wait", ms=70_000)
    shoot("idle")
    screen.press("stay", "another", "follow")
    screen.ask("type", text=REFERENCE)
    shoot("code")
    screen.press("next")
    shoot("answer")


def comforts(screen: ScreenProcess, shoot: Shoot) -> None:
    """The same pages as a citizen may want them."""
    screen.ask("close", ability="network", why="Ahora no hay red. Puede avisar igual.")
    screen.press("start", "es")
    shoot("closed")
    screen.press("comfort.contrast")
    shoot("contrast")
    screen.ask("open")
    screen.press("comfort.contrast", "comfort.large")
    shoot("large-home")
    screen.press("report", "c0", "map", "comfort.large", "comfort.contrast")
    shoot("contrast-map")
    screen.press("comfort.contrast", "comfort.large", "back")
    shoot("large")
    screen.press("comfort.large", "comfort.reach")
    shoot("reach")
    screen.press("street")
    screen.ask("type", text="ma")
    shoot("reach-street")


def lying(screen: ScreenProcess, shoot: Shoot) -> None:
    """A screen that is wider than high."""
    shoot("attract")
    screen.press("start", "en")
    shoot("home")
    screen.press("report", "c0", "street")
    screen.ask("type", text="ma")
    shoot("street")
    screen.press("back", "map")
    shoot("map")
    screen.press("next", "next", "next", "next", "nobody")
    shoot("review")
    screen.press("send")
    shoot("receipt")


def cards(screen: ScreenProcess, shoot: Shoot) -> None:
    """A citizen's card, at a kiosk that has a reader."""
    screen.press("start", "es", "mycard")
    screen.ask("hub", silent="card")
    screen.press("next")
    shoot("card-hold")
    screen.press("back")
    screen.ask("hub")
    screen.press("next")
    shoot("card")
    screen.press("home")
    screen.ask("hub", has_pin=True)
    screen.press("mycard", "next", "trips")
    screen.ask("type", text="826")
    shoot("card-pin")


def stories(wanted: str) -> Iterator[tuple[str, tuple[int, int], Callable[[ScreenProcess, Shoot], None]]]:
    """Every story: how its pictures begin, the screen, and what is done."""
    every = [("", UPRIGHT, upright), ("", UPRIGHT, comforts), ("", UPRIGHT, cards)]
    every += [(f"{size[0]}-", size, lying) for size in LYING]
    yield from (each for each in every if wanted in {"", each[2].__name__})


def keep(picture: Path, path: Path) -> None:
    """Keep a picture at half its size."""
    with Image.open(picture) as whole:
        half = whole.convert("RGB").resize((whole.width // 2, whole.height // 2), Image.Resampling.LANCZOS)
        half.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < BYTES_MAX, path


def main(wanted: str = "", folder: Path = FOLDER) -> None:
    """Take them all, or those of one story."""
    for prefix, size, story in stories(wanted):
        with tempfile.TemporaryDirectory() as name:
            home = Path(name)
            screen = ScreenProcess(home, size, arguments=("cards",) if story is cards else ())

            def shoot(
                what: str, screen: ScreenProcess = screen, home: Path = home, prefix: str = prefix
            ) -> None:
                keep(screen.shot(home / f"{what}.png"), folder / f"kiosk-{prefix}{what}.png")

            story(screen, shoot)
            screen.close()


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else "")
