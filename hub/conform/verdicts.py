"""What was seen of each sentence: how often it held, and how it was broken."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.conform.sentences import SENTENCES

EVIDENCE_MAX: Final = 3


class Outcome(StrEnum):
    """How a sentence stands."""

    HELD = "held"
    BROKEN = "broken"
    NOT_SEEN = "not seen"
    """The device gave no occasion: a lane it does not have, or a trial that needs more time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One sentence's verdict.

    Attributes:
        sentence: its number in docs/PROTOCOL.md.
        asks: what it asks of a device.
        outcome: how it stands.
        times: how often it held.
        evidence: the first times that it was broken.
    """

    sentence: str
    asks: str
    outcome: Outcome
    times: int
    evidence: Sequence[str]


class Verdicts:
    """All of them, while the kit listens."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._held: Counter[str] = Counter()
        self._broken: dict[str, list[str]] = {}

    def judge(self, sentence: str, held: bool, otherwise: str) -> None:  # noqa: FBT001  it is what is judged
        """Note one occasion.

        Args:
            sentence: one of `SENTENCES`.
            held: whether it held.
            otherwise: what was seen if it did not.
        """
        if held:
            self.held(sentence)
        else:
            self.broke(sentence, otherwise)

    def held(self, sentence: str) -> None:
        """Note that a sentence held."""
        self._held[sentence] += 1

    def broke(self, sentence: str, evidence: str) -> None:
        """Note how a sentence was broken."""
        self._broken.setdefault(sentence, []).append(evidence)

    def all(self) -> Sequence[Verdict]:
        """The verdict of every sentence, in their order."""
        return [
            Verdict(
                sentence=sentence,
                asks=asks,
                outcome=self._outcome(sentence),
                times=self._held[sentence],
                evidence=self._broken.get(sentence, [])[:EVIDENCE_MAX],
            )
            for sentence, asks in SENTENCES.items()
        ]

    def _outcome(self, sentence: str) -> Outcome:
        if sentence in self._broken:
            return Outcome.BROKEN
        return Outcome.HELD if self._held[sentence] else Outcome.NOT_SEEN
