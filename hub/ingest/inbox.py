"""The messages that wait for a transaction: bounded in number and bytes, and for each sender.

Not safe by itself for several threads: the worker holds its lock around every call.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Final

from shared.adapters.mqtt_link import Received
from shared.protocol import limits, topics


class Inbox:
    """Messages in their order."""

    def __init__(self) -> None:
        """Begin empty."""
        self._waiting: deque[Received] = deque()
        self._bytes = 0
        self._of_sender: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._waiting)

    def full_for(self, message: Received) -> str | None:
        """Return why a message has no room: `full`, or `flooding` if its own sender did it; else None."""
        if self._of_sender[_sender(message)] >= limits.INBOX_DEVICE_MESSAGES_MAX:
            return "flooding"
        if len(self._waiting) >= limits.INBOX_MESSAGES_MAX:
            return "full"
        return "full" if self._bytes + len(message.payload) > limits.INBOX_BYTES_MAX else None

    def put(self, message: Received) -> None:
        """Let a message wait behind all others."""
        self._waiting.append(message)
        self._count(message)

    def put_back(self, messages: Sequence[Received]) -> None:
        """Let messages that were taken wait again, before all others; they had room before."""
        self._waiting.extendleft(reversed(messages))
        for message in messages:
            self._count(message)

    def take(self, most: int, bytes_most: int) -> Iterable[Received]:
        """Take up to `most` messages out, and not more than `bytes_most` unless the first alone has more."""
        first = True
        while self._waiting and most > 0 and (first or len(self._waiting[0].payload) <= bytes_most):
            message = self._waiting.popleft()
            sender = _sender(message)
            self._bytes -= len(message.payload)
            self._of_sender[sender] -= 1
            if not self._of_sender[sender]:
                del self._of_sender[sender]
            most, bytes_most, first = most - 1, bytes_most - len(message.payload), False
            yield message

    def _count(self, message: Received) -> None:
        self._bytes += len(message.payload)
        self._of_sender[_sender(message)] += 1


def _sender(message: Received) -> str:
    """The device by whose topic a message came; the broker sees to it that nobody else uses that."""
    return message.topic[: message.topic.find("/", _NAME_AT)]


_NAME_AT: Final = len(f"{topics.ROOT}/")
"""Where a device's name begins in its topics."""
