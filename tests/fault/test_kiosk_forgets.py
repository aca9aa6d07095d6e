"""What was typed at the kiosk is nowhere afterwards, and what was taken without a network arrives once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kiosk_process import end
from tests.support.kiosk_secrets import Citizens

SESSIONS = 6
"""200 of them: `python -m tests.proof citizens`."""


@pytest.fixture
def citizens(tmp_path: Path) -> Iterator[Citizens]:
    made = Citizens(tmp_path)
    yield made
    made.close()


def test_kiosk_forgets_what_was_typed_and_loses_nothing_of_it(citizens: Citizens) -> None:
    citizens.serve(SESSIONS // 2)
    citizens.cut()
    citizens.serve(SESSIONS - SESSIONS // 2)
    end(citizens.kiosk.wait_for_screen())
    citizens.mend()
    citizens.wait_until_arrived()
    assert not citizens.search().wrong()
