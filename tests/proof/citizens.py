"""Citizens by the hundred at one kiosk: each types secrets, and none of them is found afterwards."""

import time
from pathlib import Path

from tests.support.kiosk_secrets import Citizens

GROUP = 20
"""Citizens between two searches, and between two cuts of the network."""
PATIENCE_S = 600.0
"""For a screen to be replaced: on a machine with thirty times its work that takes minutes."""


def serve(folder: Path, count: int) -> str:
    """Serve so many, the network cut and mended in turns; returns what is wrong, or nothing."""
    began_s = time.monotonic()
    citizens = Citizens(folder, patience_s=PATIENCE_S)
    try:
        for done in range(0, count, GROUP):
            citizens.serve(min(GROUP, count - done))
            if done // GROUP % 2:
                citizens.mend()
            else:
                citizens.cut()
            found = citizens.search()
            if wrong := found.wrong():
                return wrong
            replaced = citizens.kiosk.status()["screen"]["replaced"]
            searched = f"{len(citizens.receipts)} served, {replaced} screens replaced, nothing of them found"
            print(f"  {time.monotonic() - began_s:6.0f} s  {searched}", flush=True)
        if (count + GROUP - 1) // GROUP % 2:
            citizens.mend()
        citizens.wait_until_arrived()
        return citizens.search().wrong()
    finally:
        citizens.close()
