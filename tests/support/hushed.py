"""`python -m tests.support.hushed MODULE …`: a module that draws, with Kivy hushed as the kiosk has it."""

import runpy
import sys

from kiosk_app.ui.environment import hush_kivy

if __name__ == "__main__":
    hush_kivy()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
