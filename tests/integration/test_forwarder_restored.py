"""A hub's database put back from a backup, in front of a core that keeps no keys."""

import secrets
from collections.abc import Sequence
from pathlib import Path

import pytest

from hub.core.port import Connector
from hub.forwarder.caution import Cautious
from tests.support.outgoing_work import OutgoingWork, RunningForwarder, connectors_to
from tests.support.reference_core import ReferenceCore


def forward(folder: Path, core: ReferenceCore, references: list[str], *, cautious: bool) -> None:
    """A database that knows nothing of the core gets these reports and forwards them."""
    folder.mkdir()

    def connect() -> Sequence[Connector]:
        return [Cautious(connector, lambda: cautious) for connector in connectors_to(core)()]

    with OutgoingWork(folder) as work:
        work.add_reports(references)
        with RunningForwarder(work, connect) as running:
            running.wait_until_done()


@pytest.mark.sentence("H-15")
def test_reports_that_the_database_forgot_are_found_at_the_core_and_not_filed_again(tmp_path: Path) -> None:
    known = [secrets.token_hex(6) for _ in range(5)]
    new = [secrets.token_hex(6) for _ in range(3)]
    with ReferenceCore(tmp_path, "--plain") as core:
        forward(tmp_path / "before", core, known, cautious=False)
        forward(tmp_path / "restored", core, known + new, cautious=True)
        assert core.effects()["duplicates"] == 0
        assert set(core.counts("requests")) == {*known, *new}


def test_without_caution_the_core_would_have_them_twice(tmp_path: Path) -> None:
    """The control: the core of the test above really keeps no keys."""
    known = [secrets.token_hex(6) for _ in range(2)]
    with ReferenceCore(tmp_path, "--plain") as core:
        forward(tmp_path / "before", core, known, cautious=False)
        forward(tmp_path / "restored", core, known, cautious=False)
        assert core.effects()["duplicates"] == 2
