"""Reading a citizen's card: the reader is this process's, the keys are the hub's, the owner passes bytes on.

    reading = CardReading(device, sealing, owner, reader)
    given_up = reading.begin()       # on the thread that gives up
    said = reading.read(pin, given_up)   # waits for a card; on a thread of its own
    reading.give_up()                # the citizen has gone

Rules:
- The order, with the card's number and the PIN, is sealed to the hub, and the verdict comes back under the
  same context: nobody between reads either. The context is forgotten with the talk.
- One reading at a time: a new one ends the wait of the one before. It can be given up from the moment that it
  is begun, also while the one before it ends.
- Nothing is asked twice: what fails ends the talk, and the citizen begins again.
"""

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Final

import structlog

from card_reader.transport.port import NotSentError, Transport, UnansweredError
from kiosk_app.devices.port import CardReader, MuteCardError, NoCardHeldError
from kiosk_app.machine.far_owner import FarOwner
from kiosk_app.machine.sealed_order import SealedOrder
from shared.model.errors import DeviceError, InputError, TransientError, VentanillaError
from shared.model.fields import text, whole
from shared.protocol.parsing import parse_object
from shared.protocol.relay import COMMANDS_MAX, Answer, Failed
from shared.protocol.sealing import HubSealingPublicKey

WAIT_S: Final = 40.0
"""For a card: time to look for it in a bag, and less than it takes to be asked whether one is there."""
STEP_S: Final = 12.0
"""For one step of the talk: longer than the owner waits for the hub."""
UID_BYTES: Final = 7
READER_GONE: Final = "reader"
NO_CARD: Final = "no_card"
STRANGER: Final = "foreign_card"
UNREADABLE: Final = "unreadable"
UNREACHED: Final = "unreached"
_DONE: Final = "done"
_NAME_LENGTH_MAX: Final = 64
_COMMAND_LENGTH_MAX: Final = 600

log = structlog.get_logger(__name__)


class CardNotReadError(TransientError):
    """The card was not read; hold it to the reader again.

    Attributes:
        reason: as the task knows it.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        first = (CardNotReadError.__doc__ or "").splitlines()[0]
        super().__init__(f"{first} ({reason})")


class CardReading:
    """Reads cards.

    Args:
        device: this kiosk's name.
        sealing: what is sealed to, where the owner has told of no newer key.
        owner: asks the hub.
        reader: where citizens hold their card.
        wait_s: how long a card is waited for.
    """

    def __init__(
        self,
        device: str,
        sealing: HubSealingPublicKey,
        owner: FarOwner,
        reader: CardReader,
        wait_s: float = WAIT_S,
    ) -> None:
        self._device = device
        self._sealing = sealing
        self._owner = owner
        self._reader = reader
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._given_up = threading.Event()

    def begin(self) -> threading.Event:
        """A card is to be read; whoever waited for one waits no more. On the thread that gives up.

        Returns:
            What is set when this reading is given up.
        """
        self._given_up.set()
        self._given_up = threading.Event()
        return self._given_up

    def give_up(self) -> None:
        """Wait for no card any more."""
        self._given_up.set()

    def read(self, pin: str, given_up: threading.Event) -> Mapping[str, Any]:
        """Wait for a card, and have it read.

        Args:
            pin: as it was typed; empty where none was.
            given_up: of `begin`.

        Returns:
            What the hub tells of it.

        Raises:
            CardNotReadError: nothing is told, and why.
        """
        with self._lock:
            if given_up.is_set():
                raise CardNotReadError(NO_CARD)
            try:
                said = self._reader.serve(
                    lambda uid, field: self._talk(uid, field, pin), given_up, self._wait_s
                )
            except NoCardHeldError as error:
                raise CardNotReadError(NO_CARD) from error
            except MuteCardError as error:
                raise CardNotReadError(UNREADABLE) from error
            except DeviceError as error:
                log.warning("card_reader_failed", reason=str(error))
                raise CardNotReadError(READER_GONE) from error
            except CardNotReadError:
                raise
            except (VentanillaError, TimeoutError) as error:
                log.warning("card_not_read", reason=type(error).__name__)
                raise CardNotReadError(UNREACHED) from error
        word = str(said.get("said"))
        if word != _DONE:
            raise CardNotReadError(word)
        return said

    def _talk(self, uid: bytes, field: Transport, pin: str) -> Mapping[str, Any]:
        """Hold the talk: the hub's commands to the card, the card's answers to the hub."""
        if len(uid) != UID_BYTES:
            raise CardNotReadError(STRANGER)
        order = SealedOrder(self._device, self._owner.told.sealing or self._sealing)
        said = self._asked("", order.begin({"do": "mine", **({"pin": pin} if pin else {})}, uid))
        for _ in range(COMMANDS_MAX):
            if "sealed" in said:
                return order.verdict(said)
            n, talk = whole(said, "n", 1, COMMANDS_MAX), text(said, "talk", _NAME_LENGTH_MAX)
            heard = Answer(n=n, heard=_heard(field, _command(said)))
            said = self._asked(talk, parse_object(heard.to_body()))
        raise TransientError("a talk with a card has no end; try again")

    def _asked(self, talk: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        asked: Future[Mapping[str, Any]] = self._owner.ask_card(talk, body)
        return asked.result(STEP_S)


def _command(said: Mapping[str, Any]) -> bytes:
    try:
        return bytes.fromhex(text(said, "command", _COMMAND_LENGTH_MAX))
    except ValueError:
        raise InputError("a command for a card is hexadecimal; update the hub") from None


def _heard(field: Transport, command: bytes) -> bytes | Failed:
    try:
        return field.transmit(command)
    except NotSentError:
        return Failed.NOT_SENT
    except UnansweredError:
        return Failed.NO_ANSWER
