"""Chooses which of the two firmwares runs, counts the start, and does nothing else. Lies at the board's root.

    /slots   {"good": "a", "trial": "b" | null, "sequence": 12, "boots": 1, "refused": [11]}

Rules:
- A start is counted on the flash before anything of the slot is run: a firmware that hangs at once is
  counted too.
- A firmware on trial has three starts. Then it is refused by its sequence, and the good one runs.
- A good firmware that was started ten times and never stood a minute runs in safe mode: the air alone.
- The file is replaced in one step; a spoilt one is as none.
"""

import json
import os
import sys

SLOTS = "/slots"
PLACES = ("a", "b")
TRIAL_BOOTS_MAX = 3
GOOD_BOOTS_MAX = 10
REFUSED_MAX = 16


def read(path: str = SLOTS) -> dict:
    """Return how the slots stand; the beginning of everything where the file is missing or spoilt."""
    try:
        with open(path) as file:
            said = json.load(file)
    except (OSError, ValueError):
        said = {}
    if not isinstance(said, dict):
        said = {}
    good = said.get("good")
    if good not in PLACES:
        good = "a" if _is_there("/a") or not _is_there("/b") else "b"
    trial = said.get("trial")
    refused = said.get("refused")
    return {
        "good": good,
        "trial": trial if trial in PLACES and trial != good else None,
        "sequence": _number(said.get("sequence")),
        "boots": _number(said.get("boots")),
        "refused": [_number(each) for each in refused] if isinstance(refused, list) else [],
    }


def write(stand: dict, path: str = SLOTS) -> None:
    """Replace the slots' file in one step."""
    with open(path + ".new", "w") as file:
        json.dump(stand, file)
    os.rename(path + ".new", path)


def count(stand: dict) -> str:
    """Count one start, and give up a trial that has had its three.

    Args:
        stand: how the slots stand; changed.

    Returns:
        The slot to run.
    """
    stand["boots"] += 1
    if stand["trial"] and stand["boots"] > TRIAL_BOOTS_MAX:
        stand["refused"] = (stand["refused"] + [stand["sequence"]])[-REFUSED_MAX:]
        stand["trial"] = None
        stand["sequence"] = 0
        stand["boots"] = 1
    return stand["trial"] or stand["good"]


def start(path: str = SLOTS) -> str:
    """Count this start on the flash and put the chosen slot before everything else that is imported.

    Returns:
        The slot. Where the flash takes nothing, the good one: what cannot be counted is not tried.
    """
    stand = read(path)
    slot = count(stand)
    try:
        write(stand, path)
    except OSError:
        slot = stand["good"]
    sys.path.insert(0, "/" + slot)
    return slot


def _number(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _is_there(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    start()
