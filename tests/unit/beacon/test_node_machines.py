"""A node's delivery and ring inside real MicroPython, with numbers of 64 bits and with a board's."""

from pathlib import Path

import pytest

from tests.support.micropython import MACHINES, ROOT, run

CUT_HEAP = "2M"
"""The flash itself lies in the test's memory, twice."""


@pytest.mark.sentence("T-3")
@pytest.mark.sentence("L-3")
@pytest.mark.sentence("A-4")
@pytest.mark.parametrize("machine", MACHINES)
def test_node_holds_the_vectors_of_delivery(machine: str, tmp_path: Path) -> None:
    vectors = ROOT / "tests" / "vectors" / "delivery"
    assert run(machine, "delivery_vectors.py", str(vectors), str(tmp_path)) == ["held 33 20"]


@pytest.mark.sentence("L-7")
@pytest.mark.parametrize("machine", MACHINES)
def test_ring_is_whole_after_power_was_cut_at_every_operation_of_the_flash(machine: str) -> None:
    said = run(machine, "ring_cuts.py", "5", heap=CUT_HEAP)
    assert said[-1].startswith("operations ")
    assert said[-1].endswith(" torn 0"), said
    assert int(said[-1].split()[1]) > 100
