"""In which layer each piece of a scene is drawn: surfaces first, then what lies on them, and so on upward.

Surfaces are drawn in another way than letters and pictures (`surfaces`), and each change of the way takes
time. What does not lie over another may as well be drawn before it; so all surfaces of a page are in the
first layer, except those that lie over letters or a picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kiosk_app.ui.scene import Piece, Plate, Rect, Wedge


@dataclass(slots=True)
class Layer:
    """Names of pieces, each list from back to front.

    Attributes:
        surfaces: what is drawn first.
        others: what lies on them.
    """

    surfaces: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def is_surface(piece: Piece) -> bool:
    """Tell whether it is drawn among the surfaces."""
    return isinstance(piece, Plate | Wedge)


def layers_of(pieces: Sequence[tuple[str, Piece]]) -> Sequence[Layer]:
    """Return the layers: what overlaps is in the order of the pieces, wherever it is."""
    layers = [Layer()]
    others: list[tuple[Rect, int]] = []
    raised: list[tuple[Rect, int]] = []
    for name, piece in pieces:
        rect = piece.rect
        if is_surface(piece):
            place = max((level + 1 for other, level in others if _touch(rect, other)), default=0)
            place = max([place, *(level for other, level in raised if _touch(rect, other))])
            if place > 0:
                raised.append((rect, place))
        else:
            place = max((level for other, level in others + raised if _touch(rect, other)), default=0)
            others.append((rect, place))
        while len(layers) <= place:
            layers.append(Layer())
        (layers[place].surfaces if is_surface(piece) else layers[place].others).append(name)
    return layers


def _touch(one: Rect, other: Rect) -> bool:
    return (
        one.x < other.x + other.w
        and other.x < one.x + one.w
        and one.y < other.y + other.h
        and other.y < one.y + one.h
    )
