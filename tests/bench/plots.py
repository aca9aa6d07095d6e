"""Bars as SVG, readable without colour: what is ours is hatched, and every bar has its figure beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 760
LABEL: Final = 330
LONGEST: Final = WIDTH - LABEL - 80
STEP: Final = 22
HEAD: Final = 40
STYLE: Final = (
    "text{font:13px sans-serif;fill:#111} .title{font-weight:bold} "
    "rect{stroke:#111} .theirs{fill:#d9d9d9} .ours{fill:url(#hatch)} line{stroke:#111;stroke-dasharray:4 3}"
)
HATCH: Final = (
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="#fff" stroke="none"/>'
    '<path d="M0 0V6" stroke="#111" stroke-width="4"/></pattern>'
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar."""

    label: str
    value: float
    ours: bool = False


def bars(title: str, made: Sequence[Bar], *, line: float | None = None) -> str:
    """Draw bars below one another.

    Args:
        title: what is shown, with its unit.
        made: from the top.
        line: a value to which all are compared; a dashed line.
    """
    longest = max([bar.value for bar in made] + [line or 0.0]) or 1.0
    height = HEAD + STEP * len(made) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style><defs>{HATCH}</defs>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff" stroke="none"/>',
        f'<text class="title" x="10" y="22">{escape(title)}</text>',
    ]
    for number, bar in enumerate(made):
        top = HEAD + STEP * number
        length = round(LONGEST * bar.value / longest, 1)
        kind = "ours" if bar.ours else "theirs"
        parts += [
            f'<text x="{LABEL - 8}" y="{top + 13}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{kind}" x="{LABEL}" y="{top + 1}" width="{length}" height="{STEP - 7}"/>',
            f'<text x="{LABEL + length + 6}" y="{top + 13}">{bar.value:.3g}</text>',
        ]
    if line is not None:
        at = round(LABEL + LONGEST * line / longest, 1)
        parts.append(f'<line x1="{at}" y1="{HEAD - 6}" x2="{at}" y2="{height - 6}"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"
