"""Where speech comes out: a loudspeaker or a headset, each a device of ALSA.

Rules:
- What is played passes through a pipe of a tenth of a second: what is stopped is silent at once, and nothing
  is left waiting in a file or a server of sound.
- When this process dies its pipe closes, and so does what plays from it.

Source: aplay(1) of alsa-utils.
"""

import subprocess
from contextlib import suppress
from typing import Final, Protocol

from shared.model.errors import DeviceError

PIPE_BYTES: Final = 4096
"""Some 90 ms of speech."""
BUFFER_US: Final = 100_000
"""What ALSA holds itself."""


class Playing(Protocol):
    """Something that is being played."""

    def write(self, wav: bytes) -> None:
        """Play on; waits as long as what came before takes.

        Raises:
            DeviceError: nothing comes out.
        """
        ...

    def finish(self, wait_s: float) -> bool:
        """Say that no more comes, and wait a moment; returns whether everything was played.

        Raises:
            DeviceError: nothing came out.
        """
        ...

    def stop(self) -> None:
        """Be silent at once; from any thread, again has no effect."""
        ...


class Sound(Protocol):
    """An output."""

    def begin(self) -> Playing:
        """Begin to play.

        Raises:
            DeviceError: it cannot be opened.
        """
        ...


class AlsaSound:
    """An output of ALSA.

    Args:
        device: its name, as `aplay -L` lists it.
        program: aplay.
    """

    def __init__(self, device: str = "default", program: str = "aplay") -> None:
        self._device = device
        self._program = program

    def begin(self) -> "AlsaPlaying":
        """Begin to play.

        Raises:
            DeviceError: aplay is not installed.
        """
        words = [self._program, "-q", "-D", self._device, f"--buffer-time={BUFFER_US}", "-t", "wav", "-"]
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pipesize=PIPE_BYTES,
                bufsize=0,
            )
        except OSError:
            raise DeviceError(f"{self._program} is not installed; install alsa-utils") from None
        return AlsaPlaying(process, self._device)


class AlsaPlaying:
    """Something that aplay plays.

    Args:
        process: aplay, reading from its input.
        device: for the remedy.
    """

    def __init__(self, process: subprocess.Popen[bytes], device: str) -> None:
        self._process = process
        self._device = device
        self._is_stopped = False

    def write(self, wav: bytes) -> None:
        """Play on.

        Raises:
            DeviceError: nothing comes out.
        """
        pipe = self._process.stdin
        if pipe is None or self._is_stopped:
            return
        try:
            pipe.write(wav)
        except (OSError, ValueError):
            self._fail()

    def finish(self, wait_s: float) -> bool:
        """Say that no more comes, and wait a moment.

        Raises:
            DeviceError: nothing came out.
        """
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            status = self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return False
        if status:
            self._fail()
        return True

    def stop(self) -> None:
        """Be silent at once."""
        self._is_stopped = True
        self._process.kill()

    def _fail(self) -> None:
        if not self._is_stopped:
            raise DeviceError(f"nothing comes out of the sound device {self._device}; see aplay -L")
