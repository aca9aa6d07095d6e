"""A kiosk's face from beside it: a line is said, and the page is heard.

The other end is what `ventanilla kiosk run --driven` or `--faceless` opens (`kiosk_app/machine/faceless.py`).
"""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from shared.adapters.socket_paths import reachable

ANSWER_S: Final = 20.0
"""For a line to be answered: the screen answers at its next frame."""
_BLOCK_BYTES: Final = 65_536


class FaceCall:
    """One call; it ends with the screen that took it, and the next line is said to the next one.

    Args:
        door: the path of the socket.
    """

    def __init__(self, door: Path) -> None:
        self._door = door
        self._line: socket.socket | None = None

    def say(self, line: Mapping[str, object]) -> Mapping[str, Any]:
        """Say a line, and return the page.

        Raises:
            OSError: nobody is there, or who was has gone; what they did with the line is not known.
        """
        try:
            if self._line is None:
                self._line = socket.socket(socket.AF_UNIX)
                self._line.settimeout(ANSWER_S)
                with reachable(self._door) as name:
                    self._line.connect(name)
            self._line.sendall(json.dumps(line).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                block = self._line.recv(_BLOCK_BYTES)
                if not block:
                    raise ConnectionResetError
                answer += block
        except OSError:
            self.close()
            raise
        return json.loads(answer)

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()
            self._line = None
