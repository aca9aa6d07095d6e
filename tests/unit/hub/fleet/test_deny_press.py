"""The deny list out of the register: what it names, when it is published, what becomes of a list of files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.db.card_repository import CardRepository
from hub.db.fleet_repository import BundleRepository
from hub.domain.cards.errors import CardStateError, CardUnknownError
from hub.domain.cards.register import Card, CardState
from hub.domain.settings.service import CITY, Level
from hub.fleet.deny_press import LIFE_S, DenyPress
from shared.model.deny_list import DenyList
from shared.protocol.bundle import DENY_LIST
from shared.protocol.contents import read_content
from tests.support.card_register import some_card
from tests.support.office import Office

CARD, OTHER = some_card(1), some_card(2)
FOREIGN = "5f" * 16


class Desk:
    """A clerk's desk at a hub whose devices are told of nothing."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder)
        self.changed: list[None] = []
        press = self.office.fleet.press
        self.press = DenyPress(
            self.office.writer, press, lambda: self.changed.append(None), lambda: self.office.now_ms
        )
        for card in (CARD, OTHER):
            self.enter(card)

    def enter(self, card: Card) -> None:
        self.office.writer.run(lambda connection: CardRepository(connection).register(card))

    def bring(self, state: CardState, card: Card = CARD) -> int:
        return self.press.set_state(card.subject, state, "ana", "lost")

    def published(self) -> tuple[set[str], int, str]:
        """Whom the newest list names, for how long, and who published it."""
        with self.office.writer.read() as connection:
            bundles = BundleRepository(connection)
            row = bundles.newest()[DENY_LIST, Level.CITY, CITY]
            content = read_content(DENY_LIST, bundles.body(DENY_LIST, row.version) or b"")
        assert isinstance(content, DenyList)
        assert isinstance(content.subjects, frozenset)
        return set(content.subjects), row.expires_ms, row.who


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.office.close()


def test_card_that_is_blocked_is_on_the_list_by_one_word(desk: Desk) -> None:
    assert desk.bring(CardState.BLOCKED) == 1
    assert desk.published() == ({CARD.subject}, desk.office.now_ms + 1000 * LIFE_S, "cards: ana")
    assert len(desk.changed) == 1


def test_card_that_is_unblocked_leaves_it_and_others_stay(desk: Desk) -> None:
    desk.bring(CardState.BLOCKED)
    assert desk.bring(CardState.REPLACED, OTHER) == 2
    assert desk.bring(CardState.ISSUED) == 1
    assert desk.published()[0] == {OTHER.subject}


def test_card_of_a_file_stays_unless_the_register_has_it(desk: Desk) -> None:
    body = f'{{"subjects":["{FOREIGN}","{OTHER.subject}"]}}'.encode()
    desk.office.fleet.press.publish(DENY_LIST, body, 60, "ana")
    assert desk.bring(CardState.BLOCKED) == 2
    assert desk.published()[0] == {CARD.subject, FOREIGN}
    assert desk.bring(CardState.BLOCKED) == 2


def test_list_of_the_register_is_renewed_and_one_of_a_file_is_not(desk: Desk) -> None:
    desk.press.renew()
    desk.office.fleet.press.publish(DENY_LIST, b'{"subjects":[]}', 60, "ana")
    desk.press.renew()
    assert (desk.published()[2], desk.changed) == ("ana", [])
    desk.bring(CardState.BLOCKED)
    desk.press.renew()
    assert desk.published() == ({CARD.subject}, desk.office.now_ms + 1000 * LIFE_S, "cards: ana")
    assert len(desk.changed) == 2


def test_card_that_is_unknown_or_final_publishes_nothing(desk: Desk) -> None:
    with pytest.raises(CardUnknownError):
        desk.press.set_state("nobody", CardState.BLOCKED, "ana", "")
    desk.bring(CardState.REFUNDED)
    with pytest.raises(CardStateError):
        desk.bring(CardState.ISSUED)
    assert len(desk.changed) == 1
