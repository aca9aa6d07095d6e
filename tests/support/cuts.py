"""Power cuts: every state that a folder passes through while something is done, to be opened again.

The code under test runs as it is; a trace function looks at the folder before each of its lines. What a disk
may do to bytes that were not fsynced is another test's matter (cut at every byte).
"""

import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

State = Mapping[str, bytes | None]


def states_during(folder: Path, action: Callable[[], object], modules: Iterable[object]) -> list[State]:
    """Do something, and return every different state of a folder on the way, the first and the last included.

    Args:
        folder: what is looked at.
        action: what is done, on this thread.
        modules: whose lines are stepped through.
    """
    files = {str(getattr(module, "__file__", "")) for module in modules}
    states = [state_of(folder)]

    def look() -> None:
        state = state_of(folder)
        if state != states[-1]:
            states.append(state)

    def step(_frame: FrameType, _event: str, _argument: object) -> Any:  # noqa: ANN401 - sys.settrace's own type
        look()
        return step

    def enter(frame: FrameType, _event: str, _argument: object) -> Any:  # noqa: ANN401 - sys.settrace's own type
        return step if frame.f_code.co_filename in files else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        action()
    finally:
        sys.settrace(before)
    look()
    return states


def state_of(folder: Path) -> State:
    """Return every file's bytes by its path, and None for folders."""
    if not folder.exists():
        return {}
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def restore(state: State, folder: Path) -> None:
    """Make a folder be as it was."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in state.items():
        if content is None:
            (folder / name).mkdir(exist_ok=True)
        else:
            (folder / name).write_bytes(content)
