"""The forwarder's process killed between the count of an attempt and its answer, again and again."""

import secrets
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.outgoing_work import OutgoingWork, RunningForwarder, connectors_to, effect_key
from tests.support.polling import eventually
from tests.support.reference_core import ReferenceCore

KILLS = 3


def run_until_effects(folder: Path, core: ReferenceCore, wanted: int) -> None:
    """Run a forwarder until the core has so many effects, and kill it there."""
    command = [sys.executable, "-m", "tests.support.forwarder_process", str(folder), core.base_url]
    process = subprocess.Popen(command)
    try:
        eventually(
            lambda: len(core.journal("requests")) >= wanted and len(core.journal("settlements")) >= wanted,
            timeout_s=40,
            what=f"{wanted} effects of each kind",
        )
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_forwarder_killed_in_the_middle_of_requests_leaves_one_effect_each(tmp_path: Path) -> None:
    references = [secrets.token_hex(6) for _ in range(40)]
    settlements = [secrets.token_hex(6) for _ in range(40)]
    (tmp_path / "core").mkdir()
    with OutgoingWork(tmp_path) as work:
        work.add_reports(references)
        money = work.add_settlements(settlements, aggregates=6)
    with ReferenceCore(tmp_path / "core", "--plain") as core:
        core.order("late", delay_ms=150)  # within our patience: a kill finds answers outstanding
        for kill in range(1, KILLS + 1):
            run_until_effects(tmp_path, core, 9 * kill)
        with OutgoingWork(tmp_path) as work:
            doubted = [row for row in work.rows() if row["state"] == "waiting" and row["attempts"]]
            assert doubted, "no kill fell between a request and its answer; the test shows nothing"
            with RunningForwarder(work, connectors_to(core)) as running:
                running.wait_until_done()
        effects = core.effects()
        assert effects["duplicates"] == 0
        assert effects["money_minor"] == {"EUR": money}
        assert set(core.counts("requests")) == set(references)
        assert set(core.counts("settlements")) == {str(effect_key(name)) for name in settlements}
