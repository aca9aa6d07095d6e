"""A citizen in front of a kiosk's screen: sees a page, and does the next thing that leads to a report.

    citizen.next(page)        # {"touch":"report"}, {"type":"words","text":"…"}; nothing while they wait

Nothing is remembered but what was typed: after a screen that was replaced under their hands a citizen begins
again, as people do.

Rules: only what stands on the page and is open is pressed.
"""

from collections.abc import Mapping
from typing import Any, Final

WORDS_LENGTH_MAX: Final = 600
"""What the field takes."""
ANSWERS: Final[Mapping[str, str]] = {
    "attract": "start",
    "language": "es",
    "home": "report",
    "report.place": "here",
    "report.contact": "nobody",
    "report.review": "send",
    "report.receipt": "done",
    "unsure": "again",
    "idle": "stay",
}
"""What is pressed on a page; on any other one goes on."""
WAITED_FOR: Final = frozenset({"sending"})
ON: Final = "next"
MORE: Final = "more"

Line = Mapping[str, object]


class Citizen:
    """Somebody with a report.

    Args:
        service_code: what it is about.
        words: what they say.
    """

    def __init__(self, service_code: str, words: str) -> None:
        self.words = words[:WORDS_LENGTH_MAX]
        self._service_code = service_code
        self._has_typed = False

    def next(self, page: Mapping[str, Any]) -> Line | None:
        """Return what they do now; None while there is nothing to do.

        Args:
            page: as the face says it.
        """
        name, choices = str(page["page"]), list(page["choices"])
        if name == "attract":
            self._has_typed = False
        if name == "report.words" and not self._has_typed:
            self._has_typed = True
            return {"type": "words", "text": self.words}
        if name in WAITED_FOR or (name == "report.nearby" and choices == [ON]):
            return None  # the page goes on by itself
        wanted = ANSWERS.get(name, ON)
        if name == "report.category":
            wanted = self._service_code if self._service_code in choices else MORE
        return {"touch": wanted} if wanted in choices else None
