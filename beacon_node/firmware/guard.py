"""The watchdog is fed only while every task moves: one that hangs takes the board down, and is named.

Rules:
- Each part names its limit when it begins; a part that never began is not waited for.
- Who stalled is kept on the flash before the dog bites.
"""

STALLED = "/stalled"


class Guard:
    """What stands between a task that hangs and a beacon that hangs.

    Args:
        ticks: a module or an object with `ticks_ms` and `ticks_diff`.
        watchdog: has `feed`; None where there is none.
        stalled: where the name of who stalled is kept.
    """

    def __init__(self, ticks, watchdog, stalled: str = STALLED) -> None:
        self._ticks = ticks
        self._watchdog = watchdog
        self._stalled = stalled
        self._limits_ms = {}
        self._moved = {}
        self._told = False

    def watch(self, name: str, limit_ms: int) -> None:
        """Wait from now on for a task to move, at least once in so long."""
        self._limits_ms[name] = limit_ms
        self.moved(name)

    def let_go(self, name: str) -> None:
        """Wait no more for a task that has ended as it should."""
        self._limits_ms.pop(name, None)

    def moved(self, name: str) -> None:
        """Say that a task moves."""
        self._moved[name] = self._ticks.ticks_ms()

    def check(self) -> "str | None":
        """Feed the watchdog, if every task has moved; return the name of one that has not."""
        now = self._ticks.ticks_ms()
        for name in self._limits_ms:
            if self._ticks.ticks_diff(now, self._moved[name]) > self._limits_ms[name]:
                self._tell(name)
                return name
        if self._watchdog is not None:
            self._watchdog.feed()
        return None

    def _tell(self, name: str) -> None:
        if not self._told:
            self._told = True
            try:
                with open(self._stalled, "w") as file:
                    file.write(name)
            except OSError:
                pass
