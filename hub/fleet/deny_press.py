"""The deny list out of the register of cards: one word of a clerk, and every terminal hears of it.

Rules:
- The list names every card of the register that rides nowhere: blocked, replaced, refunded.
- What somebody has published as a file stays on it, as long as the register does not have the card: it was
  made before the register was, or for a card of another town. A packed file cannot be read back: publish it
  again behind this one, or enter its cards.
- A list is published when a clerk has changed a card's state, and again before it expires (`renew`): a list
  that nobody touches stays good as long as the hub lives. One that came as a file last is its owner's to
  renew.
"""

from collections.abc import Callable
from typing import Final

from hub.db.card_repository import CardRepository, denied_subjects
from hub.db.engine import Connection
from hub.db.fleet_repository import BundleRepository
from hub.db.writer import Writer
from hub.domain.cards.register import CardState
from hub.domain.settings.service import CITY, Level
from hub.fleet.bundle_press import BundlePress
from shared.model.deny_list import DenyList
from shared.model.said import Said
from shared.protocol import limits
from shared.protocol.bundle import DENY_LIST
from shared.protocol.contents import read_content
from shared.protocol.parsing import encode

LIFE_S: Final = 2 * 86_400
"""A terminal that has heard nothing for two days risks less on one card."""
_FOR_ALL: Final = (DENY_LIST, Level.CITY, CITY)
_OURS: Final = "cards: "
"""Begins who published a list of the register."""


class DenyPress:
    """Blocks cards, and publishes the list."""

    def __init__(
        self, writer: Writer, press: BundlePress, changed: Callable[[], None], clock: Callable[[], int]
    ) -> None:
        """Take what is needed.

        Args:
            writer: the database.
            press: publishes.
            changed: called when devices have something to fetch.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self._writer = writer
        self._press = press
        self._changed = changed
        self._clock = clock

    def set_state(self, subject: str, state: CardState, who: str, why: str) -> int:
        """Bring a card into a state, and publish the list.

        Repeating it after a failure publishes the list, also where the card is in that state already.

        Returns:
            How many cards the list names.

        Raises:
            CardUnknownError: there is no such card.
            CardStateError: it was replaced or refunded.
            InputError: who, or why, is too long.
            TransientError: it was not committed, or not published; repeat.
        """
        said = Said(who=who, why=why, now_ms=self._clock())
        self._writer.run(lambda connection: CardRepository(connection).set_state(subject, state, said))
        return self.publish(who)

    def publish(self, who: str) -> int:
        """Publish the list as the register has it now; returns how many cards it names."""
        with self._writer.read() as connection:
            subjects = {*denied_subjects(connection), *_of_files(connection)}
        body = _body(DenyList(subjects=frozenset(subjects), extra={}))
        self._press.publish(DENY_LIST, body, LIFE_S, f"{_OURS}{who.removeprefix(_OURS)}")
        self._changed()
        return len(subjects)

    def renew(self) -> None:
        """Publish the newest list again, if the register published it; for a timetable.

        Raises:
            TransientError: it was not published; it is tried again.
        """
        with self._writer.read() as connection:
            newest = BundleRepository(connection).newest().get(_FOR_ALL)
        if newest is not None and not newest.retires and newest.who.startswith(_OURS):
            self.publish(newest.who)


def _body(said: DenyList) -> bytes:
    """In the form that people read, as long as it fits."""
    body = encode(said.to_data())
    return body if len(body) <= limits.BUNDLE_BYTES_MAX else said.packed()


def _of_files(connection: Connection) -> set[str]:
    """What the newest list names and the register does not have."""
    bundles = BundleRepository(connection)
    newest = bundles.newest().get(_FOR_ALL)
    body = None if newest is None or newest.retires else bundles.body(DENY_LIST, newest.version)
    content = None if body is None else read_content(DENY_LIST, body)
    if not isinstance(content, DenyList) or not isinstance(content.subjects, frozenset):
        return set()  # of a packed list only the starts of its entries are known
    subjects = sorted(content.subjects)
    return set(subjects) - CardRepository(connection).known(subjects)
