"""Lets a node's air go on in simulated time, with a radio that keeps what it is told.

rotating.py alloc STEPS     what one step allocates, after what one period may
rotating.py week STEP_S DAYS   every identifier that was said, with its second; and how the heap stands
"""

import gc
import sys

from beacon_node.firmware import config
from beacon_node.firmware.air import Air
from beacon_node.firmware.clock import Clock
from beacon_node.firmware.identity import Identity
from shared.beacon_wire import eddystone

START_S = 1795293730
SECRET = bytes(range(32))


class Ticks:
    """A counter that wraps as a board's does, moved by hand."""

    def __init__(self):
        self.now = (1 << 30) - 5000

    def ticks_ms(self):
        return self.now

    def ticks_diff(self, late, early):
        return ((late - early + (1 << 29)) & ((1 << 30) - 1)) - (1 << 29)

    def pass_ms(self, ms):
        self.now = (self.now + ms) & ((1 << 30) - 1)


class Radio:
    """Takes everything and keeps the last frame; allocates nothing."""

    def __init__(self):
        self.frame = None
        self.addresses = 0

    def active(self, on=None):
        return True

    def config(self, addr_mode):
        self.addresses += 1

    def gap_advertise(self, interval_us, frame=None, connectable=True):
        self.frame = frame


def made():
    import cryptolib

    ticks, radio = Ticks(), Radio()
    clock = Clock(ticks, None, "/nowhere/clock")
    clock.trust(START_S * 1000)
    identity = Identity("beacon-17", "Vilanova", SECRET, b"")
    settings = config.load("/nowhere/config", "/nowhere/config.good")
    air = Air(radio, clock, settings, identity, lambda key: cryptolib.aes(key, 1), ticks)
    air.begin()
    return ticks, radio, clock, air


def alloc(steps):
    import micropython

    ticks, radio, _, air = made()
    for _ in range(10):
        ticks.pass_ms(1200)
        air.step()
    gc.collect()
    gc.disable()
    stood = []
    for count in (steps, 2 * steps):
        before = gc.mem_alloc()
        for _ in range(count):
            ticks.pass_ms(air.step_ms)
            air.step()
        stood.append(gc.mem_alloc() - before)
    micropython.heap_lock()
    for _ in range(50):
        ticks.pass_ms(air.step_ms)
        air.step()
    micropython.heap_unlock()
    print("allocated", stood[1] - stood[0], stood)
    print("addresses", radio.addresses)


def week(step_s, days):
    ticks, radio, clock, air = made()
    last = bytearray(8)
    gc.collect()
    begun = gc.mem_alloc()
    for second in range(step_s, days * 86400, step_s):
        ticks.pass_ms(step_s * 1000)
        air.step()
        frame = radio.frame
        if len(frame) == eddystone.EID_LENGTH and frame[-8:] != last:
            last[:] = frame[-8:]
            print("said", START_S + second, "".join("%02x" % each for each in last))
    gc.collect()
    print("time", clock.unix_s() - START_S, second)
    print("heap", begun, gc.mem_alloc())


if __name__ == "__main__":
    if sys.argv[1] == "alloc":
        alloc(int(sys.argv[2]))
    else:
        week(int(sys.argv[2]), int(sys.argv[3]))
