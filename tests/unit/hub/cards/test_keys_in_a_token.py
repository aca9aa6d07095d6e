"""Desks whose hub has the card keys in a token: the same deeds, and no judgement while it is away."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from card_reader.citizen_card import layout
from card_reader.virtual_card.faults import Plan
from hub.db.tables import journal
from hub.domain.cards.verdict import Said
from hub.keys.card_keys import CardKeyRing
from hub.keys.files import TwinFolder
from hub.keys.vault import TokenAwayError
from tests.support.cards import purse_of
from tests.support.desk import Office
from tests.support.softhsm import SoftToken, soft_token

pytestmark = pytest.mark.requires("softhsm2-util")


@pytest.fixture
def token(tmp_path: Path) -> Iterator[SoftToken]:
    with soft_token(tmp_path / "hsm") as token:
        yield token


@pytest.fixture
def office(tmp_path: Path, token: SoftToken) -> Iterator[Office]:
    CardKeyRing(TwinFolder(tmp_path / "keys", tmp_path / "copy")).make()
    office = Office(tmp_path, vault=token.vault())
    yield office
    office.close()


def test_card_is_issued_and_moves_from_files_to_the_token_and_on_wherever_it_is_torn(office: Office) -> None:
    assert [(each.version, each.kept) for each in office.ring.states()] == [(2, "vault"), (1, "files")]
    card = office.issued(1_000)
    for at in range(1, 24):
        version = office.ring.make()
        office.ask(card, Plan(tear_at=at, after=bool(at % 2)), do="read")
        assert office.ask(card, do="read").said is Said.DONE
        assert card.memory.applications[layout.NAME].versions == [version] * layout.KEYS
    assert purse_of(card) == 1_000


def test_desk_says_that_the_token_is_away_and_goes_on_when_it_is_back(
    office: Office, token: SoftToken
) -> None:
    card = office.issued(1_000)
    token.take_away()
    with pytest.raises(TokenAwayError):
        office.ask(card, do="top_up", amount_minor=700)
    assert (purse_of(card), len(office.rows(journal))) == (1_000, 2)
    token.bring_back()
    assert office.ask(card, do="top_up", amount_minor=700).said is Said.DONE
    assert purse_of(card) == 1_700
