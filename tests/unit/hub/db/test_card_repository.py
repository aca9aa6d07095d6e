"""The register of cards: who may enter it, how a card changes its state, what the deny list is made of."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from hub.db.card_repository import CardRepository, denied_subjects, list_cards
from hub.domain.cards.errors import CardStateError, CardTakenError, CardUnknownError
from hub.domain.cards.register import Card, CardState
from shared.model.errors import InputError
from shared.model.said import Said
from tests.support.card_register import some_card
from tests.support.hub_database import NOW_MS, fresh_database, transaction

SAID = Said(who="ana", why="lost", now_ms=NOW_MS + 5)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = fresh_database()
    yield engine
    engine.dispose()


def enter(engine: Engine, *cards: Card) -> None:
    with transaction(engine) as connection:
        for card in cards:
            CardRepository(connection).register(card)


def walk_through_the_register(engine: Engine) -> None:
    """Everything that the register does; the same on both databases."""
    one, two = some_card(1), some_card(2, is_anonymous=False, category=3)
    enter(engine, one, two)
    with transaction(engine) as connection:
        cards = CardRepository(connection)
        assert (
            cards.find(one.subject) == cards.find_issue(one.card_id, 1) == cards.find_number(one.uid) == one
        )
        assert cards.find_many([one.subject, "nobody", two.subject]) == {
            one.subject: one,
            two.subject: two,
        }
        assert cards.find("nobody") is cards.find_issue(one.card_id, 2) is None
        assert cards.set_state(two.subject, CardState.BLOCKED, SAID)
        assert not cards.set_state(two.subject, CardState.BLOCKED, SAID)
        assert denied_subjects(connection) == [two.subject]
        cards.set_key_version(two.subject, 2, SAID)
        assert cards.set_state(two.subject, CardState.REPLACED, SAID)
        again = some_card(2, 2)
        cards.register(again, "instead of a lost one")
        assert cards.find_number(two.uid) == again
        assert [(made.state, made.key_version, made.why) for made in cards.changes(two.subject)] == [
            (CardState.ISSUED, 1, ""),
            (CardState.BLOCKED, 1, "lost"),
            (CardState.BLOCKED, 2, "lost"),
            (CardState.REPLACED, 2, "lost"),
        ]
        page = list_cards(connection, "", 2)
        rest = list_cards(connection, page.next or "", 2)
        assert sorted(card.subject for card in (*page.items, *rest.items)) == sorted(
            card.subject for card in (one, two, again)
        )
        assert (rest.next, len(rest.items)) == (None, 1)
        assert [card.subject for card in list_cards(connection, "", 9, CardState.REPLACED).items] == [
            two.subject
        ]
        assert two.subject in denied_subjects(connection)
        assert again.subject not in denied_subjects(connection)


def test_register_keeps_every_card_and_what_was_done_with_it(engine: Engine) -> None:
    walk_through_the_register(engine)


@pytest.mark.parametrize("second", [some_card(1), some_card(1, 2), some_card(9, uid=some_card(1).uid)])
def test_card_that_is_there_or_whose_number_is_in_use_is_not_entered(engine: Engine, second: Card) -> None:
    enter(engine, some_card(1))
    with pytest.raises(CardTakenError), transaction(engine) as connection:
        CardRepository(connection).register(second)
    with transaction(engine) as connection:
        assert len(list_cards(connection, "", 9).items) == 1


def test_database_itself_refuses_two_cards_in_use_under_one_number(engine: Engine) -> None:
    enter(engine, some_card(1), some_card(2))
    with pytest.raises(DBAPIError), transaction(engine) as connection:
        connection.execute(text("UPDATE card SET uid = (SELECT min(uid) FROM card)"))


@pytest.mark.parametrize("last", [CardState.REPLACED, CardState.REFUNDED])
def test_card_that_was_replaced_or_refunded_stays_so(engine: Engine, last: CardState) -> None:
    card = some_card()
    enter(engine, card)
    with transaction(engine) as connection:
        CardRepository(connection).set_state(card.subject, last, SAID)
    for state in set(CardState) - {last}:
        with pytest.raises(CardStateError), transaction(engine) as connection:
            CardRepository(connection).set_state(card.subject, state, SAID)


def test_card_that_is_unblocked_leaves_the_deny_list(engine: Engine) -> None:
    card = some_card()
    enter(engine, card)
    with transaction(engine) as connection:
        cards = CardRepository(connection)
        cards.set_state(card.subject, CardState.BLOCKED, SAID)
        cards.set_state(card.subject, CardState.ISSUED, SAID)
        assert denied_subjects(connection) == []
        found = cards.find(card.subject)
        assert found is not None
        assert (found.state, found.state_ms, found.issued_ms) == (CardState.ISSUED, SAID.now_ms, NOW_MS)


def test_card_that_nobody_entered_has_no_state(engine: Engine) -> None:
    with transaction(engine) as connection:
        cards = CardRepository(connection)
        with pytest.raises(CardUnknownError):
            cards.set_state("nobody", CardState.BLOCKED, SAID)
        with pytest.raises(CardUnknownError):
            cards.set_key_version("nobody", 2, SAID)


@pytest.mark.parametrize(("who", "why"), [("", "x"), ("x" * 65, ""), ("ana", "x" * 201)])
def test_who_and_why_are_short_words(who: str, why: str) -> None:
    with pytest.raises(InputError, match="shorten"):
        Said(who=who, why=why, now_ms=NOW_MS)
