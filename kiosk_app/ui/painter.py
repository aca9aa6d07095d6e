"""Draws scenes: what did not change since the last one stays as it is on the graphics card.

Every piece is a group of instructions of its own. No widget stands behind it: nothing is bound, and nothing
of a page outlives it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from kivy.graphics import (
    Canvas,
    ClearBuffers,
    ClearColor,
    Color,
    InstructionGroup,
    Line,
    PopMatrix,
    PushMatrix,
    Rectangle,
    RenderContext,
    Translate,
)

from kiosk_app.ui.contrast import Colour
from kiosk_app.ui.ground import GroundArt
from kiosk_app.ui.ink import Ink
from kiosk_app.ui.layers import layers_of
from kiosk_app.ui.pictures import Pictures
from kiosk_app.ui.scene import Ground, Letters, Picture, Piece, Plate, Rect, Ring, Scene, Squares, Wedge
from kiosk_app.ui.surfaces import Box, add_border, add_shape, add_surface, surface_layer

SLIDE_PX: Final = 28
"""How far a page moves when it comes."""


class Painter:
    """Draws on a canvas.

    Args:
        canvas: of the window.
        size: of the window, pixels.
        ink: makes letters.
        pictures: gives photographs and codes.
        ground: draws the town's map into a place; None where there is no map.
    """

    def __init__(
        self,
        canvas: Canvas,
        size: tuple[int, int],
        ink: Ink,
        pictures: Pictures,
        ground: GroundArt | None,
    ) -> None:
        self._height = float(size[1])
        self._width = float(size[0])
        self._ink = ink
        self._pictures = pictures
        self._ground = ground
        self._drawn: dict[str, tuple[Piece, InstructionGroup]] = {}
        self._order: list[str] = []
        self._behind = Canvas()
        self._moving = Canvas()
        self._veil = surface_layer()
        self._still = Canvas()
        self._above = surface_layer()
        self._shift = Translate(0, 0)
        for each in (self._behind, self._moving, self._veil, self._still, self._above):
            canvas.add(each)
        self._spare: list[RenderContext] = []
        self._scene: Scene | None = None

    def draw(self, scene: Scene) -> int:
        """Draw a scene; return how many pieces of it had to be drawn anew."""
        before, drawn = self._drawn, {}
        anew = 0
        for name, piece in scene.pieces:
            old = before.get(name)
            if old is not None and old[0] == piece:
                drawn[name] = old
                continue
            group = InstructionGroup()
            self._draw(group, piece)
            drawn[name] = piece, group
            anew += 1
        self._drawn = drawn
        order = [name for name, _ in scene.pieces]
        if self._scene is None or scene.ground != self._scene.ground:
            self._behind.clear()
            self._behind.add(ClearColor(scene.ground.red, scene.ground.green, scene.ground.blue, 1))
            self._behind.add(ClearBuffers())
        if anew or order != self._order:
            self._arrange(scene)
        self._order, self._scene = order, scene
        return anew

    def slide(self, share: float) -> None:
        """Show how far a page has come: 0 when it begins, 1 when it is there."""
        self._shift.y = -SLIDE_PX * (1 - share)
        self._veil.clear()
        if share < 1 and self._scene is not None:
            whole = (0.0, 0.0, self._width, self._height)
            add_surface(self._veil, whole, 0, self._scene.ground, 1 - share)

    def press(self, rect: Rect | None, radius: float = 0) -> None:
        """Show that something is pressed just now."""
        self._above.clear()
        if rect is not None:
            add_surface(self._above, self._box(rect), radius, Colour(0, 0, 0), 0.16)

    def forget(self) -> None:
        """Forget everything that was drawn."""
        for canvas in (self._moving, self._veil, self._still, self._above, *self._spare):
            canvas.clear()
        self._drawn, self._order, self._scene = {}, [], None

    def _arrange(self, scene: Scene) -> None:
        # All of them before any is filled: Kivy lets go of a group only where it was put in last.
        for canvas in (self._moving, self._still, *self._spare):
            canvas.clear()
        self._moving.add(PushMatrix())
        self._moving.add(self._shift)
        spare = iter(self._spare)
        self._fill(self._moving, [each for each in scene.pieces if each[0] not in scene.still], spare)
        self._moving.add(PopMatrix())
        self._fill(self._still, [each for each in scene.pieces if each[0] in scene.still], spare)

    def _fill(
        self, canvas: Canvas, pieces: Sequence[tuple[str, Piece]], spare: Iterator[RenderContext]
    ) -> None:
        for layer in layers_of(pieces):
            surfaces = next(spare, None)
            if surfaces is None:
                surfaces = surface_layer()
                self._spare.append(surfaces)
            for name in layer.surfaces:
                surfaces.add(self._drawn[name][1])
            canvas.add(surfaces)
            for name in layer.others:
                canvas.add(self._drawn[name][1])

    def _draw(self, group: InstructionGroup, piece: Piece) -> None:
        match piece:
            case Plate():
                self._plate(group, piece)
            case Ring(rect=rect):
                group.add(_colour(piece.colour))
                x, y = self._pos(rect)
                outline = (x, y, rect.w, rect.h, max(piece.radius, 0.1))
                group.add(Line(rounded_rectangle=outline, width=piece.width / 2))
            case Letters():
                self._letters(group, piece)
            case Picture():
                self._picture(group, piece)
            case Squares(rect=rect):
                group.add(Color(1, 1, 1, 1))
                texture = self._pictures.code(piece.text)
                group.add(Rectangle(pos=self._pos(rect), size=(rect.w, rect.h), texture=texture))
            case Ground(rect=rect):
                if self._ground is not None:
                    x, y = self._pos(rect)
                    self._ground.draw(group, piece, Rect(x, y, rect.w, rect.h))
            case Wedge():
                add_shape(group, [(x, self._height - y) for x, y in piece.points], piece.fill)

    def _plate(self, group: InstructionGroup, piece: Plate) -> None:
        box, radius = self._box(piece.rect), piece.radius
        if piece.line is not None:
            width = max(1, round(piece.line_px))
            add_border(group, box, radius, width, piece.line, piece.shade)
            box = box[0] + width, box[1] + width, box[2] - 2 * width, box[3] - 2 * width
            radius = max(0.0, radius - width)
        if piece.fill is not None:
            add_surface(group, box, radius, piece.fill, piece.shade)

    def _letters(self, group: InstructionGroup, piece: Letters) -> None:
        group.add(_colour(piece.colour))
        for number, line in enumerate(piece.lines):
            texture = self._ink.texture(line, piece.face, piece.size)
            if texture is None:
                continue
            width, height = texture.size
            free = piece.rect.w - width
            x = piece.rect.x + (free / 2 if piece.align == "center" else 0)
            y = piece.rect.y + number * piece.step + (piece.step - height) / 2
            place = round(x), round(self._height - y - height)
            group.add(Rectangle(pos=place, size=(width, height), texture=texture))

    def _picture(self, group: InstructionGroup, piece: Picture) -> None:
        found = self._pictures.picture(piece.token)
        if found is None:
            return
        rect = piece.rect
        wide, tall = found.size
        share = min(rect.w / wide, rect.h / tall)
        x, y = self._pos(rect)
        pos = x + (rect.w - wide * share) / 2, y + (rect.h - tall * share) / 2
        group.add(Color(1, 1, 1, 1))
        group.add(Rectangle(pos=pos, size=(wide * share, tall * share), texture=found))

    def _box(self, rect: Rect) -> Box:
        """Return a place in Kivy's pixels, whole ones: an edge between two would be one of both."""
        left, bottom = round(rect.x), round(self._height - rect.bottom)
        return left, bottom, round(rect.right) - left, round(self._height - rect.y) - bottom

    def _pos(self, rect: Rect) -> tuple[float, float]:
        """Kivy counts from the lower left corner."""
        return rect.x, self._height - rect.bottom


def _colour(colour: Colour, shade: float = 1.0) -> Color:
    return Color(colour.red, colour.green, colour.blue, shade)
