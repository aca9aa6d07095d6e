"""The two slots, as the running firmware sees them: begin a trial, confirm it, stand after a minute.

Rules:
- Nothing here decides what may be tried; `ota` does.
- The running slot is never the one that is written to.
"""

import sys

from beacon_node.firmware import boot

HEARD_MINUTES_MAX = 30
"""How long a firmware on trial may hear the hub without a session; then its start has failed."""
MINUTES_MAX = 1440
"""The same where the hub says nothing: that may be the hub's fault, or the network's."""


def running() -> str:
    """Return the slot that this firmware was started from."""
    for place in sys.path:
        if place[1:] in boot.PLACES:
            return place[1:]
    return boot.read()["good"]


def other() -> str:
    """Return the slot that may be written to."""
    return "b" if running() == "a" else "a"


def begin(slot: str, sequence: int) -> None:
    """Put a whole, verified firmware on trial at the next start.

    Args:
        slot: where it lies.
        sequence: its number; it is refused by that if it does not prove itself.

    Raises:
        ValueError: It is the slot that runs.
    """
    if slot == running() or slot not in boot.PLACES:
        raise ValueError("the slot that runs is not put on trial; write to the other one")
    stand = boot.read()
    stand.update(trial=slot, sequence=sequence, boots=0)
    boot.write(stand)


def on_trial() -> bool:
    """Return whether the running firmware has to prove itself."""
    return boot.read()["trial"] == running()


def has_failed(minutes: int, heard_minutes: int) -> bool:
    """Return whether a start on trial was long enough.

    Args:
        minutes: since the start.
        heard_minutes: of these, since the hub's first word in this start.
    """
    return minutes >= MINUTES_MAX or heard_minutes >= HEARD_MINUTES_MAX


def confirm() -> bool:
    """Make the running firmware the good one; return whether it was on trial."""
    stand = boot.read()
    if stand["trial"] != running():
        return False
    stand.update(good=stand["trial"], trial=None, sequence=0, boots=0)
    boot.write(stand)
    return True


def stood() -> None:
    """Forget the starts of a good firmware that has run long enough; a trial is not touched."""
    stand = boot.read()
    if not stand["trial"] and stand["boots"]:
        stand["boots"] = 0
        boot.write(stand)


def tried_safely() -> None:
    """After a while in safe mode: let the whole firmware be tried three times more."""
    stand = boot.read()
    if not stand["trial"]:
        stand["boots"] = boot.GOOD_BOOTS_MAX - boot.TRIAL_BOOTS_MAX
        boot.write(stand)


def safe() -> bool:
    """Return whether this start is one too many: the air alone is run."""
    stand = boot.read()
    return not stand["trial"] and stand["boots"] > boot.GOOD_BOOTS_MAX


def is_refused(sequence: int) -> bool:
    """Return whether a firmware was tried and given up."""
    return sequence in boot.read()["refused"]
