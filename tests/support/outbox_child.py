"""A process that owns an outbox and tells, line by line, what it was told itself; made to be hurt.

Run as `python -m tests.support.outbox_child FOLDER COUNT [killed]`; `killed` ends it with -9 after the last
line, or when it broke, so that its write-ahead log stays as it is. Each line of its output is a JSON list:
`["told", stream, epoch, seq, id]` after an append returned; `["broken", refusals]` when the outbox broke,
with how many of three further verbs it refused then; `["unopened"]` when it could not be opened.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from shared.adapters.outbox import Outbox, OutboxBrokenError, OutboxLimits
from shared.model.event import Stream
from shared.protocol import limits
from tests.support.outbox import DEVICE, take

CYCLE = (Stream.PAYMENTS, Stream.CASES, Stream.PAYMENTS, Stream.HEALTH)


def say(output: int, *what: object) -> None:
    """Write one whole line at once, past every buffer."""
    os.write(output, json.dumps(what).encode() + b"\n")


def live(outbox: Outbox, count: int, output: int) -> None:
    """Live one life of an owner: append, now and then acknowledge and expire, and tell."""
    for n in range(count):
        stream = CYCLE[n % len(CYCLE)]
        taken = take(outbox, stream, "x" * (n % 7 * 90), now_ms=n)
        say(output, "told", stream, taken.epoch, taken.seq, taken.event_id)
        if n % 5 == 4:
            view = outbox.epochs(stream)[-1]
            outbox.acknowledge(stream, view.epoch, view.last - 1, now_ms=n)
            outbox.expire(n + limits.KEEP_WINDOW_MS // 2)


def refusals(outbox: Outbox) -> int:
    """Count the verbs that a broken outbox refuses, of three."""
    verbs: list[Callable[[], object]] = [
        lambda: take(outbox, Stream.PAYMENTS),
        lambda: outbox.find("00000000-0000-7000-8000-000000000000"),
        lambda: outbox.waiting(Stream.CASES, 0),
    ]
    refused = 0
    for verb in verbs:
        try:
            verb()
        except OutboxBrokenError:
            refused += 1
    return refused


def main() -> int:
    """Live until the count is reached or the outbox breaks; return the exit status."""
    folder, count, output = Path(sys.argv[1]), int(sys.argv[2]), sys.stdout.fileno()
    try:
        outbox = Outbox(folder / "outbox.db", DEVICE, OutboxLimits(ballast_bytes=0))
    except OutboxBrokenError:
        say(output, "unopened")
        return 4
    with outbox:
        try:
            live(outbox, count, output)
        except OutboxBrokenError:
            say(output, "broken", refusals(outbox))
            _be_killed_if_wanted()
            return 3
        _be_killed_if_wanted()
    return 0


def _be_killed_if_wanted() -> None:
    if "killed" in sys.argv[3:]:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
