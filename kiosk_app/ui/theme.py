"""The look's tokens, as a screen of some size, a town and a citizen's comforts want them.

Colours, sizes and times stand in `shared/look.toml`, for every face; a town changes name, mark and two
colours in a file of its own (`read_brand`). What cannot be read on its ground is refused when it is read.

Source: LOOK; WCAG 2.1, 1.4.3 and 1.4.11.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from kiosk_app.core.session import Comfort
from kiosk_app.ui.contrast import SIGN_MIN, TEXT_MIN, Colour, contrast
from shared.model.errors import InputError

PORTRAIT: Final = (1080, 1920)
"""The screen for which the tokens' pixels are meant; another one is a multiple of it, upright or lying."""
TARGET_PX: Final = 80
"""Nothing that can be pressed is smaller, on any screen."""
NAME_LENGTH_MAX: Final = 60
"""Characters of a town's name in the head of every page."""
_READ_ON: Final = (
    ("ink", "paper"),
    ("ink", "card"),
    ("ink", "mist"),
    ("ink", "mist_deep"),
    ("quiet", "paper"),
    ("quiet", "card"),
    ("quiet", "mist"),
    ("on_primary", "primary"),
    ("primary", "card"),
    ("primary", "paper"),
    ("primary", "mist"),
    ("on_accent", "accent"),
    ("good", "on_good"),
    ("bad", "on_bad"),
    ("care", "on_care"),
    ("care", "mist"),
    ("focus", "paper"),
)
"""Which colour is read on which ground."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Every colour, by what it is for; see `shared/look.toml`."""

    paper: Colour
    ink: Colour
    quiet: Colour
    card: Colour
    line: Colour
    mist: Colour
    mist_deep: Colour
    primary: Colour
    on_primary: Colour
    accent: Colour
    on_accent: Colour
    focus: Colour
    good: Colour
    on_good: Colour
    bad: Colour
    on_bad: Colour
    care: Colour
    on_care: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """What a town changes.

    Attributes:
        name: as it stands in the head of every page.
        mark: its coat of arms or sign, a PNG file; None for the house of this product.
        primary: the colour of headers; None for the product's.
        accent: the colour of the next thing to do; None for the product's.
    """

    name: str
    mark: Path | None = None
    primary: Colour | None = None
    accent: Colour | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The file, read.

    Attributes:
        normal: colours.
        contrast: colours of high contrast.
        type: sizes of letters.
        space: measures.
        map: colours of the map, by what lies there.
        map_contrast: the same in high contrast.
        move_ms: that a page takes to come.
    """

    normal: Palette
    contrast: Palette
    type: Mapping[str, float]
    space: Mapping[str, int]
    map: Mapping[str, Colour]
    map_contrast: Mapping[str, Colour]
    move_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Tokens for one screen and one citizen; every measure in its pixels.

    Attributes:
        colours: normal or of high contrast.
        is_contrast: high contrast: what is pressed has a line around it, and no shadow.
        unit: how large a pixel of the tokens is here.
        title: the question.
        label: what can be pressed.
        body: what is read.
        least: nothing is smaller.
        code: the reference of a receipt.
        line_height: of a line, by the size of its letters.
        grid: everything stands on multiples of it.
        gap: between things that can be pressed.
        margin: at the edge of the screen.
        target: the least height of what can be pressed.
        corner: the radius of corners.
    """

    colours: Palette
    is_contrast: bool
    unit: float
    title: float
    label: float
    body: float
    least: float
    code: float
    line_height: float
    grid: float
    gap: float
    margin: float
    target: float
    corner: float

    def px(self, tokens: float) -> float:
        """Return a measure of the tokens in pixels of this screen."""
        return tokens * self.unit


def read_tokens(text: str | None = None) -> Tokens:
    """Read the look's tokens.

    Args:
        text: of a token file; the product's own where none is given.

    Raises:
        InputError: a token is missing, is no colour, or cannot be read on its ground.
    """
    data = tomllib.loads(text or files("shared").joinpath("look.toml").read_text(encoding="utf-8"))
    try:
        tokens = Tokens(
            normal=_palette(data["colour"]),
            contrast=_palette(data["contrast"]),
            type=data["type"],
            space=data["space"],
            map=_colours(data["map"]),
            map_contrast=_colours(data["map_contrast"]),
            move_ms=data["motion"]["move_ms"],
        )
    except KeyError as error:
        raise InputError(f"The look has no token {error}. Put it into the token file.") from error
    for palette in (tokens.normal, tokens.contrast):
        check_palette(palette)
    return tokens


def read_brand(path: Path) -> Brand:
    """Read what a town changes: `name`, `mark`, `primary`, `accent` of a TOML file.

    Raises:
        InputError: the file cannot be read, a name is missing or too long, or a colour cannot be read on its
            ground; the reason is in it.
    """
    try:
        data: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}. Write it as TOML.") from error
    if unknown := data.keys() - {"name", "mark", "primary", "accent"}:
        raise InputError(
            f"{path} has {', '.join(sorted(unknown))}. A town changes name, mark, primary, accent."
        )
    name = data.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= NAME_LENGTH_MAX:
        raise InputError(f"{path} needs a name of at most {NAME_LENGTH_MAX} characters. Write it there.")
    mark = path.parent / str(data["mark"]) if "mark" in data else None
    if mark is not None and (mark.suffix != ".png" or not mark.is_file()):
        raise InputError(f"The mark {mark} is no PNG file. Put it beside {path.name}.")
    colours = {each: Colour.parse(str(data[each])) for each in ("primary", "accent") if each in data}
    brand = Brand(name=name, mark=mark, **colours)
    check_palette(branded(read_tokens().normal, brand))
    return brand


def brand_with(brand: Brand, said: Mapping[str, str]) -> Brand:
    """Return a brand with what the town hall says of it (`kiosk.brand`) in place of its own.

    Raises:
        InputError: a colour cannot be read on its ground; says which and how far it is.
    """
    colours = {part: Colour.parse(said[part]) for part in ("primary", "accent") if part in said}
    found = replace(brand, name=said.get("name", brand.name), **colours)
    check_palette(branded(read_tokens().normal, found))
    return found


def branded(palette: Palette, brand: Brand) -> Palette:
    """Return a palette with the two colours of a town."""
    return replace(palette, primary=brand.primary or palette.primary, accent=brand.accent or palette.accent)


def check_palette(palette: Palette) -> None:
    """See that everything can be read on its ground.

    Raises:
        InputError: something cannot; says what, and how far it is.
    """
    for name, ground in _READ_ON:
        ratio = contrast(getattr(palette, name), getattr(palette, ground))
        least = SIGN_MIN if name == "focus" else TEXT_MIN
        if ratio < least:
            raise InputError(
                f"{name} on {ground} has a contrast of {ratio:.1f}, and {least} is the least. "
                "Choose a darker or a lighter colour."
            )


def theme_of(tokens: Tokens, brand: Brand, comfort: Comfort, size: tuple[int, int]) -> Theme:
    """Return the theme of a screen.

    Args:
        tokens: as they were read.
        brand: the town's.
        comfort: the citizen's.
        size: of the screen, pixels.
    """
    width, height = size
    across, along = PORTRAIT if height >= width else PORTRAIT[::-1]
    unit = min(width / across, height / along)
    factor = tokens.type["large_factor"] if comfort.large else 1.0
    sizes = {name: tokens.type[name] * unit * factor for name in ("title", "label", "body", "least", "code")}
    measures = {name: tokens.space[name] * unit for name in ("grid", "gap", "margin", "target", "corner")}
    return Theme(
        colours=tokens.contrast if comfort.contrast else branded(tokens.normal, brand),
        is_contrast=comfort.contrast,
        unit=unit,
        line_height=tokens.type["line_height"],
        **sizes,
        **measures,
    )


def _colours(data: Mapping[str, str]) -> Mapping[str, Colour]:
    return {name: Colour.parse(text) for name, text in data.items()}


def _palette(data: Mapping[str, str]) -> Palette:
    return Palette(**{each.name: Colour.parse(data[each.name]) for each in fields(Palette)})
