"""A device that the conformance kit starts and kills: ours, enrolled with its token, fed every second.

`python -m tests.support.stranger HOME TOKEN`
"""

import itertools
import json
import subprocess
import sys
import threading
from pathlib import Path

from tests.support.device_process import command, report, tap

EVERY_S = 0.7


def main(home: str, token: str) -> None:
    """Enrol the device if it has no identity yet, and feed it until somebody kills all of it."""
    if not any(Path(home).glob("identity/*/answer.json")):
        subprocess.run(command("enrol", "--home", home, "--token", token), check=True)
    running = subprocess.Popen(
        command("run", "--home", home, "--backoff-cap-s", "0.5"),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert running.stdin is not None
    for number in itertools.count(1):
        for event in (tap(number), report(f"farola {number}")):
            running.stdin.write(json.dumps(event).encode() + b"\n")
        running.stdin.flush()
        if threading.Event().wait(EVERY_S) or running.poll() is not None:
            return


if __name__ == "__main__":
    main(*sys.argv[1:3])
