"""Mutants tried fast: the tests are collected once, each mutant gets a fork in which one function is changed.

A mutant is given the tests that reach its statement, the quickest first, until one fails. What stands outside
of functions (a constant, a default) cannot be changed once it is loaded: `mutants` tries it otherwise.
"""

import functools
import importlib
import inspect
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final

import pytest
from coverage import Coverage
from hypothesis import Phase, settings

from tests.proof.planting import Mutant

ROOT: Final = Path(__file__).parents[2]
JOBS: Final = 2
MEMORY_BYTES: Final = 4 << 30
SLOWER: Final = 6
"""A mutant that takes so many times as long as the sound program does not end."""
LEAST_S: Final = 20.0
OPTIONS: Final = (
    "-q",
    "-p",
    "no:cacheprovider",
    "--hypothesis-seed=1",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
)


class Attempt:
    """One mutant before its tests, in a process of its own; the exit code tells."""

    def __init__(self, mutant: Mutant, work: Callable[[], int], limit_s: float) -> None:
        self.mutant = mutant
        self._until_s = time.monotonic() + limit_s
        self._process = get_context("fork").Process(target=_apart, args=(work,))
        self._process.start()

    @property
    def sentinel(self) -> int:
        return self._process.sentinel

    @property
    def is_over(self) -> bool:
        """Whether it ended, or must."""
        return not self._process.is_alive() or time.monotonic() > self._until_s

    def has_passed(self) -> bool:
        """Wait for the end; tell whether all was well."""
        self._process.join()
        return self._process.exitcode == 0

    def is_noticed(self) -> bool:
        """Clear up; tell whether a test failed, or did not end."""
        overdue = self._process.is_alive()
        pid = self._process.pid
        assert pid is not None
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        self._process.join()
        return overdue or self._process.exitcode != 0


def _apart(work: Callable[[], int]) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    code = 1
    try:
        code = work()
    finally:
        os._exit(code)


def attempts(
    mutants: Sequence[Mutant], work_of: Callable[[Mutant], tuple[Callable[[], int], float]]
) -> Iterator[tuple[Mutant, bool]]:
    """Try mutants, some at a time; yield each with whether it was noticed.

    Args:
        mutants: in this order.
        work_of: says what a mutant's process does, and how many seconds it may take.
    """
    left = list(reversed(mutants))
    running: list[Attempt] = []
    while left or running:
        while left and len(running) < JOBS:
            mutant = left.pop()
            running.append(Attempt(mutant, *work_of(mutant)))
        wait([attempt.sentinel for attempt in running], timeout=1.0)
        for attempt in [each for each in running if each.is_over]:
            running.remove(attempt)
            yield attempt.mutant, attempt.is_noticed()


@dataclass(frozen=True, slots=True)
class Entered:
    """What one test of the sound program does: how long it takes and which lines it runs, by file."""

    took_s: float
    lines: Mapping[str, frozenset[int]]


class Fork:
    """A plugin of pytest: instead of running the tests it has collected, it tries mutants with them.

    Attributes:
        survivors: the mutants that no test noticed.
        sound: the tests pass without a mutant.
    """

    def __init__(self, mutants: Sequence[Mutant], tell: Callable[[int, int], None]) -> None:
        self.survivors: list[Mutant] = []
        self.sound = False
        self._mutants = mutants
        self._tell = tell

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try every mutant with the tests that reach it."""
        entered = self._run_sound(session)
        if entered is None:
            return True

        def work_of(mutant: Mutant) -> tuple[Callable[[], int], float]:
            first, last = mutant.lines
            path = str(ROOT / mutant.path)
            items = [
                item
                for item in session.items
                if any(first <= line <= last for line in entered[item.nodeid].lines.get(path, ()))
            ]
            items.sort(key=lambda item: entered[item.nodeid].took_s)
            limit_s = max(LEAST_S, SLOWER * sum(entered[item.nodeid].took_s for item in items))
            return functools.partial(_try, session, mutant, items), limit_s

        first = self._mutants[0]
        unchanged = replace(first, source=(ROOT / first.path).read_text())
        self.sound = not any(is_noticed for _, is_noticed in attempts([unchanged], work_of))
        if not self.sound:
            return True
        for done, (mutant, is_noticed) in enumerate(attempts(self._mutants, work_of), 1):
            if not is_noticed:
                self.survivors.append(mutant)
            self._tell(done, len(self.survivors))
        return True

    def _run_sound(self, session: pytest.Session) -> Mapping[str, Entered] | None:
        """Run every test once, in a process of its own; None where one fails."""
        ours, theirs = get_context("fork").Pipe()

        def work() -> int:
            theirs.send(_watch(session, {str(ROOT / mutant.path) for mutant in self._mutants}))
            return session.testsfailed

        attempt = Attempt(self._mutants[0], work, 600)
        entered: Mapping[str, Entered] | None = ours.recv() if ours.poll(600) else None
        return entered if attempt.has_passed() else None


def _watch(session: pytest.Session, paths: set[str]) -> dict[str, Entered]:
    """Run every test, noting its time and the lines that it runs."""
    entered: dict[str, Entered] = {}
    watching = Coverage(data_file=None, include=sorted(paths), messages=False)
    took_s: dict[str, float] = {}
    watching.start()
    for item in session.items:
        watching.switch_context(item.nodeid)
        began_s = time.monotonic()
        run_item(item)
        took_s[item.nodeid] = time.monotonic() - began_s
    watching.stop()
    data = watching.get_data()
    for item in session.items:
        data.set_query_context(item.nodeid)
        lines = {path: frozenset(data.lines(path) or ()) for path in paths}
        entered[item.nodeid] = Entered(took_s[item.nodeid], lines)
    return entered


def run_item(item: pytest.Item) -> None:
    """Run one test with its fixtures, and let go of them."""
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)


def _try(session: pytest.Session, mutant: Mutant, items: Sequence[pytest.Item]) -> int:
    change(mutant)
    for item in items:
        run_item(item)
        if session.testsfailed:
            return 1
    return 0


def change(mutant: Mutant) -> None:
    """Change the function in this process; every reference to it sees the change."""
    _function(mutant).__code__ = _code(compile(mutant.source, mutant.path, "exec"), mutant.function)


def _function(mutant: Mutant) -> FunctionType:
    found: Any = importlib.import_module(mutant.module)
    for name in mutant.function.split("."):
        found = inspect.getattr_static(found, name)
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, classmethod | staticmethod):
        found = found.__func__
    return inspect.unwrap(found)


def _code(code: CodeType, name: str) -> CodeType:
    inside = [const for const in code.co_consts if isinstance(const, CodeType)]
    found = next((each for each in inside if each.co_qualname == name), None)
    return found or next(
        deeper for each in inside if name.startswith(f"{each.co_qualname}.") for deeper in [_code(each, name)]
    )


def without_shrinking() -> None:
    """Let Hypothesis stop at the first counter-example: that there is one is all that counts."""
    settings.register_profile("mutants", phases=(Phase.explicit, Phase.generate), database=None)
    settings.load_profile("mutants")
