import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from shared.edge.line_input import BATCH_LINES_MAX, INPUT_LINE_BYTES_MAX, InputLine, LineInput
from tests.support.polling import eventually


@dataclass
class Pipes:
    """A pipe to be read, and the one that ends the reading."""

    reading: int
    writing: int
    told: int
    teller: int

    def input(self, per_second: float | None = None) -> LineInput:
        return LineInput(self.reading, self.told, per_second)

    def read(self, written: bytes) -> list[InputLine]:
        threading.Thread(target=self._write, args=(written,)).start()
        return [line for batch in self.input().batches() for line in batch]

    def _write(self, written: bytes) -> None:
        while written:
            written = written[os.write(self.writing, written) :]
        os.close(self.writing)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    reading, writing = os.pipe()
    told, teller = os.pipe()
    yield Pipes(reading, writing, told, teller)
    for descriptor in (reading, told, teller):
        os.close(descriptor)


def test_lines_are_numbered_and_empty_ones_only_counted(pipes: Pipes) -> None:
    assert pipes.read(b"a\n\n \nb\n") == [InputLine(1, b"a"), InputLine(4, b"b")]


def test_last_line_without_its_newline_is_read(pipes: Pipes) -> None:
    assert pipes.read(b"a\nb") == [InputLine(1, b"a"), InputLine(2, b"b")]


@pytest.mark.parametrize("length", [INPUT_LINE_BYTES_MAX + 1, 5 * INPUT_LINE_BYTES_MAX])
@pytest.mark.parametrize("end", [b"\nb\n", b""])
def test_line_too_long_is_told_and_passed_over(pipes: Pipes, length: int, end: bytes) -> None:
    lines = pipes.read(b"a\n" + b"x" * length + end)
    assert lines[:2] == [InputLine(1, b"a"), InputLine(2, None)]
    assert lines[2:] == ([InputLine(3, b"b")] if end else [])


def test_line_of_the_greatest_length_is_read(pipes: Pipes) -> None:
    (line,) = pipes.read(b"x" * INPUT_LINE_BYTES_MAX + b"\n")
    assert line.raw is not None
    assert len(line.raw) == INPUT_LINE_BYTES_MAX


def test_lines_that_are_there_come_together_but_not_too_many(pipes: Pipes) -> None:
    os.write(pipes.writing, b"x\n" * 150)
    os.close(pipes.writing)
    assert [len(batch) for batch in pipes.input().batches()] == [BATCH_LINES_MAX, BATCH_LINES_MAX, 22]


def test_wake_ends_a_wait_for_input(pipes: Pipes) -> None:
    os.write(pipes.writing, b"a\n")
    batches = pipes.input().batches()
    assert next(batches) == [InputLine(1, b"a")]
    os.write(pipes.teller, b"!")
    assert list(batches) == []
    os.close(pipes.writing)


def test_pace_gives_lines_one_by_one_and_the_wake_ends_it(pipes: Pipes) -> None:
    os.write(pipes.writing, b"a\nb\nc\n")
    got: list[InputLine] = []

    def read() -> None:
        for batch in pipes.input(per_second=0.01).batches():
            got.extend(batch)

    reading = threading.Thread(target=read)
    reading.start()
    eventually(lambda: got)
    os.write(pipes.teller, b"!")
    reading.join(5)
    assert not reading.is_alive()
    assert got == [InputLine(1, b"a")]
    os.close(pipes.writing)
