"""The process of a card terminal: an enrolled device, a reader in front of it, a driver beside it.

    run_reader(home, options, told, recent, restart)      # until `told` becomes readable

Threads: the owner of the outbox (`shared.edge`), the card's (`transport.pcsc.reader`), the driver's socket,
and this one, which looks after the others: watchdog, health, charges that the outbox did not take, what ends.
"""

import select
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, Final

import structlog
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from card_reader.keys.errors import CardKeysError
from card_reader.keys.sealed import SoftwareKeys
from card_reader.owner.book import DurableBook
from card_reader.owner.cab import Cab, Place
from card_reader.owner.driver import DriverSocket
from card_reader.owner.face import Face, Lines
from card_reader.owner.health import Health
from card_reader.owner.till import OutboxTill
from card_reader.owner.validator import TownRules, Validator
from card_reader.transport.pcsc.field import ANSWER_S
from card_reader.transport.pcsc.reader import Reader, Trouble
from shared.adapters import device_keys, service_manager
from shared.adapters.service_manager import ServiceManager
from shared.edge.home import DeviceHome
from shared.edge.main import STATUS_TIMEOUT_S, Device, open_device
from shared.edge.operations import RecentLog
from shared.edge.pseudonyms import Pseudonyms
from shared.model.day_count import TapsCounted
from shared.model.errors import InputError, VentanillaError
from shared.model.event import EventType, Stream
from shared.model.fields import text, whole
from shared.model.money import EURO, Money
from shared.model.tariff import Tariff
from shared.model.wording import Language
from shared.protocol import limits

TURN_S: Final = 0.05
LOOK_S: Final = 1.0
COUNT_EVERY_S: Final = 900.0
"""The hub hears so often what was counted; a day that is over is told whole at the next turn."""
EXPIRE_S: Final = 60.0
KEYS: Final = "card-keys"
TAPS: Final = "taps.db"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderOptions:
    """How a terminal is run.

    Attributes:
        reader: how the reader's name begins; empty for the first.
        place: where the bus is at first.
        language: of the words.
        tariff: what a ride costs until the town says so by a bundle.
        backoff_cap_ms: the longest wait between two attempts to reach the broker.
    """

    reader: str
    place: Place
    language: Language
    tariff: Tariff | None = None
    backoff_cap_ms: int = limits.BACKOFF_MAX_MS


def run_reader(
    home: DeviceHome, options: ReaderOptions, told: int, recent: RecentLog, restart: Callable[[], None]
) -> None:
    """Run a terminal until a descriptor becomes readable.

    Args:
        home: of an enrolled device with card keys.
        options: how.
        told: readable when it is to end.
        recent: the newest lines of the log.
        restart: ends the process in order, on the hub's word.

    Raises:
        CardKeysError: it has no card keys, or another device's.
        HomeInUseError: another process runs this device.
        DeviceError: it is not enrolled, or its identity, settings, outbox or book cannot be used.
        OSError: the home cannot be written.
    """
    look: list[Callable[[], Mapping[str, Any]]] = []
    keys = read_keys(home)
    with open_device(
        home,
        backoff_cap_ms=options.backoff_cap_ms,
        recent=recent,
        restart=restart,
        face=lambda: look[0]() if look else {},
    ) as device:
        terminal = Terminal(device, home, keys, options, Lines(sys.stdout, options.language))
        look.append(terminal.look)
        terminal.run(told)


def read_keys(home: DeviceHome) -> SoftwareKeys:
    """Open the card keys of a device.

    Raises:
        CardKeysError: there are none, or they are another device's.
    """
    identity = device_keys.load(home.identity)
    try:
        file = (home.identity / KEYS).read_bytes()
    except OSError as error:
        raise CardKeysError(CardKeysError.__doc__) from error
    return SoftwareKeys.opened(file, sealing_secret(identity), identity.device)


def sealing_secret(identity: device_keys.Identity) -> bytes:
    """Return what a device's card keys are sealed under; it never leaves this process."""
    return identity.keys.signing.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


class Terminal:
    """A running device with a reader.

    Args:
        device: running.
        home: its folders.
        keys: the town's card keys.
        options: how it is run.
        face: lamp, sounder, display.
    """

    def __init__(
        self, device: Device, home: DeviceHome, keys: SoftwareKeys, options: ReaderOptions, face: Face
    ) -> None:
        self._device = device
        self._home = home
        self._usual = options.tariff
        self._manager = ServiceManager()
        self._health = Health(device)
        self._cab = Cab(device.identity.device, options.place, self._now_s)
        self._book = DurableBook(home.data / TAPS, device.identity.device, OutboxTill(device), self._now_s)
        self._validator = Validator(
            keys=keys,
            book=self._book,
            town=TownRules(
                contents=device.contents,
                pseudonyms=Pseudonyms(device.identity.fleet_key),
                tariff=self._tariff,
                closed=lambda: device.teller.can_take(Stream.PAYMENTS),
                limit_minor=device.settings.offline_limit_minor,
            ),
            cab=self._cab,
            face=face,
        )
        self._reader = Reader(options.reader, self._validator)
        self._looked_s = self._expired_s = 0.0
        self._counted_s = -COUNT_EVERY_S
        self._is_waited_for = False

    def run(self, told: int) -> None:
        """Go on until a descriptor becomes readable."""
        with ExitStack() as stack:
            stack.callback(self._book.close)
            stack.enter_context(closing(DriverSocket(self._home.run, self._act)))
            self._reader.start()
            stack.callback(self._reader.stop)
            self._manager.tell(service_manager.READY)
            while not select.select([told], [], [], TURN_S)[0]:
                self._turn()
            self._manager.tell(service_manager.STOPPING)

    def look(self) -> Mapping[str, Any]:
        """Return how it stands, for whoever asks the device."""
        return {
            "reader": {"trouble": self._validator.trouble_now.value, **self._cab.members()},
            "verdicts": dict(self._validator.verdicts),
            "taps": self._book.counts(),
        }

    # -- inside ------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._reader.turn()
        is_late = self._reader.waits_s > ANSWER_S
        if is_late and not self._is_waited_for:
            self._validator.keep_waiting()
        self._is_waited_for = is_late
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._look_around(now_s)

    def _look_around(self, now_s: float) -> None:
        trouble = self._validator.trouble_now
        if trouble is not Trouble.STUCK:
            self._manager.tell(service_manager.ALIVE)
        self._health.tell("reader", trouble.value)
        if self._cab.lapsed():
            self._validator.nothing_came()
        try:
            self._book.hand_in_rest()
            if now_s - self._expired_s >= EXPIRE_S and self._knows_the_time():
                self._expired_s = now_s
                self._book.expire()
            self._health.tell("taps", _words(self._book))
            if now_s - self._counted_s >= COUNT_EVERY_S:
                self._counted_s = now_s
                self._tell_counts()
        except VentanillaError as error:
            self._health.tell("taps", str(error))

    def _tell_counts(self) -> None:
        """Tell the hub what was counted on each day of which it does not know all."""
        for count in self._book.untold_days():
            said = TapsCounted(
                day=count.day,
                taps=count.taps,
                amount=Money(count.amount_minor, EURO),
                since_ms=1_000 * count.since_s,
                extra={},
            )
            if self._health.take(EventType.TAPS_COUNTED, said.to_data()):
                self._book.day_told(count)

    def _knows_the_time(self) -> bool:
        try:
            return self._device.runtime.status().result(STATUS_TIMEOUT_S).hub_offset_ms is not None
        except (VentanillaError, TimeoutError):
            return False

    def _now_s(self) -> int:
        return self._device.contents.now_ms() // 1000

    def _tariff(self) -> Tariff | None:
        fares = self._device.contents.fares()
        return self._usual if fares is None or fares.tap is None else fares.tap

    def _act(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do what the driver keys; on the socket's thread."""
        match asked.get("do"):
            case "passengers":
                self._cab.key(whole(asked, "count", 0, 1_000))
            case "clear":
                self._cab.clear()
            case "cancel":
                self._cab.undo(self._book.latest())
            case "trip":
                self._cab.move(
                    Place(**{name: whole(asked, name, 0, 0xFFFF) for name in ("line", "stop", "zone")})
                )
            case "free_ride":
                counted = self._cab.ride_free(text(asked, "reason", 64))
                self._health.take(EventType.DEVICE_COUNTERS, counted)
                return counted
            case "taps":
                return {"for_a_clerk": self._book.for_a_clerk(), **self._book.counts()}
            case "status":
                pass
            case _:
                raise InputError("this terminal does not do that; ask `ventanilla reader --help`")
        return self._cab.members()


def _words(book: DurableBook) -> str:
    """Say what somebody should look at; empty where nothing is."""
    counts = book.counts()
    said = [f"{counts['clerk']} taps for a clerk wait for the outbox"] if counts["clerk"] else []
    if counts["happened"]:
        said.append(f"{counts['happened']} charges wait for the outbox")
    if book.was_damaged:
        said.append("the book was damaged and begun anew")
    return "; ".join(said)
