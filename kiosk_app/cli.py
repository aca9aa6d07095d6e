"""`ventanilla kiosk`: the street kiosk, and what a technician asks of it.

Exit status: 0 done or told to stop, 1 failed with a sentence, 2 not understood, 75 to be started again.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from kiosk_app.owner.running import KioskOptions, run_kiosk
from kiosk_app.ui.environment import screen_environment
from shared.adapters.loading import loading
from shared.edge.ending import until_told
from shared.edge.home import DeviceHome
from shared.edge.log import log_to_standard_error
from shared.edge.main import look_at
from shared.edge.operations import RecentLog
from shared.edge.options import BACKOFF_CAP_S, BackoffCap, Home
from shared.model.errors import InputError
from shared.protocol.parsing import encode

PORTRAIT = (1080, 1920)
SIDE_PX_MIN = 320

app = typer.Typer(no_args_is_help=True, help="The street kiosk: run it, look after it.")


Town = Annotated[
    Path | None,
    typer.Option(dir_okay=False, help="The town's file (`ventanilla town`); else a town of nowhere."),
]
Brand = Annotated[
    Path | None, typer.Option(dir_okay=False, help="The town's name, mark and colours, a TOML file.")
]
Assets = Annotated[
    Path | None, typer.Option(file_okay=False, help="The folder of typefaces and icons (`make look`).")
]
Camera = Annotated[
    Path | None, typer.Option(help="The camera, such as /dev/video0; or a folder of pictures, for trying.")
]
Printer = Annotated[
    str | None, typer.Option(help="How the ticket printer is attached, such as usb:/dev/usb/lp0.")
]
Sound = Annotated[str | None, typer.Option(help="ALSA's name of the speaker; without one it is silent.")]
Headset = Annotated[str | None, typer.Option(help="ALSA's name of the headset, where it is another one.")]
Jack = Annotated[
    str | None, typer.Option(help="The input device that watches the headset's socket, /dev/input/….")
]
Paper = Annotated[str | None, typer.Option(help="The ticket printer's paper: 80mm, which is usual, or 58mm.")]
Letters = Annotated[
    str | None,
    typer.Option(
        help="The printer's code page: cp858, which is usual, or cp1252; cp858:5 where it is page 5."
    ),
]
Reader = Annotated[str | None, typer.Option(help="The card reader's USB id, such as 08e6:3437 (`lsusb`).")]
Cards = Annotated[
    str | None,
    typer.Option(help="How the name begins of the reader for citizens' cards (pcsc_scan shows it), or: any."),
]
Faceless = Annotated[
    Path | None,
    typer.Option(dir_okay=False, help="No screen: a socket at this path takes lines that drive it."),
]

Driven = Annotated[
    Path | None,
    typer.Option(dir_okay=False, help="Besides the screen, a socket at this path takes such lines."),
]


@app.command()
def run(
    home: Home,
    *,
    window: Annotated[
        str | None, typer.Option(help="In a window of this size, such as 540x960; else the whole screen.")
    ] = None,
    offscreen: Annotated[bool, typer.Option(help="Draw without a display, 1080x1920.")] = False,
    town: Town = None,
    brand: Brand = None,
    assets: Assets = None,
    camera: Camera = None,
    printer: Printer = None,
    sound: Sound = None,
    headset: Headset = None,
    jack: Jack = None,
    paper: Paper = None,
    letters: Letters = None,
    reader: Reader = None,
    cards: Cards = None,
    faceless: Faceless = None,
    driven: Driven = None,
    backoff_cap_s: BackoffCap = BACKOFF_CAP_S,
) -> None:
    """Run a kiosk that was enrolled with `ventanilla device enrol`, until SIGTERM."""
    recent = RecentLog()
    log_to_standard_error(recent)
    paths = {"town": town, "brand": brand, "assets": assets, "camera": camera}
    paths |= {"faceless": faceless, "driven": driven}
    named = {name: str(path.absolute()) for name, path in paths.items() if path is not None}
    others = {"printer": printer, "sound": sound, "headset": headset, "jack": jack}
    others |= {"paper": paper, "letters": letters, "reader": reader, "cards": cards}
    named |= {name: text for name, text in others.items() if text is not None}
    kivy = screen_environment(
        _size(window), home / "run" / "kivy", offscreen=offscreen, fullscreen=not (window or offscreen)
    )
    options = KioskOptions(
        screen=["screen", *(word for name, text in named.items() for word in (f"--{name}", text))],
        around=["env", *(f"{name}={value}" for name, value in kivy.items())],
        backoff_cap_ms=int(backoff_cap_s * 1000),
    )
    with until_told() as ending:
        run_kiosk(DeviceHome(home), options, ending.told, recent, ending.start_again)
    raise typer.Exit(ending.status)


@app.command(hidden=True)
def screen(
    end: Annotated[int, typer.Argument(help="Descriptor of the line to the owner.")],
    *,
    town: Town = None,
    brand: Brand = None,
    assets: Assets = None,
    camera: Camera = None,
    printer: Printer = None,
    sound: Sound = None,
    headset: Headset = None,
    jack: Jack = None,
    paper: Paper = None,
    letters: Letters = None,
    reader: Reader = None,
    cards: Cards = None,
    faceless: Faceless = None,
    driven: Driven = None,
) -> None:
    """Run the screen's process; `run` starts it."""
    # The owner's process never draws: it loads neither the screen nor what stands around it.
    with loading():
        from kiosk_app.machine.assembly import PAPER_USUAL, PartsNamed  # noqa: PLC0415 - the screen alone
        from kiosk_app.main import ScreenOptions, run_screen  # noqa: PLC0415 - the screen alone

    log_to_standard_error(RecentLog())
    parts = PartsNamed(
        camera=camera,
        printer=printer,
        sound=sound,
        headset=headset,
        jack=jack,
        paper=paper or PAPER_USUAL,
        letters=letters or "",
        reader=reader,
        cards=cards,
    )
    options = ScreenOptions(
        faceless=faceless, driven=driven, town=town, brand=brand, assets=assets, parts=parts
    )
    run_screen(end, options)


def _size(window: str | None) -> tuple[int, int]:
    if window is None:
        return PORTRAIT
    wide, _, tall = window.partition("x")
    if not (wide.isdecimal() and tall.isdecimal() and min(int(wide), int(tall)) >= SIDE_PX_MIN):
        raise InputError("a window's size is width x height in pixels, such as 540x960; correct --window")
    return int(wide), int(tall)


@app.command()
def paper_test(
    printer: Annotated[str, typer.Option(help="How the printer is attached, such as usb:/dev/usb/lp0.")],
    *,
    paper: Paper = None,
    letters: Letters = None,
    assets: Assets = None,
) -> None:
    """Print a test of letters, head and cutter, before the kiosk runs; a running one is asked by the hub."""
    from kiosk_app.devices.ticket_printer import EscPosPrinter  # noqa: PLC0415 - no other command needs it
    from kiosk_app.documents.escpos import paper_of  # noqa: PLC0415 - the same
    from kiosk_app.documents.paper_test import paper_test as sheet  # noqa: PLC0415 - the same
    from kiosk_app.machine.assembly import PAPER_USUAL  # noqa: PLC0415 - the same
    from kiosk_app.ui.assets import find_assets  # noqa: PLC0415 - the same
    from kiosk_app.ui.scene import Face  # noqa: PLC0415 - the same

    kind = paper_of(paper or PAPER_USUAL, letters or "", find_assets(assets).files[Face.BOLD])
    device = EscPosPrinter(printer)
    try:
        device.print_ticket(sheet(printer, datetime.now(UTC).astimezone(), kind))
    finally:
        device.close()
    typer.echo("printed; compare the letters, look for gaps in the bars, see that both slips are cut")


@app.command()
def maintenance(home: Home) -> None:
    """Print how the kiosk stands, for whoever is in front of it with a keyboard."""
    typer.echo(encode(look_at(DeviceHome(home))).decode())
