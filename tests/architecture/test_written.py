"""What must never be written down here: a registry's address, a machine's path, a key, a postponement.

The patterns are spelled so that they do not match themselves.
"""

import re
from pathlib import PurePath

import pytest

from tests.architecture.tree import ROOT, read, written_files

PATTERNS = {
    "registry address": r"(pypi|pythonhosted|debian|npmjs|crates)[.](org|com|io)\b",
    "machine path": r"(?<![\w.])/(wor[k]|roo[t]|hom[e]/\w+|User[s])/",
    "private key": r"BEGIN ([A-Z]+ )?PRIVATE KEY",
    "postponement": r"\b(TOD[O]|FIXM[E]|XX[X])\b",
    "merge left over": r"^(<{7}|>{7}) ",
}
SAMPLES = {
    "registry address": "see https://pyp{}.org/simple".format("i"),
    "machine path": "reads /{}/main/x.txt".format("work"),
    "private key": "-----BEGIN EC {} KEY-----".format("PRIVATE"),
    "postponement": "# {}DO: later".format("TO"),
    "merge left over": "<" * 7 + " HEAD",
}
NOT_TEXT = frozenset({".png", ".jpg", ".ico", ".woff2"})
FILE_BYTES_MAX = 2_000_000


def text_files() -> list[str]:
    return [path for path in written_files() if PurePath(path).suffix not in NOT_TEXT and path != "LICENSE"]


@pytest.mark.parametrize("what", PATTERNS)
def test_written_files_hold_nothing_that_must_not_be_written(what: str) -> None:
    pattern = re.compile(PATTERNS[what], re.MULTILINE)
    found = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path in text_files()
        for number, line in enumerate(read(path).splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("what", PATTERNS)
def test_pattern_on_a_sample_bites(what: str) -> None:
    assert re.search(PATTERNS[what], SAMPLES[what])


def test_written_files_are_small_and_not_made_by_a_command() -> None:
    assert not [path for path in written_files() if (ROOT / path).stat().st_size > FILE_BYTES_MAX]
    assert not [path for path in written_files() if path.endswith((".pyc", ".db", ".key", ".pem", ".crt"))]
