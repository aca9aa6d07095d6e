"""One showing from beginning to end: a folder, the processes, the scenes, the sum, and everything put away.

Rules: whatever happens, every process that was started is ended, by its id. The folder stays: its logs and
databases are the evidence.
"""

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from rich.console import Console
from rich.live import Live

from hub.demo.bus import StreetBus, can_tap
from hub.demo.cards import StreetCard, uid_of
from hub.demo.desk import issue_cards
from hub.demo.device import StreetDevice
from hub.demo.faces import Face, choose_face, words_of
from hub.demo.kiosk import StreetKiosk
from hub.demo.reconciliation import Sums, add_up, gather
from hub.demo.report import Timing, show_sum, write_report
from hub.demo.scenes import SCENES
from hub.demo.stage import Stage
from hub.demo.standing import Standing
from hub.demo.texts import Language, Speech
from hub.demo.town import (
    CARDS_IN_ALL,
    FARES,
    KIOSKS,
    SITES,
    TERMINALS,
    TownEvent,
    catalogue_of,
    make_town,
    read_reports,
)
from hub.demo.townhall import HOLD_S, NotStartedError, TownHall
from hub.demo.view import Picture, PlainLines, View
from hub.demo.watch import Watch

BACKOFF_CAP_S: Final = 2.0
REPORT_FILE: Final = "demo-report.json"
SCREEN_S: Final = 60.0
LOOK_S: Final = 0.1
DRAWN_EVERY_S: Final = 0.2
EXIT_FAILED: Final = 1
EXIT_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was asked for on the command line.

    Attributes:
        reports: a file of real reports; where there is none the town is invented.
        taking_s: the events are spread over so long.
        face: of the first kiosk; None: its screen where it can be drawn.
        display: the X display; empty where there is none.
    """

    count: int
    stay: bool
    seed: int
    language: Language
    reports: Path
    picture: Path | None
    taking_s: float
    face: Face | None = None
    display: str = ""


def run(wishes: Wishes) -> int:
    """Play the demonstration and return the exit status."""
    speech, console = Speech(wishes.language), Console()
    began_s = time.monotonic()
    folder = Path(mkdtemp(prefix="ventanilla-demo-"))
    faces = dict.fromkeys(KIOSKS, Face.FACELESS) | {KIOSKS[0]: choose_face(wishes.face, wishes.display)}
    _introduce(wishes, speech, folder, faces)
    try:
        with _ends_in_order(), ExitStack() as closing:
            stage = _set_up(wishes, folder, faces, speech, closing)
            _play(wishes, stage, speech, console)
            evidence = gather(stage.town_hall.hub, stage.town_hall.core, [*stage.at_desk, *stage.receipts])
            sums = add_up(evidence)
            timing = Timing(
                wall_s=time.monotonic() - began_s, outage_s=sum(fault.lasted_s for fault in stage.faults)
            )
            write_report(Path(REPORT_FILE), sums, evidence, stage, timing)
            show_sum(console, speech, sums, evidence, stage.faults)
            _conclude(speech, stage, sums, timing, folder)
            if wishes.stay:
                _stay(stage, speech)
    except KeyboardInterrupt:
        print(speech("interrupted"))
        return EXIT_INTERRUPTED
    return exit_status(sums)


def exit_status(sums: Sums) -> int:
    """Return 0 only if it adds up."""
    return 0 if sums.adds_up else EXIT_FAILED


def _introduce(wishes: Wishes, speech: Speech, folder: Path, faces: Mapping[str, Face]) -> None:
    print(speech("folder", path=folder))
    found = wishes.reports.is_file()
    print(speech("input_file", path=os.path.relpath(wishes.reports)) if found else speech("input_made"))
    for name, face in faces.items():
        print(speech(f"face_{face}", device=name))
    print(speech("cards" if can_tap() else "no_cards", cards=CARDS_IN_ALL, devices=" · ".join(TERMINALS)))
    print(speech("cap", cap_s=f"{BACKOFF_CAP_S:g}", hold_s=HOLD_S))
    print(speech("starting"), flush=True)


def _set_up(
    wishes: Wishes, folder: Path, faces: Mapping[str, Face], speech: Speech, closing: ExitStack
) -> Stage:
    """Start everything, enrol every device, and hand the street over to the stage."""
    town = make_town(
        read_reports(wishes.reports, wishes.seed), wishes.count, wishes.seed, time.time_ns() // 1_000_000
    )
    town_hall = TownHall(folder)
    closing.callback(town_hall.stop)
    town_hall.start_core()
    town_hall.prepare()
    town_hall.start_hub()
    town_hall.await_start()
    town_hall.publish("catalogue", catalogue_of(town))
    town_hall.publish("fares", FARES)
    cards = _cards(town_hall, closing)
    devices = [_device(town_hall, name, town[name], cards, faces) for name in SITES]
    closing.callback(_stop_all, devices)
    for device in devices:
        device.start()
    at_desk = issue_cards(town_hall, cards) if cards else []
    _await_screens([device for device in devices if isinstance(device, StreetKiosk)], speech)
    _await_readers([device for device in devices if isinstance(device, StreetBus)])
    watch = Watch(town_hall)
    closing.callback(watch.close)
    return Stage(town_hall, devices, watch, taking_s=wishes.taking_s, seed=wishes.seed, at_desk=at_desk)


def _cards(town_hall: TownHall, closing: ExitStack) -> Sequence[StreetCard]:
    """Make the town's card keys, and blank cards; none where there is no reader for them."""
    cards: list[StreetCard] = []
    if not can_tap():
        return cards
    town_hall.make_card_keys()
    for number in range(CARDS_IN_ALL):
        cards.append(StreetCard(uid_of(number), town_hall.log_of("cards")))
        closing.callback(cards[-1].close)
    return cards


def _device(
    town_hall: TownHall,
    name: str,
    future: deque[TownEvent],
    cards: Sequence[StreetCard],
    faces: Mapping[str, Face],
) -> Standing:
    """Enrol a device, and give it what its kind needs."""
    home = town_hall.enrol(name)
    if name in TERMINALS and cards:
        town_hall.give_card_keys(name, home)
        return StreetBus(home, name, future, BACKOFF_CAP_S, cards, town_hall.sockets)
    if name not in faces:
        return StreetDevice(home, name, future, BACKOFF_CAP_S)
    kiosk = StreetKiosk(home, name, future, BACKOFF_CAP_S, words_of(faces[name]))
    kiosk.keys = town_hall.keys()
    return kiosk


def _await_screens(kiosks: Sequence[StreetKiosk], speech: Speech) -> None:
    """Wait for the kiosks' first pages; one whose screen does not come goes on without."""
    deadline_s = time.monotonic() + SCREEN_S
    while not all(kiosk.is_shown for kiosk in kiosks) and time.monotonic() < deadline_s:
        time.sleep(LOOK_S)
    for kiosk in kiosks:
        if not kiosk.is_shown and kiosk.face != words_of(Face.FACELESS):
            print(speech("face_none", device=kiosk.id), flush=True)
            kiosk.stop()
            kiosk.face = tuple(words_of(Face.FACELESS))
            kiosk.start()


def _await_readers(buses: Sequence[StreetBus]) -> None:
    """Wait until every terminal has found its reader.

    Raises:
        NotStartedError: one has not.
    """
    deadline_s = time.monotonic() + SCREEN_S
    while waiting := [bus for bus in buses if not bus.is_served]:
        if time.monotonic() > deadline_s:
            raise NotStartedError(f"{NotStartedError.__doc__} ({waiting[0].log})")
        time.sleep(LOOK_S)


def _play(wishes: Wishes, stage: Stage, speech: Speech, console: Console) -> None:
    view, lines = View(stage, speech), PlainLines(stage, speech)
    picture = None if wishes.picture is None else Picture(wishes.picture)
    with ExitStack() as closing:
        show: Callable[[], None] = lines.say
        if console.is_terminal:
            live = closing.enter_context(Live(console=console, screen=True, auto_refresh=False))
            show = _drawing(live, view, console)
        for _ in stage.play(SCENES):
            show()
            if picture is not None:
                picture.take(view, stage)
        show()


def _drawing(live: Live, view: View, console: Console) -> Callable[[], None]:
    """Return what draws the view, a few times a second at most."""
    drawn_s = 0.0

    def draw() -> None:
        nonlocal drawn_s
        if time.monotonic() - drawn_s >= DRAWN_EVERY_S:
            drawn_s = time.monotonic()
            width, height = console.size
            live.update(view.draw(width, height), refresh=True)

    return draw


def _conclude(speech: Speech, stage: Stage, sums: Sums, timing: Timing, folder: Path) -> None:
    print()
    at_kiosks = sum(len(kiosk.receipts) for kiosk in stage.kiosks)
    taps = sum(len(bus.receipts) for bus in stage.buses)
    print(speech("at_kiosks", kiosks=at_kiosks, taps=taps, others=sums.taken - at_kiosks - taps))
    print(speech("adds_up") if sums.adds_up else speech("adds_not", path=folder))
    print(speech("wall", wall_s=round(timing.wall_s), outage_s=round(timing.outage_s)))
    print(speech("report_at", path=REPORT_FILE), flush=True)


def _stay(stage: Stage, speech: Speech) -> None:
    town_hall = stage.town_hall
    ports = {"hub": town_hall.hub.port, "core": town_hall.core.port}
    print(speech("stay", token=town_hall.api_token_path, **ports), flush=True)
    with suppress(KeyboardInterrupt):
        signal.pause()


def _stop_all(devices: Sequence[Standing]) -> None:
    """Stop every device, all at once because each says farewell to the broker."""
    with ThreadPoolExecutor(len(devices)) as pool:
        list(pool.map(Standing.stop, devices))


@contextmanager
def _ends_in_order() -> Generator[None]:
    """Let SIGTERM end the showing as Ctrl-C does, so that everything is put away."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
