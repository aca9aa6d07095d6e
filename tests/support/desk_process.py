"""`ventanilla card` as a real process at a desk: a real pcscd, a card held to it meanwhile."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from shared.edge.home import DeviceHome
from tests.support.pcsc import Pcscd

ROOT = Path(__file__).parents[2]
END_S = 120.0


class DeskProcess:
    """A desk.

    Args:
        home: of an enrolled device.
        pcscd: where its reader is.
    """

    def __init__(self, home: DeviceHome, pcscd: Pcscd) -> None:
        self.home = home
        self._pcscd = pcscd

    def run(
        self, *words: str, meanwhile: Callable[[], None] | None = None, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run `ventanilla card …` to its end.

        Args:
            words: the command, its arguments and options.
            meanwhile: what happens once it has begun.
            typed: on its standard input.
        """
        command = [sys.executable, "-m", "shared.cli", "card", *words, "--home", str(self.home.path)]
        environment = {**os.environ, **self._pcscd.environment}
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            if meanwhile is not None:
                meanwhile()
            out, complaints = process.communicate(typed, timeout=END_S)
        return subprocess.CompletedProcess(command, process.returncode, out, complaints)
