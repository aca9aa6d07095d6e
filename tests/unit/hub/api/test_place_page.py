"""The page of a place: whole without a script, in three languages, readable, and nothing foreign in it."""

import re
import tomllib
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api.phones import language_of
from hub.api.place_files import SCRIPT, style
from hub.api.place_page import Shown, no_place_page, place_page, when_said
from hub.domain.beacons.places import Place
from shared.model.beacon_notices import BeaconNotice, Interest
from shared.model.instants import from_rfc3339
from shared.model.wording import Language
from tests.support.beacon_town import MUSIC, place

NOW_MS = from_rfc3339("2026-11-21T11:00:00Z")  # noon in town
BOLD = "<b>&\"'"


class Reader(HTMLParser):
    """Collects a page's elements, and sees that each is closed."""

    VOID = frozenset({"meta", "link", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of a name."""
        return [attributes for name, attributes in self.found if name == tag]


def notice(name: str = "a", **more: object) -> BeaconNotice:
    plain: dict[str, object] = {
        "id": name,
        "version": 1,
        "title": {"es": f"Aviso {name}", "en": f"Notice {name}"},
        "text": {"es": "Texto"},
        "interests": [],
        "places": [],
        "from": "2026-11-20T00:00:00Z",
        "until": "2026-11-21T19:00:00Z",
        "urgency": "normal",
    }
    return BeaconNotice.from_data(plain | more)


def shown(*notices: BeaconNotice, language: Language = Language.ES, **more: object) -> Reader:
    at = Place.from_data(place() | more)
    interests = [Interest.from_data(MUSIC)]
    page = Shown(
        town="Ciudad", place=at, notices=notices, interests=interests, language=language, now_ms=NOW_MS
    )
    return Reader(place_page(page))


def test_page_says_what_is_said_now_the_urgent_first() -> None:
    page = shown(
        notice("a"),
        notice("b", urgency="urgent", until="2026-11-25T00:00:00Z"),
        notice("c", hours={"from": "18:00", "until": "20:00"}),
        notice("d", **{"from": "2026-11-21T12:00:00Z"}),
    )
    assert re.findall(r"Aviso \w", page.said) == ["Aviso b", "Aviso a"]
    assert "Urgente" in page.said
    assert "Hasta el sábado 21 de noviembre, 20:00" in page.said


def test_page_without_notices_says_what_will_appear() -> None:
    assert "Cuando los haya, los verá en esta página" in shown().said


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (Language.ES, ("Ahora, aquí", "¿Qué le interesa?", "Hasta el sábado 21 de noviembre, 20:00")),
        (Language.CA, ("Ara, ací", "Què vos interessa?", "Fins al dissabte 21 de novembre, 20:00")),
        (Language.EN, ("Here and now", "What do you care about?", "Until Saturday 21 November, 20:00")),
    ],
)
def test_page_speaks_its_language_and_marks_what_is_spanish(
    language: Language, words: tuple[str, ...]
) -> None:
    page = shown(notice(), language=language)
    for said in words:
        assert said in page.said
    assert page.all("html")[0]["lang"] == language.value
    marked = [attributes for attributes in page.all("span") if attributes.get("lang") == "es"]
    assert bool(marked) is (language is not Language.ES)
    (current,) = [link for link in page.all("a") if "aria-current" in link]
    assert current["lang"] == language.value


def test_whatever_a_clerk_wrote_is_text_and_no_markup() -> None:
    page = shown(
        notice(title={"es": BOLD}, text={"es": BOLD}, link="https://ciudad.example/?a=1&b='2'"),
        name={"es": BOLD},
    )
    assert page.said.count(BOLD) >= 4
    assert page.all("b") == []
    assert [link["href"] for link in page.all("a")][-1] == "https://ciudad.example/?a=1&b='2'"


def test_page_loads_nothing_but_the_hubs_own_script_and_style_and_has_no_inline_ones() -> None:
    page = shown(notice(picture={"url": "https://elsewhere.example/x.jpg", "sha256": "ab" * 32}))
    assert [script["src"] for script in page.all("script")] == ["/b/place.js"]
    assert [link["href"] for link in page.all("link")] == ["data:,", "/b/place.css"]
    for tag in ("img", "iframe", "style", "object", "video", "source"):
        assert page.all(tag) == []
    assert not any(name.startswith("on") or name == "style" for _, found in page.found for name in found)
    for word in ("fetch", "XMLHttp", "sendBeacon", "cookie", "WebSocket", "import", "location", "src"):
        assert word not in SCRIPT
    assert "url(" not in style()
    assert "@import" not in style()


@pytest.mark.parametrize("language", Language)
def test_page_can_be_walked_without_seeing_it(language: Language) -> None:
    for page in (shown(notice(), language=language), Reader(no_place_page("Ciudad", language, is_gone=True))):
        for landmark in ("main", "header", "nav", "title", "h1"):
            assert len(page.all(landmark)) == 1
        ids = [found["id"] for _, found in page.found if "id" in found]
        assert len(ids) == len(set(ids))
        skip = page.all("a")[0]
        assert (skip["class"], skip["href"]) == ("skip", "#notices")
        assert "notices" in ids
    headings = [tag for tag, _ in shown(notice()).found if tag in {"h1", "h2", "h3"}]
    assert headings == ["h1", "h2"]
    assert len(page.all("input")) == len(page.all("label"))


def luminance(colour: str) -> float:
    """Of an sRGB colour, WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("table", ["colour", "contrast"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("ink", "paper"),
        ("quiet", "paper"),
        ("ink", "card"),
        ("quiet", "card"),
        ("primary", "card"),
        ("primary", "paper"),
        ("on_primary", "primary"),
        ("care", "on_care"),
    ],
)
def test_colours_of_the_page_pass_contrast(table: str, text: str, ground: str) -> None:
    look = tomllib.loads(files("shared").joinpath("look.toml").read_text(encoding="utf-8"))[table]
    light, dark = sorted((luminance(look[text]), luminance(look[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
    assert f"--{text}:{look[text]}" in style()


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "es"),
        ("ca", "ca"),
        ("ca-valencia,es;q=0.8", "ca"),
        ("de-DE,de;q=0.9,en;q=0.8,es;q=0.7", "en"),
        ("es;q=0.2,en;q=0.9", "en"),
        ("en;q=0", "es"),
        ("en;q=x", "es"),
        ("fr", "es"),
        ("*", "es"),
        ("EN-gb", "en"),
    ],
)
def test_language_is_what_the_browser_asks_for_first(accepted: str, language: str) -> None:
    assert language_of(accepted) == language


@given(st.text(max_size=300))
def test_whatever_a_browser_asks_for_there_is_a_language(accepted: str) -> None:
    assert language_of(accepted) in set(Language)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (Language.ES, "miércoles 1 de abril, 9:05"),
        (Language.CA, "dimecres 1 d’abril, 9:05"),
        (Language.EN, "Wednesday 1 April, 9:05"),
    ],
)
def test_instant_is_said_as_people_say_it(language: Language, said: str) -> None:
    assert when_said(from_rfc3339("2026-04-01T07:05:00Z"), language) == said
