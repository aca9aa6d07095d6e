"""Modules that a board has and a computer's MicroPython lacks. They run inside the virtual machine."""
