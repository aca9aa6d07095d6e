"""Programs that tests run inside MicroPython; the same source runs on CPython."""
