"""Cuts the power at every operation of a flash under a real littlefs, while the firmware replaces its files.

For each deed it prints how many operations it had and what was found afterwards: `old`, `new` or what else.
"""

import vfs

from beacon_node.firmware import boot, config
from beacon_node.firmware.clock import Clock

BLOCK, BLOCKS = 4096, 16


class Flash:
    """Flash in memory that loses its power after so many operations, in the middle of the last one."""

    def __init__(self, kept=None):
        self.bytes = bytearray(BLOCK * BLOCKS) if kept is None else bytearray(kept)
        self.left = None
        self.done = 0

    def readblocks(self, number, into, offset=0):
        at = number * BLOCK + offset
        for place in range(len(into)):  # a slice is an object, and files are closed while none can be made
            into[place] = self.bytes[at + place]

    def writeblocks(self, number, data, offset=None):
        if offset is None:
            self.ioctl(6, number)
            offset = 0
        at = number * BLOCK + offset
        whole = self.spend()
        for place in range(len(data) if whole else len(data) // 2):
            self.bytes[at + place] = data[place]
        if not whole:
            raise OSError(5)

    def ioctl(self, question, argument):
        if question == 4:
            return BLOCKS
        if question == 5:
            return BLOCK
        if question == 6 and not self.spend():
            raise OSError(5)
        return 0

    def spend(self):
        self.done += 1
        if self.left is not None:
            if self.left <= 0:
                return False
            self.left -= 1
        return True


class Still:
    """A counter that stands."""

    def ticks_ms(self):
        return 0

    def ticks_diff(self, late, early):
        return 0


def recorded(unix_s):
    clock = Clock(Still(), None, "/f/clock")
    clock.trust(unix_s * 1000)


def floor():
    return Clock(Still(), None, "/f/clock").unix_s()


OLD = {"beacon.interval_ms": 300, "filler": "o" * 900}
NEW = {"beacon.interval_ms": 700, "filler": "n" * 1500}


def stand(trial):
    return {"good": "a", "trial": trial, "sequence": 7, "boots": 2, "refused": [3]}


def saved(settings):
    config.save(settings, "/f/config")


def loaded():
    return config.load("/f/config", "/f/config.good")["beacon.interval_ms"]


DEEDS = {
    "config": (lambda: saved(OLD), lambda: saved(NEW), loaded, 300, 700),
    "slots": (
        lambda: boot.write(stand(None), "/f/slots"),
        lambda: boot.write(stand("b"), "/f/slots"),
        lambda: (boot.read("/f/slots")["trial"], boot.read("/f/slots")["refused"]),
        (None, [3]),
        ("b", [3]),
    ),
    "clock": (lambda: recorded(1700000000), lambda: recorded(1795293730), floor, 1700000000, 1795293730),
}


def main():
    for name, (before, deed, read, old, new) in DEEDS.items():
        flash = Flash()
        vfs.VfsLfs2.mkfs(flash)
        vfs.mount(vfs.VfsLfs2(flash), "/f")
        before()
        vfs.umount("/f")
        kept = bytes(flash.bytes)
        vfs.mount(vfs.VfsLfs2(flash), "/f")
        flash.done = 0
        deed()
        count = flash.done
        vfs.umount("/f")
        found = {}
        for cut in range(count + 1):
            flash = Flash(kept)  # what the cut board still had open belongs to another one
            vfs.mount(vfs.VfsLfs2(flash), "/f")
            flash.left = cut
            try:
                deed()
            except OSError:
                pass
            cut_off, flash = flash, Flash(flash.bytes)
            cut_off.left = None  # whatever it still writes, nobody reads
            vfs.umount("/f")
            vfs.mount(vfs.VfsLfs2(flash), "/f")
            said = read()
            what = "old" if said == old else "new" if said == new else repr(said)
            found[what] = found.get(what, 0) + 1
            vfs.umount("/f")
        for what in sorted(found):
            print("found", name, count, what, found[what])


if __name__ == "__main__":
    main()
