"""One order at a desk: wait for a card, have it served, ask for it once more where it left too early.

The order keeps its id from one presentation to the next, so the hub carries it out once.
"""

import queue
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from card_reader.transport.pcsc.field import Field
from card_reader.transport.pcsc.reader import Cards, Mishap, Reader, Trouble
from card_reader.transport.port import Transport
from shared.model.errors import DeviceError, TransientError, VentanillaError

TURN_S: Final = 0.2
AGAIN: Final = frozenset({"removed", "unknown"})
"""What is settled by holding the card there once more."""


class NoCardError(TransientError):
    """No card was held to the reader in time; hold it there, and begin again."""


class UnsettledError(TransientError):
    """The card left too early and did not come back: nobody knows yet; hold it to a desk's reader again."""


class NoDeskReaderError(DeviceError):
    """No card reader works at this desk; look at its cable and at pcscd, then begin again."""


class Served(Protocol):
    """Whoever has an order carried out: the relay."""

    def serve(self, card_uid: bytes, order: Mapping[str, object], transport: Transport) -> dict[str, Any]:
        """Have an order carried out with the card in the field, and return the verdict."""
        ...


class OneOrder(Cards):
    """Serves cards with one order; what comes of each presentation is put into a queue.

    Args:
        relay: to the hub.
        order: as it is asked.
    """

    def __init__(self, relay: Served, order: Mapping[str, object]) -> None:
        self.came: queue.Queue[dict[str, Any] | VentanillaError | Mishap] = queue.Queue()
        self.trouble_now = Trouble.NONE
        self._relay = relay
        self._order = order

    def serve(self, number: bytes, field: Field) -> None:
        """Serve a card that came."""
        try:
            self.came.put(self._relay.serve(number, self._order, field))
        except VentanillaError as error:
            self.came.put(error)

    def missed(self, mishap: Mishap) -> None:
        """A card came and could not be served."""
        self.came.put(mishap)

    def trouble(self, trouble: Trouble) -> None:
        """The reader stands otherwise than before."""
        self.trouble_now = trouble


def carry_out(
    relay: Served,
    order: Mapping[str, object],
    *,
    reader: str,
    wait_s: float,
    ask_again: Callable[[], None],
) -> dict[str, Any]:
    """Wait for a card and have the order carried out.

    Args:
        relay: to the hub.
        order: as it is asked.
        reader: how the reader's name begins; empty for the first.
        wait_s: how long a card is waited for, each time.
        ask_again: called where the card is to be held there once more.

    Returns:
        The hub's verdict.

    Raises:
        NoCardError: none came.
        UnsettledError: it left too early and did not come back.
        NoDeskReaderError: there is no reader.
        VentanillaError: the hub refused, or does not answer.
    """
    cards = OneOrder(relay, order)
    watched = Reader(reader, cards)
    watched.start()
    is_unsettled = False
    try:
        until_s = time.monotonic() + wait_s
        while time.monotonic() < until_s:
            watched.turn()
            try:
                came = cards.came.get(timeout=TURN_S)
            except queue.Empty:
                continue
            match came:
                case dict() if came.get("said") not in AGAIN:
                    return came
                case VentanillaError():
                    raise came
                case dict():
                    is_unsettled = is_unsettled or came.get("said") == "unknown"
                case Mishap():
                    pass
            ask_again()
            until_s = time.monotonic() + wait_s
    finally:
        watched.stop()
    if is_unsettled:
        raise UnsettledError(UnsettledError.__doc__)
    if cards.trouble_now is not Trouble.NONE:
        raise NoDeskReaderError(f"{NoDeskReaderError.__doc__} ({cards.trouble_now.value})")
    raise NoCardError(NoCardError.__doc__)
