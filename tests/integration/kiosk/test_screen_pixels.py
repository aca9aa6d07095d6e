"""What is written on the real screen can be read: measured from its pixels, on every page of the pictures.

The screen's own linter (`test_screen_fits`) measures colours that a scene names. Here the frame that was
drawn is measured: a text that lies below something, is not drawn at all, or has another colour or ground than
was meant has too little contrast in it.
"""

from pathlib import Path

import pytest
from PIL import Image

from kiosk_app.ui.contrast import SIGN_MIN, TEXT_MIN, Colour, contrast
from tests.support.screen import ScreenProcess
from tests.support.screen_pictures import LYING, UPRIGHT, comforts, lying, upright

STORIES = {
    "upright": (UPRIGHT, upright),
    "contrast, large, reach": (UPRIGHT, comforts),
    "lying": (LYING[0], lying),
}
LINES_MIN = 60


@pytest.mark.timeout(600)
@pytest.mark.parametrize("story", STORIES)
def test_every_text_is_read_on_its_ground_in_the_pixels_of_the_screen(story: str, tmp_path: Path) -> None:
    size, tell = STORIES[story]
    screen = ScreenProcess(tmp_path, size)
    pale: list[str] = []
    count = 0

    def shoot(what: str) -> None:
        nonlocal count
        with Image.open(screen.shot(tmp_path / f"{what}.png")) as picture:
            frame = picture.convert("RGB")
        for line in screen.ask("written"):
            x, y, wide, tall = line["box"]
            ratio = read_contrast(frame.crop((int(x), int(y), int(x + wide), int(y + tall))))
            count += 1
            if ratio < (SIGN_MIN if line["icon"] else TEXT_MIN):
                pale.append(f"{what}: {line['name']} {line['text']!r} has {ratio:.2f}")

    tell(screen, shoot)
    assert screen.close() == 0
    assert not pale, "\n".join(pale)
    assert count > LINES_MIN


def read_contrast(box: Image.Image) -> float:
    """Contrast of what is most different from the ground, the commonest colour, and is no single dot."""
    found = box.getcolors(box.width * box.height) or []
    colours = sorted(((count, rgb) for count, rgb in found if isinstance(rgb, tuple)), reverse=True)
    ground = _colour(colours[0][1])
    few = max(3, box.width * box.height // 500)
    return max((contrast(_colour(rgb), ground) for count, rgb in colours if count >= few), default=1.0)


def _colour(rgb: tuple[int, ...]) -> Colour:
    return Colour(rgb[0] / 255, rgb[1] / 255, rgb[2] / 255)


def test_pale_text_and_no_text_at_all_are_noticed() -> None:
    box = Image.new("RGB", (100, 40), "#FAF7F2")
    assert read_contrast(box) == 1.0
    box.paste(Image.new("RGB", (60, 6), "#9AA5AC"), (10, 10))
    assert read_contrast(box) < TEXT_MIN
    box.paste(Image.new("RGB", (60, 6), "#14212B"), (10, 20))
    assert read_contrast(box) > TEXT_MIN
