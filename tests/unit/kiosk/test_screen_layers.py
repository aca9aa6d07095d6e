"""Pieces in layers: what lies over something is drawn after it; surfaces share a layer where they can."""

from hypothesis import given
from hypothesis import strategies as st

from kiosk_app.ui.contrast import Colour
from kiosk_app.ui.layers import is_surface, layers_of
from kiosk_app.ui.scene import Face, Letters, Piece, Plate, Rect

INK = Colour(0, 0, 0)
RECTS = st.builds(Rect, *(st.integers(0, 40) for _ in range(2)), *(st.integers(1, 20) for _ in range(2)))


def plate(rect: Rect) -> Plate:
    return Plate(rect=rect, fill=INK)


def letters(rect: Rect) -> Letters:
    return Letters(rect=rect, lines=("a",), face=Face.TEXT, size=10, colour=INK, step=12)


def drawn(pieces: list[tuple[str, Piece]]) -> list[str]:
    return [name for layer in layers_of(pieces) for name in (*layer.surfaces, *layer.others)]


@given(st.lists(st.one_of(RECTS.map(plate), RECTS.map(letters)), max_size=25))
def test_pieces_that_overlap_are_drawn_in_their_order(found: list[Piece]) -> None:
    pieces = [(str(number), piece) for number, piece in enumerate(found)]
    order = drawn(pieces)
    assert sorted(order, key=int) == [name for name, _ in pieces]
    for number, (name, piece) in enumerate(pieces):
        for other, above in pieces[number + 1 :]:
            if piece.rect.meets(above.rect):
                assert order.index(name) < order.index(other)


def test_button_with_its_words_needs_one_layer_and_one_over_letters_another() -> None:
    button, words = plate(Rect(0, 0, 100, 50)), letters(Rect(10, 10, 80, 30))
    beside = plate(Rect(120, 0, 100, 50))
    assert len(layers_of([("a", button), ("b", words), ("c", beside)])) == 1
    over = plate(Rect(20, 20, 10, 10))
    layers = layers_of([("a", button), ("b", words), ("c", over)])
    assert [(layer.surfaces, layer.others) for layer in layers] == [(["a"], ["b"]), (["c"], [])]
    assert is_surface(over)
    assert not is_surface(words)
