"""Every vector of receipts against our own reader."""

from dataclasses import asdict

import pytest

from shared.protocol.receipts import TownKeys, judge
from tests.vectors.make import written
from tests.vectors.receipt_texts import RECEIPTS_FOLDER, receipts
from tests.vectors.seeds import Vector, stored


@pytest.mark.sentence("R-2")
@pytest.mark.sentence("R-3")
@pytest.mark.parametrize(
    "vector", [pytest.param(v, id=v["name"]) for v in stored("receipts", RECEIPTS_FOLDER)]
)
def test_receipt_of_the_vectors_is_worth_what_they_say(vector: Vector) -> None:
    judged = judge(vector["shown"], TownKeys.from_body(vector["town"].encode()).by_id())
    assert judged.verdict == vector["verdict"]
    if "says" in vector:
        assert judged.receipt is not None
        assert asdict(judged.receipt) == vector["says"]


def test_receipt_vectors_are_those_that_are_made() -> None:
    (made,) = receipts().values()
    assert (RECEIPTS_FOLDER / "receipts.jsonl").read_text() == written(made)
