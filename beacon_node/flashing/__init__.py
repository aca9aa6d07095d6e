"""A board on the cable gets MicroPython: ports, chips, images, and esptool as a program."""
