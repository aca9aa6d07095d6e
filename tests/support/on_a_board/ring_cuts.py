"""A ring on a real littlefs whose flash loses power after every single operation; prints what was torn.

`micropython ring_cuts.py LINES`: a run of so many lines, again and again, cut after 0, 1, 2 ... operations of
the flash. After each cut the file system is mounted anew, and the ring must have every line that it said it
took, in order, whole, under the numbers that it gave.
"""

import gc
import json
import sys

import vfs

from beacon_node.firmware.mac import link
from beacon_node.firmware.ring import Ring, RingFullError

BLOCK = 4096
BLOCKS = 40


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
        if self.left == 0 and len(data) > 1:
            self.left = -1
            half = len(data) // 2
            self.content[at : at + half] = data[:half]
        self.operate()
        self.content[at : at + len(data)] = data

    def operate(self):
        self.done += 1
        if self.left is not None:
            if self.left <= 0:
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


def line(number):
    def make(seq):
        return b'{"seq":%d,"id":"%d","type":"t","data":{"key":"k%d","pad":"%s"}}' % (
            seq, number, number % 3, b"p" * 300,
        )  # fmt: skip

    return make


def run(flash, count, told):
    """One start: say lines until the power is gone."""
    ring = Ring("/flash/ring", "b-1", "%08x" % (len(told) + 1), 9000, 12000)
    here = told.setdefault(ring.epoch, {"health": [], "telemetry": []})
    for number in range(count):
        for stream in ring.streams:
            try:
                ring.append(stream, line(number))
            except RingFullError:
                here[stream].append(None)  # it may be there or not
                return
            here[stream].append(number)


def wrong(told):
    """What the ring has lost or torn of what was told."""
    ring = Ring("/flash/ring", "b-1", "ffffffff", 9000, 12000)
    for stream in ring.streams:
        lane = ring.lanes[stream]
        for name, _, last, head, _ in lane.epochs():
            said = told[name][stream] if name in told else []
            sure = [each for each in said if each is not None]
            if last < len(sure) or last > len(said):
                return "%s has %d of %d" % (stream, last, len(sure))
            at, value = 1, None
            while at <= last:
                prev, lines, following = lane.read(name, at, 20, 1 << 20)
                if not lines:
                    return "%s cannot be read at %d" % (stream, at)
                value = prev
                seq = at
                for each in lines:
                    members = json.loads(each)
                    if members["seq"] != seq:
                        return "%s has %s at %d" % (stream, members["seq"], seq)
                    if "gap_to" in members:
                        if members["reason"] == "corrupt":
                            return "%s is corrupt at %d" % (stream, seq)
                        seq, value = members["gap_to"] + 1, bytes.fromhex(members["head"])
                    else:
                        if seq <= len(sure) and members["id"] != str(sure[seq - 1]):
                            return "%s has another line at %d" % (stream, seq)
                        seq, value = seq + 1, link(value, each)
                at = following
            if last and value != head:
                return "%s ends in another value" % stream
        for name in told:
            sure = [each for each in told[name][stream] if each is not None]
            if sure and name not in [each[0] for each in lane.epochs()]:
                return "%s has lost an epoch" % stream
    return None


def main(count):
    flash = Flash(BLOCKS * BLOCK)
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), "/flash")
    before = {}
    run(flash, 22, before)
    vfs.umount("/flash")
    image, flash.done = bytes(flash.content), 0
    vfs.mount(vfs.VfsLfs2(flash), "/flash")
    run(flash, count, json.loads(json.dumps(before)))
    vfs.umount("/flash")
    operations, torn = flash.done, 0
    for cut in range(operations):
        gc.collect()
        flash = Flash(image)
        vfs.mount(vfs.VfsLfs2(flash), "/flash")
        told = json.loads(json.dumps(before))
        flash.left = cut
        try:
            run(flash, count, told)
        except OSError:
            pass
        vfs.umount("/flash")
        flash = Flash(flash.content)  # files that the cut left open belong to the one before
        vfs.mount(vfs.VfsLfs2(flash), "/flash")
        found = wrong(told)
        if found is not None:
            torn += 1
            print("cut after", cut, found)
        vfs.umount("/flash")
    print("operations", operations, "torn", torn)


main(int(sys.argv[1]))
