"""The owner's process of a kiosk: an enrolled device, and the screen in front of it.

    run_kiosk(home, options, told)               # until `told` becomes readable

The device is the one of `ventanilla device`: the same home, outbox and link. What is of a kiosk alone is
here: the screen's processes, what they are told, the watchdog, and health; all of it on one thread.
"""

import select
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import structlog

from kiosk_app.owner.asking import hub_asker
from kiosk_app.owner.card_talks import CardTalks
from kiosk_app.owner.receipts import Receipts
from kiosk_app.owner.screen_line import Heard, Keeping, ScreenLine
from kiosk_app.owner.screen_process import ScreenProcess, start_screen
from kiosk_app.owner.screens import Life, Screens
from kiosk_app.owner.telling import Telling, Told
from shared.adapters import device_keys, service_manager
from shared.adapters.service_manager import ServiceManager
from shared.edge.device_time import system_time
from shared.edge.happenings import happening
from shared.edge.home import DeviceHome
from shared.edge.main import Device, open_device
from shared.edge.operations import RecentLog
from shared.edge.pseudonyms import Pseudonyms
from shared.model.errors import DeviceError, VentanillaError
from shared.model.event import EventType
from shared.model.health import Condition
from shared.protocol import limits

TURN_S: Final = 0.1
LOOK_S: Final = 1.0
HEALTH_TIMEOUT_S: Final = 5.0
SCREEN: Final = "screen"
_SHOWN_ALONE: Final = ("screen.", "kiosk.")
"""Settings that a screen reads at its start: another value has it replaced."""

log = structlog.get_logger(__name__)


class NoPrinterError(DeviceError):
    """This kiosk knows of no printer; start it with --printer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskOptions:
    """How a kiosk is run.

    Attributes:
        screen: words of `ventanilla kiosk` that start a screen; its end of the line is named after them.
        around: a command that runs another one, such as `env`, in front of them.
        backoff_cap_ms: the longest wait between two attempts to reach the broker.
    """

    screen: Sequence[str]
    around: Sequence[str] = ()
    backoff_cap_ms: int = limits.BACKOFF_MAX_MS


def run_kiosk(
    home: DeviceHome, options: KioskOptions, told: int, recent: RecentLog, restart: Callable[[], None]
) -> None:
    """Run a kiosk until a descriptor becomes readable.

    Args:
        home: of an enrolled device.
        options: how.
        told: readable when it is to end.
        recent: the newest lines of the log.
        restart: ends the process in order, on the hub's word.

    Raises:
        HomeInUseError: another process runs this device.
        DeviceError: it is not enrolled, or its identity, settings or outbox cannot be used.
        OSError: the home cannot be written.
    """
    look: list[Callable[[], Mapping[str, Any]]] = []
    with open_device(
        home,
        backoff_cap_ms=options.backoff_cap_ms,
        recent=recent,
        restart=restart,
        face=lambda: look[0]() if look else {},
    ) as device:
        kiosk = Kiosk(device, home, options)
        look.append(kiosk.look)
        try:
            kiosk.run(told)
        finally:
            kiosk.close()


class Kiosk:
    """A running device with a screen.

    Args:
        device: running.
        home: its folders.
        options: how.
    """

    def __init__(self, device: Device, home: DeviceHome, options: KioskOptions) -> None:
        self._device = device
        self._home = home
        self._options = options
        self._uptime_ms = system_time().uptime_ms
        self._manager = ServiceManager()
        pseudonyms = Pseudonyms(device.identity.fleet_key)
        name = device.identity.device
        self._keeping = Keeping(
            device=name,
            owner=device.runtime,
            store=device.attaching.store,
            pseudonyms=pseudonyms,
            receipts=Receipts(name, device.identity.keys.signing, self._endorsement, pseudonyms),
            ask_hub=hub_asker(device.identity),
            ask_card=CardTalks(device.identity).ask,
        )
        self._telling = Telling(device, self._uptime_ms)
        self._screens = Screens(self._start, self._uptime_ms)
        self._lines: dict[int, tuple[Life, ScreenLine, Told]] = {}
        self._health = Health(device)
        self._shown = self._settings()
        self._look_s = 0.0
        self._awaited: bool | None = None
        device.operations.add("restart_screen", self._restart_screen)
        device.operations.add("paper_test", self._paper_test)

    def look(self) -> Mapping[str, Any]:
        """Return how the screen stands, for whoever asks the device."""
        return {SCREEN: asdict(self._screens.status()), "parts": dict(self._health.parts)}

    def run(self, told: int) -> None:
        """Go on until a descriptor becomes readable."""
        self._look()
        self._manager.tell(service_manager.READY)
        while not select.select([told], [], [], TURN_S)[0]:
            self._screens.turn()
            self._hand_on()
            if time.monotonic() - self._look_s >= LOOK_S:
                self._look()
                if self._screens.is_alive:
                    self._manager.tell(service_manager.ALIVE)
        self._manager.tell(service_manager.STOPPING)

    def close(self) -> None:
        """End every screen."""
        self._screens.close()
        for _, line, _ in self._lines.values():
            line.close()

    # -- inside ------------------------------------------------------------------------------------------

    def _start(self, life: Life) -> ScreenProcess:
        process, line = start_screen(self._options.screen, self._options.around)
        heard = Heard(
            beat=lambda: self._beat(life),
            leave=lambda: self._leave(life),
            awaited=self._note_awaited,
            health=self._health.hear,
        )
        screen_line = ScreenLine(line, self._keeping, heard)
        told = Told(screen_line.tell)
        screen_line.tell(*self._telling.hello())
        told.tell(self._telling.all())
        screen_line.start()
        self._lines = {pid: each for pid, each in self._lines.items() if _runs(each[0])}
        self._lines[process.pid] = life, screen_line, told
        return ScreenProcess(process, screen_line.close)

    def _beat(self, life: Life) -> None:
        life.beat_ms = self._uptime_ms()

    def _leave(self, life: Life) -> None:
        life.wants_to_leave = True

    def _note_awaited(self, aloud: bool) -> None:  # noqa: FBT001 - the one thing that is told
        self._awaited = aloud

    def _hand_on(self) -> None:
        """Tell the next screen of somebody who began at the one that leaves."""
        if self._awaited is None:
            return
        for life, line, _ in tuple(self._lines.values()):
            if _runs(life) and not life.wants_to_leave:
                line.tell({"tell": "begin", "aloud": self._awaited})
                self._awaited = None
                return

    def _restart_screen(self, _args: Mapping[str, Any]) -> Mapping[str, Any]:
        self._screens.replace()
        return {}

    def _paper_test(self, _args: Mapping[str, Any]) -> Mapping[str, Any]:
        if "printer" not in self._health.parts:
            raise NoPrinterError(NoPrinterError.__doc__)
        front = self._screens.status().pid
        for pid, (_, line, _) in tuple(self._lines.items()):
            if pid == front:
                line.tell({"tell": "paper_test"})
        return {"printer": self._health.parts["printer"]}

    def _look(self) -> None:
        self._look_s = time.monotonic()
        try:
            state = self._device.runtime.status().result(HEALTH_TIMEOUT_S).state
        except (VentanillaError, TimeoutError):
            state = ""
        self._telling.look(state)
        messages = self._telling.all()
        for _, _, told in self._lines.values():
            told.tell(messages)
        settings = self._settings()
        if settings != self._shown:
            self._shown = settings
            for _, line, _ in self._lines.values():
                line.tell({"tell": "anew"})
        self._health.tell(self._screens)

    def _settings(self) -> Mapping[str, Any]:
        in_force = self._device.settings.in_force
        return {name: value for name, value in in_force.items() if name.startswith(_SHOWN_ALONE)}

    def _endorsement(self) -> str:
        """Return the town's newest word for this device's key: a renewal brings another one."""
        return device_keys.load(self._home.identity).answer.endorsement


@dataclass(slots=True)
class Health:
    """What the kiosk says of its parts; each only when it is not as it was.

    Attributes:
        parts: how the screen says its parts do.
    """

    device: Device
    parts: Mapping[str, str] = field(default_factory=dict[str, str])
    _said: dict[str, tuple[Condition, str]] = field(default_factory=dict[str, tuple[Condition, str]])

    def hear(self, parts: Mapping[str, str]) -> None:
        """Take note of what a screen says of camera, printer and the like."""
        self.parts = parts

    def tell(self, screens: Screens) -> None:
        """Report what has changed; where that cannot be stored, it is tried with the next look."""
        status = screens.status()
        wanted = {SCREEN: (status.condition, status.why if status.condition is not Condition.OK else "")}
        for name, words in self.parts.items():
            is_well = words == Condition.OK
            wanted[name] = (Condition.OK, "") if is_well else (Condition.DEGRADED, words)
        for name, (condition, words) in wanted.items():
            if self._said.get(name) != (condition, words) and self._store(name, condition, words):
                self._said[name] = condition, words

    def _store(self, name: str, condition: Condition, words: str) -> bool:
        data = {"key": name, "state": condition.value, **({"detail": words} if words else {})}
        try:
            event = happening(EventType.DEVICE_STATE, data, event_id=self.device.teller.new_event_id())
            with self.device.teller.session() as session:
                session.take(event, HEALTH_TIMEOUT_S)
        except VentanillaError as error:
            log.warning("health_not_stored", part=name, reason=str(error))
            return False
        return True


def _runs(life: Life) -> bool:
    return life.screen is not None and life.screen.ended() is None
