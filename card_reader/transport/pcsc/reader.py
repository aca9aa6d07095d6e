"""One reader on one thread: waits for cards, serves each, and begins anew whatever happens to pcscd.

    reader = Reader("Ventanilla", serve, tell)
    reader.start()
    reader.turn()            # several times a second: the watchdog
    reader.stop()

Rules:
- The thread alone speaks to pcscd. It serves a card by calling `serve`, and goes on when that returns.
- A card is served once for each time it comes. pcscd counts comings and goings; what the count says counts,
  so that a card which left and came back while another was served is not missed.
- After any failure of pcscd nothing of it is believed: a new context, a new look at the reader. A card that
  lies there then is served again, which the tap is made for.
- Nothing can stop a driver that does not answer. Who waits is told after `field.ANSWER_S`; a thread that is
  not back after `STUCK_S` is left behind, and another one begins.

Not here: what a card is served with (`owner`), what becomes of a command that failed (`field`).
"""

import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from card_reader.transport.pcsc.field import ANSWER_S, Field
from card_reader.transport.pcsc.winscard import UNAWARE, Code, Context, PcscError, Standing, State
from card_reader.transport.port import NotSentError, UnansweredError
from shared.model.errors import DeviceError

AGAIN_S: Final = 0.1
"""Between two attempts to find pcscd, or the reader."""
LOOK_MS: Final = 1_000
"""The longest wait for a card: then it is seen whether the thread is still wanted."""
STUCK_S: Final = 30.0
"""Longer than any driver of a reader waits for a card."""
SHARING_S: Final = 0.5
"""How long a card that another program holds is waited for."""


class Trouble(StrEnum):
    """What is wrong with a reader; empty is nothing."""

    NONE = ""
    NO_SERVICE = "pcscd is not there"
    NO_READER = "no card reader is connected"
    NO_LIBRARY = "pcscd is not installed"
    STUCK = "the card reader does not answer"


class Mishap(StrEnum):
    """What can become of a card before anything is read of it."""

    MUTE = "mute"
    LEFT = "left"
    HELD = "held by another program"


class Cards:
    """What is done with cards; called on the reader's thread. This one does nothing."""

    def serve(self, number: bytes, field: Field) -> None:
        """Serve a card that came.

        Args:
            number: the card's in the air; empty where the reader does not know it.
            field: where it is.
        """

    def missed(self, mishap: Mishap) -> None:
        """A card came and could not be served."""

    def trouble(self, trouble: Trouble) -> None:
        """The reader stands otherwise than before."""


class Reader:
    """Watches one reader.

    Args:
        name: how its name begins; empty for the first that there is.
        cards: what is done with them.
        monotonic_s: a clock.

    Attributes:
        trouble: what is wrong with it now.
    """

    def __init__(self, name: str, cards: Cards, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self.trouble = Trouble.NO_SERVICE
        self._name = name
        self._cards = cards
        self._monotonic_s = monotonic_s
        self._watch = self._new_watch()

    def start(self) -> None:
        """Begin."""
        self._watch.start()

    def stop(self) -> None:
        """Let a card that is being served be served, and end."""
        self._watch.leave()
        self._watch.join(ANSWER_S)

    @property
    def waits_s(self) -> float:
        """How long the card that is being served has owed an answer; 0 where it owes none."""
        began_s = self._watch.began_s
        return 0.0 if began_s is None else self._monotonic_s() - began_s

    def turn(self) -> None:
        """See whether the thread is still alive to the world; replace it where it is not."""
        if self.waits_s > STUCK_S or not self._watch.is_alive():
            self._watch.leave()
            self._told(Trouble.STUCK)
            self._watch = self._new_watch()
            self._watch.start()

    def _new_watch(self) -> "Watch":
        return Watch(self._name, self._cards, self._told)

    def _told(self, trouble: Trouble) -> None:
        if trouble is not self.trouble:
            self.trouble = trouble
            self._cards.trouble(trouble)


class Watch(threading.Thread):
    """One life of the thread.

    Args:
        name: how the reader's name begins.
        cards: what is done with them.
        tell: takes what is wrong with the reader.
    """

    def __init__(self, name: str, cards: Cards, tell: Callable[[Trouble], None]) -> None:
        super().__init__(name="card-reader", daemon=True)
        self._wanted = name
        self._cards = cards
        self._tell = tell
        self._leaving = threading.Event()
        self._context: Context | None = None
        self._field: Field | None = None

    @property
    def began_s(self) -> float | None:
        """When the command that is under way was sent; None while none is."""
        field = self._field
        return None if field is None else field.began_s

    def leave(self) -> None:
        """End, as soon as it is back."""
        self._leaving.set()
        if (context := self._context) is not None:
            context.cancel()

    def run(self) -> None:
        """Begin anew until told to leave."""
        while not self._leaving.is_set():
            try:
                with Context() as context:
                    self._context = context
                    self._live(context)
            except PcscError as error:
                self._say(_trouble_of(error))
            except DeviceError:
                self._say(Trouble.NO_LIBRARY)
            finally:
                self._context = None
            self._leaving.wait(AGAIN_S)

    def _live(self, context: Context) -> None:
        """Serve cards until something fails."""
        found = (each for each in context.readers() if each.startswith(self._wanted))
        reader = next(found, None)
        if reader is None:
            self._say(Trouble.NO_READER)
            return
        served, standing = -1, context.wait(reader, UNAWARE, 0)
        while not self._leaving.is_set():
            if standing.state & (State.UNKNOWN | State.UNAVAILABLE):
                self._say(Trouble.NO_READER)
                return
            self._say(Trouble.NONE)
            if standing.state & State.PRESENT and standing.counter != served:
                served = standing.counter
                self._serve(context, reader, standing)
            standing = context.wait(reader, standing, LOOK_MS)

    def _serve(self, context: Context, reader: str, standing: Standing) -> None:
        """Serve the card that is there; one that is gone again is not missed by anybody else."""
        if standing.state & State.MUTE:
            self._cards.missed(Mishap.MUTE)
            return
        until_s = time.monotonic() + SHARING_S
        while not self._leaving.is_set():
            try:
                with context.connect(reader) as connection:
                    self._field = Field(connection, standing.atr)
                    self._hand_over(self._field)
                return
            except PcscError as error:
                mishap = _mishap_of(error)
                if mishap is None:
                    raise
                if mishap is not Mishap.HELD or time.monotonic() > until_s:
                    self._cards.missed(mishap)
                    return
                self._leaving.wait(AGAIN_S)
            finally:
                self._field = None

    def _hand_over(self, field: Field) -> None:
        try:
            number = field.number()
        except (NotSentError, UnansweredError):
            self._cards.missed(Mishap.LEFT)
            return
        self._cards.serve(number, field)

    def _say(self, trouble: Trouble) -> None:
        if not self._leaving.is_set():
            self._tell(trouble)


def _trouble_of(error: PcscError) -> Trouble:
    gone = {Code.UNKNOWN_READER, Code.READER_UNAVAILABLE, Code.NO_READERS}
    return Trouble.NO_READER if error.code in gone else Trouble.NO_SERVICE


def _mishap_of(error: PcscError) -> Mishap | None:
    """What became of a card that could not be connected to; None where it is the reader that failed."""
    match error.code:
        case Code.NO_SMARTCARD | Code.REMOVED | Code.RESET:
            return Mishap.LEFT
        case Code.UNRESPONSIVE | Code.UNPOWERED | Code.NOT_TRANSACTED:
            return Mishap.MUTE
        case Code.SHARING_VIOLATION:
            return Mishap.HELD
        case _:
            return None
