"""How long a citizen waits for a receipt, and how long something of them is at the kiosk.

The kiosk's two real processes without a network, driven through the desk. *Submit* is from "send" to the page
with the receipt, signed and on the disk; *wipe* from "done" to a page with nothing of the session on it;
*anew* from there until the process that knew them is dead and another one in front.
"""

import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from tests.support.kiosk_process import KioskProcess
from tests.support.kiosk_town import KioskTown

CITIZENS: Final = 12
SUBMIT_GOAL_MS: Final = 150
WIPE_GOAL_MS: Final = 100
Row = dict[str, object]


def run() -> list[Row]:
    """Measure.

    Returns:
        Rows of `bench.json`: name, value, unit, against, ratio.
    """
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        town = KioskTown(Path(folder))
        try:
            with KioskProcess(town.home) as kiosk:
                taken = [_serve(kiosk) for _ in range(CITIZENS)]
        finally:
            town.close()
    submit_ms, wipe_ms, anew_ms = zip(*taken, strict=True)
    return [
        _row("kiosk.submit", "150 ms, p95", quantiles(submit_ms, n=20)[-1], SUBMIT_GOAL_MS),
        _row("kiosk.wipe", "100 ms, p95", quantiles(wipe_ms, n=20)[-1], WIPE_GOAL_MS),
        _row("kiosk.anew", "5 s, median", median(anew_ms), 5_000),
    ]


def _serve(kiosk: KioskProcess) -> tuple[float, float, float]:
    """Serve a citizen; returns milliseconds of submit, wipe and anew."""
    screen = kiosk.wait_for_screen()
    kiosk.go_to_review("La farola parpadea desde el lunes", phone="600123456")
    began_s = time.perf_counter()
    page = kiosk.say(touch="send")
    while page["page"] != "report.receipt":
        page = kiosk.say(look=True)
    submitted_s = time.perf_counter()
    page = kiosk.say(touch="done")
    wiped_s = time.perf_counter()
    if page["page"] != "attract":
        raise AssertionError(page)
    kiosk.wait_for_screen(other_than=screen)
    done_s = time.perf_counter()
    spans = (submitted_s - began_s, wiped_s - submitted_s, done_s - wiped_s)
    return spans[0] * 1000, spans[1] * 1000, spans[2] * 1000


def _row(name: str, against: str, value_ms: float, goal_ms: float) -> Row:
    return {
        "name": name,
        "value": round(value_ms, 1),
        "unit": "ms",
        "against": against,
        "ratio": round(value_ms / goal_ms, 2),
    }


if __name__ == "__main__":
    for row in run():
        print(row)
