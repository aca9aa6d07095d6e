"""What the kit judges is what the protocol says."""

import re
from pathlib import Path

from hub.conform.sentences import SENTENCES

PROTOCOL = Path(__file__).parents[4] / "docs" / "PROTOCOL.md"


def test_every_sentence_of_the_kit_is_one_of_the_protocol() -> None:
    assert set(SENTENCES) <= set(re.findall(r"^- \*\*([A-Z]-\d+)\*\*", PROTOCOL.read_text(), re.MULTILINE))
