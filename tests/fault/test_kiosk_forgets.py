"""What was typed at the kiosk is nowhere afterwards, and what was taken without a network arrives once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kiosk_process import end
from tests.support.kiosk_secrets import Citizens, Found

SESSIONS = 6
"""200 of them: `python -m tests.proof citizens`."""


@pytest.fixture
def citizens(tmp_path: Path) -> Iterator[Citizens]:
    made = Citizens(tmp_path)
    yield made
    made.close()


def test_kiosk_forgets_what_was_typed_and_loses_nothing_of_it(citizens: Citizens) -> None:
    citizens.serve(SESSIONS // 2)
    town = citizens.hub.town
    town.broker.stop()
    citizens.serve(SESSIONS - SESSIONS // 2)
    end(citizens.kiosk.wait_for_screen())
    town.broker = town.make_broker()
    town.broker.start()
    citizens.wait_until_arrived()
    found = citizens.search()
    assert found.seen_meanwhile, "the search sees nothing even where something is"
    assert found == Found(seen_meanwhile=found.seen_meanwhile)
