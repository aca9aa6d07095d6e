"""A phone at work: what it hears is decided, shown, remembered. It asks nobody anything.

Rules:
- A place is decided about at most every ten seconds, and what is nobody's of this district as often as it is
  heard, which costs three look-ups.
- What is shown is remembered before it is shown: after a crash it is shown once or not at all, never twice.
"""

from typing import Final

from beacon_node.receiver.core.district import District
from beacon_node.receiver.core.heard import Heard
from beacon_node.receiver.core.history import History
from beacon_node.receiver.core.matching import Decision, Reason, decide
from beacon_node.receiver.core.person import Person
from beacon_node.receiver.pocket import DECISION_KEPT_MS, DECISIONS_MAX, Decided, Pocket
from beacon_node.receiver.show import Notifier

AGAIN_MS: Final = 10_000
_UNTOLD: Final = frozenset({Reason.NO_CONSENT, Reason.NOT_EDDYSTONE})
"""What is not worth remembering: nothing was looked at, or it was no beacon."""


class Phone:
    """Decides about what is heard.

    Args:
        pocket: the phone's files.
        person: what its owner chose.
        district: what it knows.
        notifier: shows notices.
        now_ms: by the phone's clock.
    """

    def __init__(
        self, pocket: Pocket, person: Person, district: District, notifier: Notifier, now_ms: int
    ) -> None:
        self._pocket = pocket
        self._person = person
        self._district = district
        self._notifier = notifier
        self._history: History = pocket.history()
        self._history.forget_old(now_ms)
        self._decided = list(pocket.decisions(now_ms))
        self._decided_ms: dict[bytes | None, int] = {}

    def hear(self, heard: Heard, now_ms: int) -> Decision | None:
        """Decide about an advertisement, and show what is to be shown; None if decided a moment ago.

        Raises:
            OSError: what is shown cannot be remembered; nothing was shown.
        """
        last_ms = self._decided_ms.get(heard.service_data)
        if last_ms is not None and 0 <= now_ms - last_ms < AGAIN_MS:
            return None
        decision = decide(heard, self._district, self._person, self._history, now_ms)
        self._remember_when(heard, decision, now_ms)
        if decision.shown:
            self._history.forget_old(now_ms)
        for notice in decision.shown:
            self._history.note(notice.id, notice.version, notice.until_ms, now_ms)
        if decision.shown:
            self._pocket.keep_history(self._history)
        self._tell(decision, now_ms)
        if decision.found is not None:
            for notice in decision.shown:
                self._notifier.show(notice, decision.found, self._person.language)
        return decision

    def _remember_when(self, heard: Heard, decision: Decision, now_ms: int) -> None:
        if decision.found is None:
            return
        if len(self._decided_ms) > DECISIONS_MAX:
            self._decided_ms.clear()
        self._decided_ms[heard.service_data] = now_ms

    def _tell(self, decision: Decision, now_ms: int) -> None:
        """Keep a decision for `why`, unless it is the one before over again."""
        if decision.reason in _UNTOLD:
            return
        told = Decided(
            at_ms=now_ms,
            place=None if decision.found is None else decision.found.beacon.place,
            reason=decision.reason.value,
            notices=tuple((one.notice.id, one.reason.value) for one in decision.verdicts),
        )
        same = (one for one in reversed(self._decided) if one.place == told.place)
        last = next(same, None)
        if last is not None and (last.reason, last.notices) == (told.reason, told.notices):
            return
        kept = [one for one in self._decided if abs(now_ms - one.at_ms) < DECISION_KEPT_MS]
        self._decided = [*kept, told][-DECISIONS_MAX:]
        self._pocket.keep_decisions(tuple(self._decided))
