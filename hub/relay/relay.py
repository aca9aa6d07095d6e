"""The relay: a desk's reader gives the hub the card's answers, and gets the next command.

    step = relay.begin(device, kind, card_uid, order)     # Next(talk, n, command), or a Verdict
    step = relay.heard(device, talk, n, heard)            # until it is a Verdict

Rules:
- The talk stays here between two requests; what a desk sees of it are the bytes that the card sees too.
- A talk is its desk's alone, has a name that nobody guesses, a number for each command, so many commands and
  so much time. Whatever is not the answer to its last command ends it; what it had not committed does not
  count, and what nobody knows is settled at the card's next presentation.
- A desk has one talk at a time: a new one ends the one before.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from secrets import token_bytes, token_hex
from typing import Final

from card_reader.apdu.outcome import Heard, Talk
from card_reader.citizen_card.holder import FIRST_FORM, day_of
from card_reader.citizen_card.journal import terminal_number
from hub.domain.cards.deeds import served
from hub.domain.cards.making import made
from hub.domain.cards.orders import MAKES, Do, Order, check_may
from hub.domain.cards.ports import CardKeys, Counter, DeedBook, Pins
from hub.domain.cards.verdict import Verdict
from shared.model.errors import CapacityError, ConflictError, InputError
from shared.model.fares import Fares
from shared.model.instants import business_day
from shared.protocol.relay import COMMANDS_MAX

TALK_S_MAX: Final = 60.0
"""A card lies on a reader for two seconds; then somebody has taken it away, or the network."""
TALKS_MAX: Final = 64
"""Desks that serve at one moment."""
UID_BYTES: Final = 7


class TalkOverError(ConflictError):
    """This talk with the card is over; hold the card to the reader and begin again."""


class RelayBusyError(CapacityError):
    """Too many desks speak to cards at this moment; try again in some seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The next command of a talk.

    Attributes:
        talk: its name.
        n: which command it is, from 1.
        command: the APDU.
    """

    talk: str
    n: int
    command: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The end of a talk that was asked for in private: the verdict, for whoever asked alone.

    Attributes:
        sealed: it.
    """

    sealed: str


@dataclass(slots=True)
class _Open:
    """A talk under way."""

    device: str
    talk: Talk[Verdict]
    until_s: float
    seal: Callable[[Verdict], str] | None
    n: int = 1
    lock: threading.Lock = field(default_factory=threading.Lock)


class Relay:
    """Holds talks; any thread may call.

    Args:
        keys: the town's card keys.
        book: of deeds.
        pins: of cards.
        subject: gives the pseudonym of card id and issue.
        clock: the hub's time, Unix epoch in milliseconds.
        fares: gives those in force at a desk, by its name; None where there are none.
        form: of the holder file, that new cards get, and others with their next deed.
        monotonic_s: a clock.

    Attributes:
        verdicts: how many orders came to what.
    """

    def __init__(  # noqa: PLR0913  every part that a talk needs is given by its name
        self,
        keys: CardKeys,
        book: DeedBook,
        *,
        pins: Pins,
        subject: Callable[[bytes, int], str],
        clock: Callable[[], int],
        fares: Callable[[str], Fares | None],
        form: int = FIRST_FORM,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.verdicts: dict[str, int] = {}
        self._keys = keys
        self._book = book
        self._pins = pins
        self._subject = subject
        self._clock = clock
        self._fares = fares
        self._form = form
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}

    def count(self, verdict: Verdict) -> None:
        """Count what came of an order; of one without a talk, whoever carried it out says so."""
        with self._lock:
            self.verdicts[verdict.said.value] = self.verdicts.get(verdict.said.value, 0) + 1

    def begin(
        self,
        device: str,
        kind: str,
        card_uid: bytes,
        order: Order,
        seal: Callable[[Verdict], str] | None = None,
    ) -> Next | Verdict | Closed:
        """Begin a talk.

        Args:
            device: that asks.
            kind: as what it was enrolled.
            card_uid: the card's number in the air.
            order: what is to be done with it.
            seal: closes the verdict to everybody but who asked; None: the device itself reads it.

        Raises:
            InputError: the device may not, or the number is no card's of the town.
            RelayBusyError: too many talks are under way.
            NoCardKeysError: the hub has no card keys.
        """
        check_may(kind, order)
        if order.do is Do.LOST:
            raise InputError("a lost card is held to no reader; correct the sender")
        if len(card_uid) != UID_BYTES:
            raise InputError("a card of the town has a number of 7 bytes; hold another card there")
        counter = self._counter(device)
        hold = made if order.do in MAKES else served
        opened = _Open(device, hold(card_uid, order, counter), self._monotonic_s() + TALK_S_MAX, seal)
        name = token_hex(16)
        with self._lock:
            self._sweep(device)
            if len(self._open) >= TALKS_MAX:
                raise RelayBusyError(RelayBusyError.__doc__)
            self._open[name] = opened
        with opened.lock:
            return self._step(name, opened, None)

    def heard(self, device: str, name: str, n: int, heard: Heard) -> Next | Verdict | Closed:
        """Go on with a talk.

        Args:
            device: that asks.
            name: of the talk.
            n: of the command that is answered.
            heard: what came of it.

        Raises:
            TalkOverError: there is no such talk of this device, or it waits for something else.
        """
        with self._lock:
            opened = self._open.get(name)
        if opened is None or opened.device != device:
            raise TalkOverError(TalkOverError.__doc__)
        with opened.lock:
            is_late = self._monotonic_s() > opened.until_s
            if n != opened.n or is_late or n >= COMMANDS_MAX or name not in self._open:
                self._end(name)
                raise TalkOverError(TalkOverError.__doc__)
            opened.n += 1
            return self._step(name, opened, heard)

    def _step(self, name: str, opened: _Open, heard: Heard | None) -> Next | Verdict | Closed:
        """Let a talk go on to its next command, or to its end."""
        try:
            command = next(opened.talk) if heard is None else opened.talk.send(heard)
        except StopIteration as ended:
            self._forget(name)
            verdict: Verdict = ended.value
            self.count(verdict)
            return verdict if opened.seal is None else Closed(sealed=opened.seal(verdict))
        except BaseException:
            self._forget(name)
            raise
        return Next(talk=name, n=opened.n, command=command)

    def _counter(self, device: str) -> Counter:
        now_ms = self._clock()
        return Counter(
            device=device,
            terminal=terminal_number(device),
            keys=self._keys,
            book=self._book,
            pins=self._pins,
            subject=self._subject,
            draw=token_bytes,
            now_s=now_ms // 1000,
            day=day_of(date.fromisoformat(business_day(now_ms))),
            fares=partial(self._fares, device),
            form=self._form,
        )

    def _sweep(self, device: str) -> None:
        """End what is late, and what the device had; a talk that is at work ends itself."""
        now_s = self._monotonic_s()
        over = [n for n, each in self._open.items() if each.device == device or now_s > each.until_s]
        for name in over:
            gone = self._open.pop(name)
            if gone.lock.acquire(blocking=False):
                gone.talk.close()
                gone.lock.release()

    def _end(self, name: str) -> None:
        gone = self._forget(name)
        if gone is not None:
            gone.talk.close()

    def _forget(self, name: str) -> _Open | None:
        with self._lock:
            return self._open.pop(name, None)
