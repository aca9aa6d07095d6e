"""Surfaces of one colour, and the straight-edged shapes: most pixels of a screen are theirs.

A processor that draws by software takes four times as long for a pixel that is looked up in a texture and
mixed with what lies below it as for one that is set. So surfaces look nothing up, and are mixed only at their
round corners. They are drawn in layers of their own (`layers`), because a layer has one way to draw.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil, cos, pi, sin, sqrt
from typing import Final

from kivy.graphics import Callback, Color, InstructionGroup, Mesh, RenderContext
from kivy.graphics.opengl import GL_BLEND, glDisable, glEnable

from kiosk_app.ui.contrast import Colour

_FRAGMENT: Final = """$HEADER$
void main(void) { gl_FragColor = vec4(frag_color.rgb, frag_color.a * tex_coord0.x); }
"""
"""A colour as it is; the first texture coordinate says how much of it."""
_FEATHER_PX: Final = 0.5
"""At both sides of a round edge, how far it fades."""

Box = tuple[float, float, float, float]
Vertex = tuple[float, float, float]


def surface_layer() -> RenderContext:
    """Return a layer for surfaces."""
    return RenderContext(fs=_FRAGMENT, use_parent_projection=True, use_parent_modelview=True)


def add_surface(group: InstructionGroup, box: Box, radius: float, colour: Colour, shade: float = 1.0) -> None:
    """Add a surface.

    Args:
        group: of a layer for surfaces.
        box: left, bottom, width and height, in Kivy's pixels.
        radius: of its corners.
        colour: what it is filled with.
        shade: how much of it: 1 covers what lies below.
    """
    radius = min(radius, box[2] / 2, box[3] / 2)
    group.add(Color(colour.red, colour.green, colour.blue, shade))
    if shade == 1.0:
        group.add(Callback(_set))
    group.add(_mesh(list(_outline(box, radius, _steps(radius))), "triangle_fan"))
    group.add(Callback(_mix))
    if radius > 0:
        group.add(_feather(box, radius))


def add_border(
    group: InstructionGroup, box: Box, radius: float, width: float, colour: Colour, shade: float = 1.0
) -> None:
    """Add a line along the inner side of a surface's edge; what it goes round is not drawn.

    Args:
        group: of a layer for surfaces.
        box: left, bottom, width and height of the whole, in Kivy's pixels.
        radius: of its outer corners.
        width: of the line, whole pixels.
        colour: of the line.
        shade: how much of it: 1 covers what lies below.
    """
    radius = min(radius, box[2] / 2, box[3] / 2)
    within = box[0] + width, box[1] + width, box[2] - 2 * width, box[3] - 2 * width
    steps = _steps(radius)
    outer = list(_outline(box, radius, steps))
    inner = list(_outline(within, max(0.0, radius - width), steps))
    points = [point for pair in zip(outer, inner, strict=True) for point in pair]
    group.add(Color(colour.red, colour.green, colour.blue, shade))
    if shade == 1.0:
        group.add(Callback(_set))
    group.add(_mesh([*points, *points[:2]], "triangle_strip"))
    group.add(Callback(_mix))
    if radius > 0:
        group.add(_feather(box, radius))


def add_shape(group: InstructionGroup, points: Sequence[tuple[float, float]], colour: Colour) -> None:
    """Add a shape of straight edges that bulges outward everywhere."""
    group.add(Color(colour.red, colour.green, colour.blue, 1))
    group.add(_mesh([(x, y, 1.0) for x, y in points], "triangle_fan"))


def _set(_: object) -> None:
    glDisable(GL_BLEND)


def _mix(_: object) -> None:
    glEnable(GL_BLEND)


def _mesh(points: Sequence[Vertex], mode: str) -> Mesh:
    vertices = [number for x, y, share in points for number in (x, y, share, 0.0)]
    return Mesh(vertices=vertices, indices=range(len(points)), mode=mode)


def _corners(box: Box, radius: float) -> Iterator[tuple[float, float, float]]:
    """Give the middle of each corner's circle and the angle where its quarter begins, counter-clockwise."""
    left, bottom, right, top = box[0], box[1], box[0] + box[2], box[1] + box[3]
    yield right - radius, top - radius, 0.0
    yield left + radius, top - radius, pi / 2
    yield left + radius, bottom + radius, pi
    yield right - radius, bottom + radius, 1.5 * pi


def _steps(radius: float) -> int:
    """Return in how many steps a quarter of a circle is drawn: no eye sees the straight lines between."""
    return max(4, ceil(1.6 * sqrt(radius))) if radius > 0 else 0


def _quarter(steps: int, begin: float) -> Iterator[tuple[float, float]]:
    """Give the directions of a quarter of a circle."""
    for number in range(steps + 1):
        angle = begin + pi / 2 * number / steps
        yield cos(angle), sin(angle)


def _outline(box: Box, radius: float, steps: int) -> Iterator[Vertex]:
    """Give what is covered whole: straight edges to the pixel, corners without their feather.

    Args:
        box: left, bottom, width and height.
        radius: of the corners; 0 gives the corner itself, as often as a round one has points.
        steps: of each corner; 0 for corners of one point.
    """
    for x, y, begin in _corners(box, radius):
        if radius <= 0:
            yield from ((x, y, 1.0) for _ in range(steps + 3 if steps else 1))
            continue
        reach = max(0.0, radius - _FEATHER_PX)
        yield x + radius * round(cos(begin)), y + radius * round(sin(begin)), 1.0
        yield from ((x + reach * way_x, y + reach * way_y, 1.0) for way_x, way_y in _quarter(steps, begin))
        end = begin + pi / 2
        yield x + radius * round(cos(end)), y + radius * round(sin(end)), 1.0


def _feather(box: Box, radius: float) -> Mesh:
    """Return the edges of the corners: whole at their inner side, nothing at their outer one."""
    near, far = max(0.0, radius - _FEATHER_PX), radius + _FEATHER_PX
    vertices: list[float] = []
    indices: list[int] = []
    for x, y, begin in _corners(box, radius):
        first = len(vertices) // 4
        ways = list(_quarter(_steps(radius), begin))
        for way_x, way_y in ways:
            vertices += (x + near * way_x, y + near * way_y, 1.0, 0.0)
            vertices += (x + far * way_x, y + far * way_y, 0.0, 0.0)
        for one, two in pairwise(range(first, first + 2 * len(ways), 2)):
            indices += (one, one + 1, two, two, one + 1, two + 1)
    return Mesh(vertices=vertices, indices=indices, mode="triangles")
