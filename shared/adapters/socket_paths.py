"""Sockets with a name in a folder that may lie deep: a socket's own name may have 107 bytes at most.

    with reachable(home / "run" / "status.sock") as name:
        listener.bind(name)

The name goes through the folder's descriptor.

Source: unix(7), "Address format".
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reachable(path: Path) -> Generator[str]:
    """Give a short name of a path, for `bind` or `connect` within the block.

    Args:
        path: of the socket; its folder is there.

    Raises:
        OSError: the folder is not there.
    """
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
