"""A beacon in real MicroPython, against the real broker and hub."""
