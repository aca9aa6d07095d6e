"""Loading a program's modules: no search for garbage meanwhile, and none in them ever after.

    with loading():
        from hub.main import run

A sixth of a hub's start was that search: modules make hundreds of thousands of objects, and none is garbage.

Source: docs.python.org, gc.freeze.
"""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def loading() -> Generator[None]:
    """Put the collector aside; what was made meanwhile is never looked at again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
