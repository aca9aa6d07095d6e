"""Waiting for something that another thread or process does: bounded, and naming what did not come.

The one place in the tests that may sleep; a test never waits for time to pass, it waits for a fact.
"""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_S = 0.01


def eventually(
    look: Callable[[], T],
    *,
    timeout_s: float = 30.0,
    what: str | Callable[[], str] = "",
    pause_s: float = PAUSE_S,
) -> T:
    """Look until there is something to see.

    Args:
        look: Returns what was waited for; anything false means "not yet".
        timeout_s: How long to go on looking.
        what: What was waited for, for the message; called, it tells how things stood when it did not come.
        pause_s: Between two looks; longer where a look costs whoever is looked at.

    Returns:
        The first true answer.

    Raises:
        AssertionError: It did not come in time.
    """
    deadline_s = time.monotonic() + timeout_s
    while not (seen := look()):
        if time.monotonic() >= deadline_s:
            wanted = what if isinstance(what, str) else what()
            msg = f"Not seen within {timeout_s} s: {wanted or look.__qualname__}"
            raise AssertionError(msg)
        time.sleep(pause_s)
    return seen
