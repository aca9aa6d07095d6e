"""Cards for tests: scripted ones that say what a test wants, and the hands that hold a talk with them."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from card_reader.apdu.conversing import converse
from card_reader.apdu.outcome import Talk
from card_reader.desfire.card import Card
from card_reader.desfire.session import Session

T = TypeVar("T")


class Scripted:
    """A card that expects one command after the other, and gives the answer that stands beside it."""

    def __init__(self, script: Sequence[tuple[bytes, bytes]]) -> None:
        self._script: Iterator[tuple[bytes, bytes]] = iter(script)
        self._left = len(script)

    @property
    def is_finished(self) -> bool:
        return self._left == 0

    def transmit(self, command: bytes) -> bytes:
        expected, answer = next(self._script)
        self._left -= 1
        assert command == expected, f"{command.hex()} is not {expected.hex()}"
        return answer


def hold(transport: Scripted, talk: Talk[T]) -> T:
    """Hold a talk with a scripted card."""
    return converse(transport, talk)


def random_of(*numbers: bytes) -> Callable[[int], bytes]:
    """Randomness that is not: gives these numbers in their order."""
    left = iter(numbers)

    def draw(count: int) -> bytes:
        number = next(left)
        assert len(number) == count
        return number

    return draw


class OpenCard(Card):
    """A card whose session is already open."""

    def __init__(self, session: Session) -> None:
        super().__init__(random_of())
        self._session = session
