"""A process whose wall clock is wrong, by libfaketime: it can be set while the process runs."""

from pathlib import Path

from tests.support.programs import find_program

YEAR_S = 365 * 86_400
LIBRARY = "faketime/libfaketimeMT.so.1"


class OtherClock:
    """A clock that processes may be given; what measures durations goes on as it was.

    Args:
        file: where libfaketime reads how far it is off, at each look.

    Attributes:
        around: the command that runs another one under this clock.
    """

    def __init__(self, file: Path) -> None:
        # A test of clocks without its one tool shows nothing: it fails everywhere, it does not skip.
        assert find_program("faketime"), "faketime is not installed; `make setup` says how to install it."
        (library, *_) = sorted(Path("/usr/lib").glob(f"*/{LIBRARY}"))
        self._file = file
        self.set(0)
        self.around = (
            "env",
            f"LD_PRELOAD={library}",
            f"FAKETIME_TIMESTAMP_FILE={file}",
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
        )

    def set(self, ahead_s: int) -> None:
        """Set it so far ahead of the machine's, or back where it is below 0."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{ahead_s:+d}\n", encoding="ascii")
        fresh.replace(self._file)
