"""`python -m card_reader.virtual_reader <folder> [<name> …]`: a pcscd of one's own; its readers are sockets.

    <folder>/pcscd.comm        whoever sets PCSCLITE_CSOCK_NAME to it speaks to this pcscd
    <folder>/<name>.sock       a reader; a virtual card is held to it
    <folder>/readers/          pcscd's configuration

The process becomes pcscd itself, in the foreground: its id is pcscd's, and it can be killed and started again
at the same place. It needs no network and opens no port.

Rules:
- pcscd is handed its socket as a service manager would, so that several run side by side, and beside the
  machine's own.
- It keeps a file in /run/pcscd all the same, and clears that folder when it ends. So it is given an empty
  one, in a mount namespace of its own; where the kernel allows none, the machine's.

Source: pcscd(8); sd_listen_fds(3); unshare(1).
"""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

DRIVER: Final = Path(sys.prefix) / "share/ventanilla/reader/ventanilla_ifd.so"
"""Made by `make reader`."""
ANSWER_MS: Final = 5_000
"""How long a card may think, unless the name says otherwise: `door@800`."""
_PCSCD: Final = ("/usr/sbin/pcscd", "--foreground", "--error")
_FIRST_PASSED: Final = 3
"""The descriptor that a service manager passes first."""
_RUN: Final = "/run/pcscd"
_HIDING: Final = f'mount -t tmpfs none {_RUN} && exec "$@"'


def configured(folder: Path, names: list[str]) -> Path:
    """Write pcscd's configuration, one file a reader; return its folder."""
    readers = folder / "readers"
    readers.mkdir(parents=True, exist_ok=True)
    for stale in readers.iterdir():
        stale.unlink()
    for each in names:
        name, _, answer_ms = each.partition("@")
        lines = (
            f'FRIENDLYNAME "{name}"',
            f"DEVICENAME socket:{folder / name}.sock@{answer_ms or ANSWER_MS}",
            f"LIBPATH {DRIVER}",
        )
        (readers / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return readers


def hidden() -> list[str]:
    """Return the words that run a command with a /run/pcscd of its own; none where that cannot be."""
    alone = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    words = [*alone, "sh", "-c", _HIDING, "pcscd"]
    try:
        Path(_RUN).mkdir(exist_ok=True)
        tried = subprocess.run([*words, "true"], check=False, capture_output=True)
    except OSError:
        return []
    return words if tried.returncode == 0 else []


def listening(path: Path) -> None:
    """Open pcscd's socket, as the descriptor that it looks for."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(16)
    descriptor = listener.detach()
    if descriptor != _FIRST_PASSED:
        os.dup2(descriptor, _FIRST_PASSED)
        os.close(descriptor)
    os.set_inheritable(_FIRST_PASSED, True)  # noqa: FBT003 - that is its form


def main(arguments: list[str]) -> None:
    """Become pcscd."""
    folder = Path(arguments[0]).absolute()
    readers = configured(folder, arguments[1:] or ["reader"])
    command = [*hidden(), *_PCSCD, "--config", str(readers)]
    listening(folder / "pcscd.comm")
    passed = ("LISTEN_FDS=1", f"LISTEN_PID={os.getpid()}")
    os.execvp("env", ["env", *passed, *command])  # noqa: S606, S607 - it becomes pcscd, without a shell


if __name__ == "__main__":
    main(sys.argv[1:])
