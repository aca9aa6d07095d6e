"""The camera: a photograph from a V4L2 device, through v4l2-ctl of the kernel's own v4l-utils.

    camera = V4lCamera("/dev/video0")
    jpeg = camera.take()

Rules:
- The photograph comes through a pipe and lies in memory alone.
- The first pictures of a stream are dark: some are skipped while the exposure settles.
- A camera that fails is closed for citizens until it answers again.

Source: Linux, Documentation/userspace-api/media/v4l; MJPEG frames are JPEG (ISO/IEC 10918-1).
"""

import itertools
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kiosk_app.core.words import Words, say
from kiosk_app.devices.port import WORKS, Health, State
from shared.model.errors import DeviceError

TAKE_TIMEOUT_S: Final = 6.0
"""From the press to the picture; a camera that needs longer is shown as broken."""
LOOK_TIMEOUT_S: Final = 2.0
SKIPPED_PICTURES: Final = 8
PICTURE_BYTES_MAX: Final = 16 * 1024 * 1024
_BEGIN: Final = b"\xff\xd8\xff"
_END: Final = b"\xff\xd9"
NO_CAMERA: Final[Words] = say("La cámara no funciona ahora. Puede seguir sin fotos.")


class V4lCamera:
    """A camera that the kernel knows.

    Args:
        path: of its device.
        width: of the picture, pixels.
        height: of the picture, pixels.
        program: v4l2-ctl.
        timeout_s: for a photograph.
    """

    def __init__(
        self,
        path: str,
        *,
        width: int = 1920,
        height: int = 1080,
        program: str = "v4l2-ctl",
        timeout_s: float = TAKE_TIMEOUT_S,
    ) -> None:
        self._path = path
        self._form = f"width={width},height={height},pixelformat=MJPG"
        self._program = program
        self._timeout_s = timeout_s
        self._has_failed = False

    def open(self) -> None:
        """See that it answers.

        Raises:
            DeviceError: it does not.
        """
        self._ask(["--info"], LOOK_TIMEOUT_S)
        self._has_failed = False

    def close(self) -> None:
        """Nothing is held between photographs."""

    def take(self) -> bytes:
        """Return a photograph as JPEG.

        Raises:
            DeviceError: none came, or something else.
        """
        stream = [f"--stream-skip={SKIPPED_PICTURES}", "--stream-count=1", "--stream-to=-"]
        try:
            said = self._ask([f"--set-fmt-video={self._form}", "--stream-mmap", *stream], self._timeout_s)
            return self._picture(said)
        except DeviceError:
            self._has_failed = True
            raise

    def health(self) -> Health:
        """Look for its device; one that failed is asked whether it is back."""
        try:
            if not Path(self._path).exists():
                self._has_failed = True
                raise DeviceError(f"the camera {self._path} is not plugged in; check its cable")
            if self._has_failed:
                self.open()
        except DeviceError as error:
            away = State.BROKEN if Path(self._path).exists() else State.AWAY
            return Health(state=away, remedy=str(error), why=NO_CAMERA)
        return WORKS

    def _ask(self, words: Sequence[str], timeout_s: float) -> bytes:
        command = [self._program, f"--device={self._path}", *words]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
            )
        except FileNotFoundError:
            raise DeviceError(f"{self._program} is not installed; install v4l-utils") from None
        except subprocess.TimeoutExpired:
            raise DeviceError(f"the camera {self._path} does not answer; unplug it and plug it in") from None
        if done.returncode != 0:
            raise DeviceError(f"the camera {self._path} gives no picture; check its cable, then replace it")
        return done.stdout

    def _picture(self, said: bytes) -> bytes:
        begin, end = said.find(_BEGIN), said.rfind(_END)
        if not 0 <= begin < end or len(said) > PICTURE_BYTES_MAX:
            raise DeviceError(f"the camera {self._path} gives no JPEG; set up one that offers MJPG")
        return said[begin : end + len(_END)]


class FolderCamera:
    """A camera without hardware, for demonstrations: shows the pictures of a folder in turn.

    Args:
        folder: with JPEG files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = itertools.count()

    def open(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""

    def take(self) -> bytes:
        """Return the next picture.

        Raises:
            DeviceError: there is none.
        """
        pictures = self._pictures()
        if not pictures:
            raise DeviceError(self.health().remedy)
        return pictures[next(self._turn) % len(pictures)].read_bytes()

    def health(self) -> Health:
        """Look for pictures."""
        if self._pictures():
            return WORKS
        return Health(state=State.AWAY, remedy=f"{self._folder} has no *.jpg; put one there", why=NO_CAMERA)

    def _pictures(self) -> Sequence[Path]:
        return sorted(self._folder.glob("*.jpg"))
