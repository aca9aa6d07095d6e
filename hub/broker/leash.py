"""Run a program that ends when its parent does: `python leash.py <parent's pid> <program> [arguments]`.

A hub killed with -9 cannot stop its broker; the kernel does, with -9 too, because a broker that hangs would
sleep through anything else. It counts the parent's *thread*: whoever starts this stays alive as long as the
child shall. Linux only.

Source: prctl(2), PR_SET_PDEATHSIG.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, then become the program."""
    parent, program = int(arguments[0]), arguments[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent ended before its child began")
    os.execv(program[0], program)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(sys.argv[1:])
