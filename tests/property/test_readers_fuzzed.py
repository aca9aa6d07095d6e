"""Every reader of bytes from outside, by the fuzzer of `make proof`, for a moment."""

import subprocess
import sys

RUNS = 10_000


def test_reader_of_bytes_from_outside_reads_or_refuses() -> None:
    command = [sys.executable, "-m", "tests.proof.fuzz", str(RUNS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]
    assert f"{RUNS} runs" in done.stdout
