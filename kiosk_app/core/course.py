"""The course of one session: where it is now, and the four ways in which that changes.

Rules:
- What had to be mended is said once: whatever happens next takes it away unless it says it again.
- What is left or ended is forgotten with everything that was said in it.
"""

from dataclasses import replace

from kiosk_app.core.draft import Draft
from kiosk_app.core.effects import DropPhotos, Effect, Wipe
from kiosk_app.core.session import Home, Session


class Course:
    """One session after the other.

    Args:
        empty: the session with which everybody begins.

    Attributes:
        session: as it is now.
    """

    def __init__(self, empty: Session) -> None:
        self._empty = empty
        self._asked = 0
        self.session = empty

    def go(self, **changes: object) -> list[Effect]:
        """Change the session; nothing is asked of the machine for that."""
        self.session = replace(self.session, **{"error": None, **changes})
        return []

    def ask(self) -> int:
        """Return the number of a new question to the machine; no other one is waited for."""
        self._asked += 1
        self.session = replace(self.session, question=self._asked)
        return self._asked

    def leave(self) -> list[Effect]:
        """Forget a task, and go home."""
        photos = self.session.draft.photos
        self.go(moment=Home(), draft=Draft(), question=0)
        return [DropPhotos(photos)] if photos else []

    def end(self) -> list[Effect]:
        """Forget everything, and begin with the next person."""
        is_personal = self.session.personal
        self.session = self._empty
        return [Wipe(personal=is_personal)]
