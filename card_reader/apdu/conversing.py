"""A talk bound to a transport: where bytes leave and come back."""

from typing import TypeVar

from card_reader.apdu.outcome import Doubt, Heard, NotSent, Talk, Unknown
from card_reader.transport.port import NotSentError, Transport, UnansweredError

T = TypeVar("T")


def converse(transport: Transport, talk: Talk[T]) -> T:
    """Hold a talk with a card to its end; what the transport fails at is heard, not raised.

    Returns:
        What the talk came to.
    """
    try:
        command = next(talk)
        while True:
            command = talk.send(_heard(transport, command))
    except StopIteration as ended:
        return ended.value


def _heard(transport: Transport, command: bytes) -> Heard:
    try:
        return transport.transmit(command)
    except NotSentError:
        return NotSent()
    except UnansweredError:
        return Unknown(Doubt.NO_ANSWER)
