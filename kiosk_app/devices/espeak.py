"""Speech from text: espeak-ng, a process for each sentence, in the languages of the face.

Rule: what is said goes in through a pipe and comes out of one; arguments of a process, which everybody on
the machine can read, name the voice alone.

Source: espeak-ng(1); EN 301 549 8.2.1 (from the quietest to the loudest 18 dB, with 12 dB on the way).
"""

import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from shared.model.errors import DeviceError
from shared.model.wording import Language

VOICES: Final[Mapping[Language, str]] = {Language.ES: "es", Language.CA: "ca", Language.EN: "en-gb"}
AMPLITUDES: Final[Mapping[int, int]] = {1: 25, 2: 50, 3: 100, 4: 141, 5: 200}
"""espeak-ng's amplitude by loudness; each doubling is 6 dB."""
WORDS_PER_MINUTE: Final = 150
_CHUNK_BYTES: Final = 4096


class Synthesis:
    """A sentence that is being spoken.

    Args:
        process: espeak-ng.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._is_stopped = False

    def read(self) -> bytes:
        """Return the next piece of a WAV; nothing at its end.

        Raises:
            DeviceError: there is none, and nobody stopped it.
        """
        pipe = self._process.stdout
        piece = b"" if pipe is None or self._is_stopped else pipe.read(_CHUNK_BYTES)
        if not piece and self._process.wait() and not self._is_stopped:
            raise DeviceError("espeak-ng says nothing; install espeak-ng-data")
        return piece

    def stop(self) -> None:
        """End at once; from any thread, again has no effect."""
        self._is_stopped = True
        self._process.kill()

    def close(self) -> None:
        """Give everything back."""
        self.stop()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


class EspeakNg:
    """espeak-ng.

    Args:
        program: where it is.
    """

    def __init__(self, program: str = "espeak-ng") -> None:
        self._program = program

    def begin(self, text: str, language: Language, loudness: int) -> Synthesis:
        """Begin to speak a sentence.

        Args:
            text: at most a few thousand characters.
            language: whose voice.
            loudness: from 1 to 5.

        Raises:
            DeviceError: it cannot be started.
        """
        voice = ["-v", VOICES[language], "-a", str(AMPLITUDES[loudness]), "-s", str(WORDS_PER_MINUTE)]
        try:
            process = subprocess.Popen(
                [self._program, *voice, "--stdin", "--stdout"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            raise DeviceError(f"{self._program} is not installed; install espeak-ng") from None
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.write(text.encode())
            with suppress(OSError):
                process.stdin.close()
        return Synthesis(process)
