"""A device in a process of its own, on a machine whose clocks, wall clock and uptime, can be moved on.

    python -m tests.support.device_of_another_day HOME FILE      FILE: by how many seconds; it may change

It is put together as `ventanilla device run` is, with other clocks; libfaketime could not do it: what counts
the uptime would move with what Python's waits count by, and they would hang. What waits by itself (the link
between two dials, at most a minute) waits in real time.
"""

import select
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from shared.edge.device_time import DeviceTime, system_time
from shared.edge.ending import until_told
from shared.edge.faceless import Faceless
from shared.edge.home import DeviceHome
from shared.edge.line_input import LineInput
from shared.edge.main import open_device


def moved_on(clock: Callable[[], int], file: Path) -> Callable[[], int]:
    """A clock that is ahead by what a file says."""
    return lambda: clock() + 1000 * int(file.read_text(encoding="ascii"))


def main(home: Path, file: Path) -> None:
    """Run until told to end."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    machine = system_time()
    clock = DeviceTime(wall_ms=moved_on(machine.wall_ms, file), uptime_ms=moved_on(machine.uptime_ms, file))
    with (
        until_told() as ending,
        open_device(DeviceHome(home), backoff_cap_ms=300, clock=clock) as device,
        Faceless(device.teller, device.reader, device.clock, device.attaching, device.admission) as faceless,
    ):
        for batch in LineInput(0, ending.told, None).batches():
            sys.stdout.buffer.write(faceless.take(batch))
            sys.stdout.buffer.flush()
        select.select([ending.told], [], [])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
