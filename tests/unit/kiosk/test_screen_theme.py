"""Colours that can be read, or the reason why not; a town changes four things; what is missing says so."""

from pathlib import Path

import pytest

from kiosk_app.core.session import Comfort
from kiosk_app.ui.assets import find_assets
from kiosk_app.ui.contrast import Colour, contrast
from kiosk_app.ui.theme import Brand, read_brand, read_tokens, theme_of
from shared.model.errors import DeviceError, InputError

BLACK, WHITE = Colour.parse("#000000"), Colour.parse("#FFFFFF")


def brand(folder: Path, text: str) -> Path:
    path = folder / "town.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_contrast_of_black_and_white_is_21() -> None:
    assert contrast(BLACK, WHITE) == pytest.approx(21)
    assert contrast(WHITE, WHITE) == pytest.approx(1)


def test_contrast_of_a_known_pair_is_as_published() -> None:
    assert contrast(Colour.parse("#767676"), WHITE) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("text", ["", "0B4F5C", "#0B4F5", "#0B4F5CC", "teal", "#0B4F5G"])
def test_colour_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="#RRGGBB"):
        Colour.parse(text)


def test_tokens_of_the_product_are_read_and_readable() -> None:
    tokens = read_tokens()
    assert tokens.normal.paper == Colour.parse("#FAF7F2")
    assert contrast(tokens.contrast.ink, tokens.contrast.paper) == pytest.approx(21)


def test_tokens_without_one_of_them_name_it() -> None:
    with pytest.raises(InputError, match="ink"):
        read_tokens('[colour]\npaper = "#FFFFFF"\n')


def test_brand_changes_name_and_two_colours(tmp_path: Path) -> None:
    read = read_brand(brand(tmp_path, 'name = "Villafaro"\nprimary = "#5B1A3A"\naccent = "#FFD166"\n'))
    theme = theme_of(read_tokens(), read, Comfort(), (1080, 1920))
    assert theme.colours.primary == Colour.parse("#5B1A3A")
    assert theme.colours.accent == Colour.parse("#FFD166")
    high = theme_of(read_tokens(), read, Comfort(contrast=True), (1080, 1920))
    assert high.colours.accent == Colour.parse("#FFE14D")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('name = "V"\nprimary = "#F5B335"\n', "on_primary on primary has a contrast of"),
        ('name = "V"\naccent = "#0B4F5C"\n', "on_accent on accent has a contrast of"),
        ('name = "V"\nink = "#000000"\n', "ink"),
        ('name = ""\n', "needs a name"),
        (f'name = "{"V" * 61}"\n', "at most 60"),
        ('name = "V"\nmark = "coat.svg"\n', "no PNG file"),
        ('name = "V"\nmark = "absent.png"\n', "no PNG file"),
        ("name = ", "Write it as TOML"),
    ],
)
def test_brand_that_is_not_right_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "coat.svg").touch()
    with pytest.raises(InputError, match=reason):
        read_brand(brand(tmp_path, text))


def test_brand_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_brand(tmp_path / "town.toml")


@pytest.mark.parametrize(
    ("size", "unit"), [((1080, 1920), 1.0), ((1920, 1080), 1.0), ((1280, 800), 2 / 3), ((540, 960), 0.5)]
)
def test_theme_of_another_screen_is_a_multiple(size: tuple[int, int], unit: float) -> None:
    theme = theme_of(read_tokens(), Brand(name="V"), Comfort(), size)
    assert theme.unit == pytest.approx(unit)
    assert theme.body == pytest.approx(36 * unit)


def test_large_text_is_a_third_larger() -> None:
    tokens, brand_ = read_tokens(), Brand(name="V")
    sizes = [theme_of(tokens, brand_, Comfort(large=large), (1080, 1920)) for large in (False, True)]
    assert sizes[1].least / sizes[0].least == pytest.approx(1.35)
    assert sizes[1].gap == sizes[0].gap


def test_assets_that_are_missing_are_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="make look") as caught:
        find_assets(tmp_path)
    assert "AtkinsonHyperlegibleNext_400Regular.ttf" in str(caught.value)


def test_assets_whose_list_of_icons_is_of_another_form_are_refused(tmp_path: Path) -> None:
    for name in ("AtkinsonHyperlegibleNext_400Regular.ttf", "AtkinsonHyperlegibleNext_600SemiBold.ttf"):
        (tmp_path / name).touch()
    (tmp_path / "tabler-icons.ttf").touch()
    (tmp_path / "tabler-icons.css").write_text(".camera { color: red }")
    with pytest.raises(DeviceError, match="names no icons"):
        find_assets(tmp_path)


def test_icon_that_the_set_does_not_have_has_a_stand_in(tmp_path: Path) -> None:
    for name in ("AtkinsonHyperlegibleNext_400Regular.ttf", "AtkinsonHyperlegibleNext_600SemiBold.ttf"):
        (tmp_path / name).touch()
    (tmp_path / "tabler-icons.ttf").touch()
    (tmp_path / "tabler-icons.css").write_text('.ti-help:before {\n  content: "\\e900";\n}')
    assets = find_assets(tmp_path)
    assert assets.letter("no-such-icon") == assets.letter("help") == "\ue900"
