"""What a board does when its power comes: the flash is mounted as the root, `boot.py` runs, then `main.py`.

The flash is a folder of the computer (BOARD_FLASH).
"""

import gc
import os
import sys

import vfs


class Flash:
    """A folder as a file system. MicroPython's own cannot rename there: it joins both paths in one buffer."""

    def __init__(self, folder):
        self._folder = folder
        self._files = vfs.VfsPosix()

    def mount(self, readonly, mkfs):
        """Be mounted."""

    def umount(self):
        """Be no more."""

    def chdir(self, path):
        """Stay at the root: every name in the firmware is whole."""

    def getcwd(self):
        """Say where that is."""
        return "/"

    def open(self, path, mode):
        """Open a file."""
        return self._files.open(self._folder + self._whole(path), mode)

    def ilistdir(self, path):
        """List a folder."""
        return self._files.ilistdir(self._folder + self._whole(path))

    def mkdir(self, path):
        """Make a folder."""
        self._files.mkdir(self._folder + self._whole(path))

    def remove(self, path):
        """Remove a file."""
        self._files.remove(self._folder + self._whole(path))

    def rename(self, old, new):
        """Rename, in one step."""
        self._files.rename(self._folder + self._whole(old), self._folder + self._whole(new))

    def rmdir(self, path):
        """Remove a folder."""
        self._files.rmdir(self._folder + self._whole(path))

    def stat(self, path):
        """Say what lies there."""
        return self._files.stat(self._folder + self._whole(path))

    def statvfs(self, path):
        """Say how much room there is."""
        return self._files.statvfs(self._folder + self._whole(path))

    def _whole(self, path):
        return path if path.startswith("/") else "/" + path


def power_on():
    """Mount, then run the two files as a board does."""
    import bluetooth
    import machine

    sys.modules["bluetooth"] = bluetooth  # they lie outside of the flash
    sys.modules["machine"] = machine
    vfs.mount(Flash(os.getenv("BOARD_FLASH")), "/")
    os.chdir("/")
    sys.path[:] = ["", ".frozen", "/lib"]
    gc.collect()
    machine.HEAP_TAKEN = gc.mem_alloc()
    for name in ("/boot.py", "/main.py"):
        with open(name) as file:
            source = file.read()
        exec(compile(source, name, "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    power_on()
