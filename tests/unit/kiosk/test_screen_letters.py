"""Texts in lines: nothing is lost, nothing is wider than its place, and only the last resort cuts."""

from hypothesis import given
from hypothesis import strategies as st

from kiosk_app.ui.letters import Room, fit, wrap
from kiosk_app.ui.scene import ELLIPSIS, Face


class Typewriter:
    """Each letter is half as wide as it is high."""

    def width(self, text: str, face: Face, size: float) -> float:
        return len(text) * size / 2


RULER = Typewriter()
WORDS = st.text(alphabet="abc ñ\n", max_size=120)


@given(text=WORDS, width=st.integers(10, 200))
def test_wrapped_text_keeps_every_letter_and_fits(text: str, width: int) -> None:
    lines = wrap(RULER, text, Face.TEXT, 10, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(RULER.width(line, Face.TEXT, 10) <= width for line in lines)


def test_fitted_text_takes_the_largest_size_that_holds_it() -> None:
    fitted = fit(RULER, "uno dos tres", Face.TEXT, (40, 30, 20), Room(190, 30, 1.2))
    assert (fitted.size, fitted.lines, fitted.cut) == (20, ("uno dos tres",), False)


def test_fitted_text_does_not_break_a_word_that_a_smaller_size_holds() -> None:
    fitted = fit(RULER, "contraste", Face.TEXT, (40, 30), Room(150, 200, 1.2))
    assert fitted.lines == ("contraste",)
    assert fitted.size == 30


@given(text=WORDS.filter(str.strip), width=st.integers(20, 200), height=st.integers(12, 90))
def test_fitted_text_never_leaves_its_room(text: str, width: int, height: int) -> None:
    fitted = fit(RULER, text, Face.TEXT, (20, 10), Room(width, height, 1.2))
    assert all(RULER.width(line, Face.TEXT, fitted.size) <= width for line in fitted.lines)
    assert len(fitted.lines) * fitted.size * 1.2 <= height + 1 or len(fitted.lines) == 1
    whole = "".join("".join(fitted.lines).split()) == "".join(text.split())
    assert fitted.cut is not whole
    assert fitted.cut is (ELLIPSIS in fitted.lines[-1])
