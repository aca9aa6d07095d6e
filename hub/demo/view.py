"""The live view: what breaks, what to watch, every device, hub and core; in a terminal of 80 x 24 or more.

Colours are the house's; amber is the fault on stage alone, and every colour has a word or sign beside it.
Without a terminal, as in a pipeline of CI, plain lines say what begins and what is over.
"""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.color import Color
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.style import Style
from rich.styled import Styled
from rich.table import Table
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from hub.demo.stage import FaultOnStage, Stage
from hub.demo.standing import Standing
from hub.demo.texts import Speech
from hub.demo.town import SITES

INK: Final = "#14212B"
PAPER: Final = "#FAF7F2"
WHITE: Final = "#FFFFFF"
TEAL: Final = "#0B4F5C"
MIST: Final = "#D7E6E8"
AMBER: Final = "#F5B335"
GOOD: Final = "#1C7148"
BAD: Final = "#A8281F"
CARE: Final = "#8A4B00"
QUIET: Final = "#5A6872"
PICTURE: Final = (100, 26)
PICTURE_AFTER_S: Final = 5.0
ROWS_FIXED: Final = 20
WIDE: Final = 96


class View:
    """Draws the stage.

    Args:
        stage: what is drawn.
        speech: in which language.
    """

    def __init__(self, stage: Stage, speech: Speech) -> None:
        self._stage = stage
        self._speech = speech

    def draw(self, width: int, height: int) -> RenderableType:
        """Draw one image of so many columns and rows."""
        parts: list[RenderableType] = [self._head(width), *self._fault(width), self._devices(width), Text()]
        parts += [*self._town_hall(width), self._progress(width)]
        lines = self._log(width)
        room = height - ROWS_FIXED
        if room > 0:
            parts += [Text(), *lines[-(room - 1) :]] if room > 1 else []
        return Styled(Padding(Group(*parts), (0, 1), expand=True), Style.parse(f"{INK} on {PAPER}"))

    # ---- its parts

    def _head(self, width: int) -> RenderableType:
        elapsed_s = int(self._stage.elapsed_s)
        table = _grid(width - 2)
        table.add_column(ratio=1)
        table.add_column(justify="right")
        clock = f"{elapsed_s // 60}:{elapsed_s % 60:02d} "
        table.add_row(Text(" " + self._speech("title"), style=f"bold {WHITE}"), Text(clock, style=WHITE))
        return Styled(table, Style.parse(f"on {TEAL}"))

    def _fault(self, width: int) -> Sequence[RenderableType]:
        fault, speech = self._stage.fault, self._speech
        if fault is not None:
            name, details = fault.name, fault.details
            sign = f" ▶ {speech('on_stage')}  "
            lasting = f"  {fault.lasted_s:.0f} s "
            style = f"bold {INK} on {AMBER}"
        else:
            name, details = ("calm" if self._stage.taking else "drain"), {}
            sign, lasting, style = " ", "", f"bold {INK} on {MIST}"
        title = Text(f"{sign}{speech(f'{name}_title', **details)}{lasting}", style=style)
        title.truncate(width - 2, pad=True)
        text = Text(" " + speech(f"{name}_text", **details))
        watch = Text.assemble((" " + speech("watch"), f"bold {TEAL}"), speech(f"{name}_watch", **details))
        for line in (text, watch):
            line.truncate(width - 2, overflow="ellipsis")
        return [Text(), title, text, watch, Text()]

    def _devices(self, width: int) -> Table:
        speech, wide = self._speech, width >= WIDE
        table = Table(box=None, width=width - 2, padding=(0, 1), header_style=f"bold {TEAL}")
        table.add_column(speech("device"), no_wrap=True)
        if wide:
            table.add_column(speech("site"), no_wrap=True)
        table.add_column(speech("state"), no_wrap=True, min_width=15)
        table.add_column(speech("taken_column"), justify="right")
        table.add_column(speech("queue_column"), justify="right")
        table.add_column("", ratio=1)
        table.add_column(speech("oldest_column"), justify="right", no_wrap=True)
        devices = self._stage.devices.values()
        places = 16 if wide else 10
        lines_each = max(1, -(-max(device.outbox_lines for device in devices) // places))
        for device in devices:
            waiting = device.outbox_lines
            bar = Text("▪" * -(-waiting // lines_each), style=TEAL, overflow="crop", no_wrap=True)
            age_ms = int(device.status.get("oldest_unacknowledged_payment_ms", 0))
            age = Text(f"{age_ms / 1000:.0f} s" if age_ms else "–", style=INK if age_ms else QUIET)
            site = [Text(SITES[device.id], style=QUIET)] if wide else []
            cells = (Text(device.id), *site, self._state_of(device), str(len(device.receipts)))
            table.add_row(*cells, Text(str(waiting) if device.runs else "–"), bar, age)
        return table

    def _state_of(self, device: Standing) -> Text:
        if not device.runs:
            return Text(self._speech("unpowered"), style=f"bold {BAD}")
        if device.fenced:
            return Text(self._speech("fenced"), style=f"bold {CARE}")
        if device.linked:
            return Text(self._speech("linked"), style=GOOD)
        return Text(self._speech("unlinked"), style=CARE)

    def _town_hall(self, width: int) -> Sequence[RenderableType]:
        speech, hub, core = self._speech, self._stage.watch.hub, self._stage.watch.core
        hub_says = speech(
            "hub_line",
            committed=hub.committed,
            rate=round(hub.per_second),
            life=hub.life,
            quarantine=hub.quarantine,
            losses=hub.losses,
        )
        core_says = speech(
            "core_line",
            requests=core.requests,
            settlements=core.settlements,
            money=speech.money(core.money_minor),
            notices=core.notices,
            duplicates=core.duplicates,
        )
        core_state = self._up(up=core.up, word="core_down_word")
        queue = speech("core_queue", outgoing=hub.outgoing)
        core_state.append(f" · {queue}" + (f" · {speech('left_alone')}" if hub.breaker else ""), style=INK)
        parts = (
            (speech("hub"), self._up(up=hub.up, word="down"), hub_says),
            (speech("core"), core_state, core_says),
        )
        lines: list[RenderableType] = []
        for name, state, says in parts:
            lines.append(Text.assemble((f" {name}  ", f"bold {TEAL}"), state))
            said = Text("   " + says)
            said.truncate(width - 2, overflow="ellipsis")
            lines.append(said)
        return lines

    def _up(self, *, up: bool, word: str) -> Text:
        return Text(self._speech("up"), style=GOOD) if up else Text(self._speech(word), style=f"bold {BAD}")

    def _progress(self, width: int) -> Table:
        stage = self._stage
        table = _grid(width - 2)
        table.add_column()
        table.add_column(ratio=1)
        table.add_column(justify="right")
        bar = ProgressBar(
            total=max(1, stage.planned),
            completed=stage.taken,
            style=MIST,
            complete_style=TEAL,
            finished_style=TEAL,
        )
        counts = Text(f" {stage.taken}/{stage.planned}")
        table.add_row(Text(f" {self._speech('progress')} ", style=f"bold {TEAL}"), bar, counts)
        return table

    def _log(self, width: int) -> list[Text]:
        lines: list[Text] = []
        for fault in self._stage.faults:
            if fault.recovered_s is not None:
                line = Text(" ✔ " + said_at_end(self._speech, fault), style=QUIET)
                line.truncate(width - 2, overflow="ellipsis")
                lines.append(line)
        return lines


class Picture:
    """One moment of the live view, kept for the documentation: the hub is down, and the street goes on."""

    def __init__(self, path: Path) -> None:
        """Name where it will lie."""
        self._path = path
        self._taken = False

    def take(self, view: View, stage: Stage) -> None:
        """Take it once, when the moment is there."""
        fault = stage.fault
        if self._taken or fault is None or fault.name != "hub" or fault.lasted_s < PICTURE_AFTER_S:
            return
        self._taken = True
        width, height = PICTURE
        console = Console(
            record=True,
            width=width,
            height=height,
            file=io.StringIO(),
            force_terminal=True,
            color_system="truecolor",
        )
        console.print(view.draw(width, height), height=height)
        svg = console.export_svg(title="", theme=_theme())
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(_tidied(svg))


class PlainLines:
    """What begins and what is over, a line each."""

    def __init__(self, stage: Stage, speech: Speech) -> None:
        """Begin with nothing said."""
        self._stage = stage
        self._speech = speech
        self._began = 0
        self._ended = 0

    def say(self) -> None:
        """Say what is new."""
        faults = self._stage.faults
        while self._ended < len(faults):
            fault = faults[self._ended]
            if self._began == self._ended:
                self._began += 1
                title = self._speech(f"{fault.name}_title", **fault.details)
                text = self._speech(f"{fault.name}_text", **fault.details)
                print(f"{_at(self._stage.elapsed_s)}  ▶ {title}: {text}", flush=True)
            if fault.recovered_s is None:
                return
            self._ended += 1
            print(f"{_at(self._stage.elapsed_s)}  ✔ {said_at_end(self._speech, fault)}", flush=True)


def said_at_end(speech: Speech, fault: FaultOnStage) -> str:
    """Say that a fault is over."""
    title = speech(f"{fault.name}_title", **fault.details)
    return f"{title}, {fault.lasted_s:.0f} s: {speech(f'{fault.name}_end', **fault.details)}"


def _grid(width: int) -> Table:
    return (
        Table.grid(expand=False) if width < 1 else Table(box=None, show_header=False, width=width, padding=0)
    )


def _at(elapsed_s: float) -> str:
    return f"{int(elapsed_s) // 60}:{int(elapsed_s) % 60:02d}"


def _tidied(svg: str) -> str:
    """Leave no font to be fetched, no address but the format's own, and no window's buttons."""
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<g transform=\"translate\(26,22\)\">.*?</g>", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "ui-monospace").replace("font-family: arial", "font-family: sans-serif")
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def _theme() -> TerminalTheme:
    ink, paper = _rgb(INK), _rgb(PAPER)
    return TerminalTheme(paper, ink, [ink] * 8, [ink] * 8)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = Color.parse(colour).get_truecolor()
    return red, green, blue
