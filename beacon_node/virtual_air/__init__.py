"""The air, and boards on it, as programs: real firmware in real MicroPython, behind a real interface.

Only what no program can be is simulated: the radio waves (bumble's link), the chip's timers and its reset.
"""
