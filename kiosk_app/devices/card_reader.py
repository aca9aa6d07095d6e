"""The reader that citizens hold their card to, over PC/SC. Implements `kiosk_app.devices.port.CardReader`.

It is watched only while somebody is asked for a card: a card that was forgotten there is read for nobody, and
one that comes in the moment in which the wait ends is left alone. A talk that began then would cut off the
talk of whoever comes next, as the hub holds one with each kiosk.

What is wrong with it is asked of pcscd each round, and whoever is served notices nothing of that.
"""

import queue
import threading
import time
from collections.abc import Callable
from threading import Event
from typing import Any, Final, TypeVar

from card_reader.transport.pcsc.field import Field
from card_reader.transport.pcsc.reader import Cards, Mishap, Reader, Trouble
from card_reader.transport.pcsc.winscard import Context, NoPcscError, PcscError
from card_reader.transport.port import Transport
from kiosk_app.core.words import say
from kiosk_app.devices.port import WORKS, Health, MuteCardError, NoCardHeldError, State
from shared.model.errors import DeviceError, VentanillaError

TURN_S: Final = 0.1
TROUBLE_S: Final = 3.0
"""A reader that is away so long while a card is waited for does not come back for this citizen."""
WHY: Final = say("El lector de tarjetas no funciona ahora.")
T = TypeVar("T")


class ReaderGoneError(DeviceError):
    """The card reader does not work; look at its cable and at pcscd."""


class PcscCardReader:
    """One reader.

    Args:
        name: how its name begins, as `pcsc_scan` shows it; empty for the first that there is.
    """

    def __init__(self, name: str = "") -> None:
        self._name = name

    def open(self) -> None:
        """See that it is there.

        Raises:
            DeviceError: it is not.
        """
        health = self.health()
        if not health.is_usable:
            raise DeviceError(health.remedy)

    def close(self) -> None:
        """Nothing is held between two citizens."""

    def health(self) -> Health:
        """Ask pcscd for it."""
        try:
            with Context() as context:
                names = context.readers()
        except NoPcscError as error:
            return Health(state=State.BROKEN, remedy=str(error), why=WHY)
        except PcscError as error:
            return Health(state=State.BROKEN, remedy=str(error), why=WHY)
        if any(name.startswith(self._name) for name in names):
            return WORKS
        remedy = f"no card reader {self._name} is plugged in; check its cable".replace("  ", " ")
        return Health(state=State.AWAY, remedy=remedy, why=WHY)

    def serve(self, talk: Callable[[bytes, Transport], T], given_up: Event, wait_s: float) -> T:
        """Wait for a card and hold one talk with it."""
        held = OneTalk(talk)
        watched = Reader(self._name, held)
        watched.start()
        until_s, trouble_s = time.monotonic() + wait_s, 0.0
        try:
            while (time.monotonic() < until_s and not given_up.is_set()) or not held.withdrawn():
                watched.turn()
                try:
                    return held.came.get(timeout=TURN_S)()
                except queue.Empty:
                    pass
                trouble_s = trouble_s + TURN_S if watched.trouble is not Trouble.NONE else 0.0
                if trouble_s > TROUBLE_S:
                    raise ReaderGoneError(f"{ReaderGoneError.__doc__} ({watched.trouble.value})")
        finally:
            watched.stop()
        raise NoCardHeldError(NoCardHeldError.__doc__)


class OneTalk(Cards):
    """Holds one talk, with the first card that comes, and none after it."""

    def __init__(self, talk: Callable[[bytes, Transport], Any]) -> None:
        self.came: queue.Queue[Callable[[], Any]] = queue.Queue()
        self._talk = talk
        self._lock = threading.Lock()
        self._is_done = self._is_busy = False

    def withdrawn(self) -> bool:
        """Let no talk begin any more; returns whether there is none whose end is to be waited for."""
        with self._lock:
            self._is_done = True
            return not self._is_busy and self.came.empty()

    def serve(self, number: bytes, field: Field) -> None:
        """Hold the talk, on the reader's thread; what it raises is for who waits."""
        with self._lock:
            if self._is_done:
                return
            self._is_done = self._is_busy = True
        try:
            said = self._talk(number, field)
        except (VentanillaError, TimeoutError) as error:
            self.came.put(_raising(error))
        else:
            self.came.put(lambda: said)
        finally:
            self._is_busy = False

    def missed(self, mishap: Mishap) -> None:
        """A card that left at once is waited for again; one that says nothing is not."""
        if mishap is not Mishap.LEFT and not self._is_done:
            self._is_done = True
            self.came.put(_raising(MuteCardError(f"{MuteCardError.__doc__} ({mishap.value})")))


def _raising(error: Exception) -> Callable[[], Any]:
    def give() -> None:
        raise error

    return give
