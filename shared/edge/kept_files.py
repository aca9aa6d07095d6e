"""Files of a device that hold what the hub wants of it: whole or not at all, and never half believed.

The first line is the SHA-256 of what follows. A file whose sum does not hold counts as none: the hub is told
what the device has, and sends again what it lacks.
"""

from hashlib import sha256
from pathlib import Path

from shared.adapters.durable_files import make_folder, write_whole
from shared.model.errors import DeviceError


class KeptFileError(DeviceError):
    """A file of settings, commands or bundles is damaged; the hub sends again what was in it."""


def write_kept(path: Path, content: bytes) -> None:
    """Replace a file; a power cut leaves the old or the new one.

    Raises:
        OSError: the disk is full, missing or broken; the old file is untouched.
    """
    make_folder(path.parent)
    write_whole(path, b"%s\n%s" % (sha256(content).hexdigest().encode(), content))


def read_kept(path: Path) -> bytes | None:
    """Return what a file holds; None where there is none.

    Raises:
        KeptFileError: its sum does not hold.
        OSError: it cannot be read.
    """
    if not path.exists():
        return None
    stated, _, content = path.read_bytes().partition(b"\n")
    if stated != sha256(content).hexdigest().encode():
        raise KeptFileError(f"{KeptFileError.__doc__} ({path.name})")
    return content
