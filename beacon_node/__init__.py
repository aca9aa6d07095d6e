"""Beacons: a node's firmware on MicroPython, the virtual air that it is tried on, the phone that hears it."""
