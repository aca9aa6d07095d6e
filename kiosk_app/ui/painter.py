"""Draws scenes: what did not change since the last one stays as it is on the graphics card.

Every piece is a group of instructions of its own. No widget stands behind it: nothing is bound, and nothing
of a page outlives it.
"""

from typing import Final

from kivy.graphics import (
    Canvas,
    Color,
    InstructionGroup,
    Line,
    Mesh,
    PopMatrix,
    PushMatrix,
    Rectangle,
    SmoothRoundedRectangle,
    Translate,
)

from kiosk_app.ui.contrast import Colour
from kiosk_app.ui.ground import GroundArt
from kiosk_app.ui.ink import Ink
from kiosk_app.ui.pictures import Pictures
from kiosk_app.ui.scene import Ground, Letters, Picture, Piece, Plate, Rect, Ring, Scene, Squares, Wedge

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
        self._still = Canvas()
        self._above = Canvas()
        self._shift = Translate(0, 0)
        for each in (self._behind, self._moving, self._still, self._above):
            canvas.add(each)
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
            self._behind.add(_colour(scene.ground))
            self._behind.add(Rectangle(pos=(0, 0), size=(self._width, self._height)))
        if anew or order != self._order:
            self._arrange(scene)
        self._order, self._scene = order, scene
        return anew

    def slide(self, share: float) -> None:
        """Show how far a page has come: 0 when it begins, 1 when it is there."""
        self._shift.y = -SLIDE_PX * (1 - share)
        self._moving.opacity = share

    def press(self, rect: Rect | None, radius: float = 0) -> None:
        """Show that something is pressed just now."""
        self._above.clear()
        if rect is not None:
            self._above.add(Color(0, 0, 0, 0.16))
            self._above.add(
                SmoothRoundedRectangle(pos=self._pos(rect), size=(rect.w, rect.h), radius=[max(radius, 0.1)])
            )

    def forget(self) -> None:
        """Forget everything that was drawn."""
        for canvas in (self._moving, self._still, self._above):
            canvas.clear()
        self._drawn, self._order, self._scene = {}, [], None

    def _arrange(self, scene: Scene) -> None:
        self._moving.clear()
        self._still.clear()
        self._moving.add(PushMatrix())
        self._moving.add(self._shift)
        for name, _ in scene.pieces:
            canvas = self._still if name in scene.still else self._moving
            canvas.add(self._drawn[name][1])
        self._moving.add(PopMatrix())

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
                group.add(_colour(piece.fill))
                points = [number for x, y in piece.points for number in (x, self._height - y, 0, 0)]
                group.add(Mesh(vertices=points, indices=range(len(piece.points)), mode="triangle_fan"))

    def _plate(self, group: InstructionGroup, piece: Plate) -> None:
        rect = piece.rect
        if piece.line is not None:
            group.add(_colour(piece.line, piece.shade))
            self._surface(group, rect, piece.radius)
            rect = rect.inset(piece.line_px)
        group.add(_colour(piece.fill, piece.shade))
        self._surface(group, rect, max(0.0, piece.radius - piece.line_px) if piece.radius else 0.0)

    def _surface(self, group: InstructionGroup, rect: Rect, radius: float) -> None:
        if radius > 0:
            group.add(SmoothRoundedRectangle(pos=self._pos(rect), size=(rect.w, rect.h), radius=[radius]))
        else:
            group.add(Rectangle(pos=self._pos(rect), size=(rect.w, rect.h)))

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

    def _pos(self, rect: Rect) -> tuple[float, float]:
        """Kivy counts from the lower left corner."""
        return rect.x, self._height - rect.bottom


def _colour(colour: Colour, shade: float = 1.0) -> Color:
    return Color(colour.red, colour.green, colour.blue, shade)
