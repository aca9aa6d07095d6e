"""A node takes firmwares from a hub that lies in this memory, on a real littlefs; prints what came of each.

`micropython taking.py FOLDER`: `keys` is the node's `/firmware.keys`, `steps` a JSON list of what happens:

    {"manifest": file, "body": file, "board": …, "now_s": …,      what is offered, to whom, when
     "cut": bytes, "total": bytes, "blocks": n, "slots": {…},     a cut, a lie, a small flash, the slots
     "running": true,                                             this manifest is of what runs already
     "power": true}                                               cut the power at each operation of the flash

Each step prints what `take` said, how the slots stand, and whether everything of the slot is whole.
"""

import asyncio
import gc
import json
import os
import sys

import vfs

from beacon_node.firmware import boot, manifest, ota, slots
from beacon_node.firmware import constants as c
from beacon_node.firmware.manifest import RefusedError
from tests.support.on_a_board.cutting import BLOCK


class Flash:
    """A flash that stops in the middle of whatever is written."""

    def __init__(self, content):
        self.content = bytearray(content)
        self.left = None
        self.done = 0

    def readblocks(self, block, into, offset=0):
        at = block * BLOCK + offset
        into[:] = self.content[at : at + len(into)]

    def writeblocks(self, block, data, offset=None):
        if offset is None:
            self.ioctl(6, block)
            offset = 0
        at = block * BLOCK + offset
        if self.left == 0:
            half = len(data) // 2
            self.content[at : at + half] = data[:half]
        self.operate()
        self.content[at : at + len(data)] = data

    def operate(self):
        self.done += 1
        if self.left is not None:
            if self.left <= 0:
                self.left = -1
                raise OSError(5)
            self.left -= 1

    def ioctl(self, order, argument):
        if order == 4:
            return len(self.content) // BLOCK
        if order == 5:
            return BLOCK
        if order == 6:
            self.operate()
            at = argument * BLOCK
            self.content[at : at + BLOCK] = b"\xff" * BLOCK
        return 0


class Body:
    """What the hub gives: `hub_files.Body`."""

    def __init__(self, hub, content, offset, total):
        self.left = total - offset
        self.total = total
        self._hub = hub
        self._content = memoryview(content)[offset:]
        self._at = 0

    async def read(self, size):
        chunk = bytes(self._content[self._at : self._at + size])
        self._at += len(chunk)
        self.left -= len(chunk)
        if self._hub.cut is not None:
            self._hub.cut -= len(chunk)
            if self._hub.cut < 0:
                raise OSError("the hub broke off")
        if not chunk:
            raise OSError("the hub broke off")
        return chunk

    async def close(self):
        pass


class Hub:
    """A hub as a node sees it: `hub_files.Files`."""

    def __init__(self, step):
        self.asked = []
        self.cut = step.get("cut")
        self.total = step.get("total")
        self._step = step

    async def get(self, path, offset=0):
        self.asked.append((path, offset))
        if "/offer?" in path:
            signed = self._step["manifest"]
            return None if signed is None else Body(self, signed, 0, len(signed))
        return Body(self, self._step["body"], offset, self.total or len(self._step["body"]))


class Heap:
    """How much more of it lives at most than when this was made."""

    def __init__(self):
        gc.collect()
        self.most = 0
        self._base = gc.mem_alloc()

    def look(self):
        gc.collect()
        self.most = max(self.most, gc.mem_alloc() - self._base)


def taken(step, moved):
    """Ask once."""
    hub = Hub(step)
    try:
        said = asyncio.run(ota.take(hub, step["board"], step["now_s"], moved))
    except RefusedError as reason:
        said = "refused: " + str(reason)
    except OSError as error:
        said = "cut: " + str(error)
    return said, hub.asked


def is_whole(slot):
    """Whether everything of a slot is what the town signed."""
    try:
        found = manifest.opened("/" + slot + manifest.NAME)
        return all(
            ota._is_whole("/" + slot + "/" + name, size, digest) for name, size, digest in found.files()
        )
    except (OSError, RefusedError):
        return False


def mounted(content):
    """Mount a flash as the root."""
    flash = Flash(content)
    vfs.mount(vfs.VfsLfs2(flash), "/")
    return flash


def with_power_cuts(step, image):
    """Cut the power after each operation; the next start goes on. Prints operations, and what was torn."""
    flash = mounted(image)
    taken(step, lambda: None)
    vfs.umount("/")
    operations, torn, tried = flash.done, 0, 0
    for cut in range(operations):
        gc.collect()
        flash = mounted(image)
        flash.left = cut
        taken(step, lambda: None)
        flash.left = None
        kept = bytes(flash.content)
        vfs.umount("/")
        mounted(kept)
        stand = boot.read()
        tried += stand["trial"] is not None
        if stand["good"] != "a" or (stand["trial"] is not None and not is_whole("b")):
            torn += 1
            print("cut after", cut, stand)
        if stand["trial"] is None:
            said, _ = taken(step, lambda: None)
            if boot.read()["trial"] != "b" or not is_whole("b"):
                torn += 1
                print("cut after", cut, "then", said)
        vfs.umount("/")
    print("operations", operations, "tried", tried, "torn", torn)


def main(folder):
    def read(name):
        with open(folder + "/" + name, "rb") as file:
            return file.read()

    steps = json.loads(read("steps"))
    for step in steps:
        step["manifest"] = read(step["manifest"]) if step["manifest"] else None
        step["body"] = read(step["body"])
    keys = read("keys")
    flash = Flash(bytes(BLOCK * steps[0].get("blocks", 160)))
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), "/")
    with open(c.FIRMWARE_KEYS, "wb") as file:
        file.write(keys)
    os.mkdir("/a")
    sys.path.insert(0, "/a")
    for step in steps:
        if "slots" in step:
            boot.write(step["slots"])
        if step.get("running"):
            with open("/a" + manifest.NAME, "wb") as file:
                file.write(step["manifest"])
        if step.get("power"):
            vfs.umount("/")
            with_power_cuts(step, bytes(flash.content))
            continue
        heap = Heap()
        said, asked = taken(step, heap.look if step.get("heap") else lambda: None)
        told = {"said": said, "asked": asked, "slots": boot.read(), "whole": is_whole(slots.other())}
        told["heap"] = heap.most
        print(json.dumps(told))


main(sys.argv[1])
