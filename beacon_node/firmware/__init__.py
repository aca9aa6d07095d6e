"""What runs on a beacon: MicroPython on a board with a radio. It imports itself and `shared.beacon_wire`.

On a board `boot.py` and `start.py` (as `main.py`) lie at the root; everything else lies in one of two slots,
under the same names as here. So the same `import` works on a board, in a virtual machine and in a test.
"""
