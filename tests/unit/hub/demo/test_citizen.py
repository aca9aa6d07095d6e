"""A citizen of the demonstration presses only what stands on the page, and types once."""

from collections.abc import Mapping

from hub.demo.citizen import WORDS_LENGTH_MAX, Citizen


def page(name: str, *choices: str) -> Mapping[str, object]:
    return {"page": name, "choices": list(choices)}


def test_citizen_presses_only_what_is_open() -> None:
    citizen = Citizen("aceras", "Baldosa")
    assert citizen.next(page("home", "agenda")) is None
    assert citizen.next(page("home", "agenda", "report")) == {"touch": "report"}
    assert citizen.next(page("report.category", "farolas", "more")) == {"touch": "more"}
    assert citizen.next(page("report.category", "aceras", "more")) == {"touch": "aceras"}


def test_citizen_waits_while_the_page_goes_on_by_itself() -> None:
    citizen = Citizen("aceras", "Baldosa")
    assert citizen.next(page("sending")) is None
    assert citizen.next(page("report.nearby", "next")) is None
    assert citizen.next(page("report.nearby", "01a2", "next")) == {"touch": "next"}


def test_citizen_types_once_and_again_on_a_screen_that_begins_anew() -> None:
    citizen = Citizen("aceras", "x" * 2 * WORDS_LENGTH_MAX)
    typed = {"type": "words", "text": "x" * WORDS_LENGTH_MAX}
    words = page("report.words", "next")
    assert [citizen.next(words), citizen.next(words)] == [typed, {"touch": "next"}]
    citizen.next(page("attract", "start"))
    assert citizen.next(words) == typed
