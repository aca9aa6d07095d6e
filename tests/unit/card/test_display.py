"""What a validator says: short, in three languages, and never the same for two reasons."""

import pytest

from card_reader.citizen_card.journal import Deed, Record
from card_reader.core.decision import No
from card_reader.core.display import (
    BY_PASS,
    BY_RIDES,
    CAPPED,
    CLOSED,
    LINE_LENGTH_MAX,
    LOW,
    SIGNS,
    Light,
    Sign,
    Sound,
    show,
)
from card_reader.core.tap import Verdict, Yes
from shared.model.wording import Language

LONGEST = {"amount": "10,40 €", "balance": "148,70 €", "people": "99", "rides": "255", "back": "10,40 €"}
EVERY = [*SIGNS.values(), BY_PASS, BY_RIDES, CAPPED, CLOSED, LOW]


def record(**said: int) -> Record:
    return Record(deed=Deed.RIDE, counter=1, at_s=0, terminal=1, mark=bytes(4), **said)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("sign", EVERY, ids=lambda sign: sign.head.es)
def test_line_is_short_enough_for_a_validator(sign: Sign, language: Language) -> None:
    for wording in (sign.head, sign.more):
        assert wording.ca is not None
        assert wording.en is not None
        assert 0 < len(wording.in_language(language).format_map(LONGEST)) <= LINE_LENGTH_MAX


def test_every_outcome_has_a_sign_and_no_two_noes_say_the_same() -> None:
    assert set(SIGNS) == {*Yes, *No}
    heads = [SIGNS[why].head.es for why in No]
    assert len(heads) == len(set(heads))


def test_light_sound_and_words_agree() -> None:
    assert all(SIGNS[yes].light is Light.GREEN for yes in Yes if yes is not Yes.UNDONE)
    assert (SIGNS[Yes.UNDONE].light, SIGNS[Yes.UNDONE].sound) == (Light.AMBER, Sound.BACK)
    assert all(SIGNS[no].light is not Light.GREEN for no in No)
    assert {SIGNS[no].sound for no in No} == {Sound.AGAIN, Sound.OTHER, Sound.STOP}


@pytest.mark.parametrize(
    ("verdict", "lines"),
    [
        (Verdict(said=Yes.RIDE, record=record(balance_minor=870), paid_minor=130), "1,30 € Saldo 8,70 €"),
        (Verdict(said=Yes.RIDE, record=record(balance_minor=-70), paid_minor=130), "1,30 € Saldo -0,70 €"),
        (Verdict(said=Yes.RIDE, record=record(product=20)), "Abono válido"),
        (Verdict(said=Yes.RIDE, record=record(product=1)), "Hoy ya no paga más"),
        (Verdict(said=Yes.RIDE, record=record(product=30, rides_product=30, rides=4)), "Viajes: quedan 4"),
        (Verdict(said=Yes.ALREADY, record=record(passengers=3)), "Viajan: 3"),
        (Verdict(said=Yes.UNDONE, record=record(amount_minor=390)), "Devuelto: 3,90 €"),
        (Verdict(said=No.NO_BALANCE, record=record(balance_minor=20)), "Saldo 0,20 €"),
        (Verdict(said=No.EMPTY_FIELD), "No se ha leído nada"),
    ],
)
def test_second_line_has_the_figures(verdict: Verdict, lines: str) -> None:
    assert show(verdict).lines(Language.ES)[1] == lines


def test_purse_below_zero_is_told_by_the_light_and_the_words() -> None:
    shown = show(Verdict(said=Yes.RIDE, record=record(balance_minor=-70), paid_minor=130))
    assert shown.sign.light is Light.AMBER
    assert shown.lines(Language.EN)[0] == "Top up soon"
