"""Lost cards: the right pair blocks, every other one hears the same, and guessing ends soon."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.api.cards import Brake
from hub.api.patience import LOST_CARD_EVERY_MS, LOST_CARDS_MAX
from hub.db.card_tables import card, card_change, card_number
from hub.db.tables import exception
from hub.domain.cards.orders import Order
from hub.domain.cards.verdict import Said, Verdict
from hub.relay.lost_cards import CARD_LOST
from shared.model.card_number import card_number as made_of
from shared.model.card_number import is_card_number
from shared.model.errors import InputError
from shared.model.ids import check_reference
from tests.support.desk import ISSUE, Office

PIN, OTHER = "8264", "5193"
KIOSK = "kiosk-1"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def lost(office: Office, number: str, pin: str = PIN) -> Verdict:
    return office.lost_cards.reported(KIOSK, "kiosk", office.order(do="lost", number=number, pin=pin))


def with_pin(office: Office) -> str:
    """Issue a card with a PIN; returns its number."""
    held = office.issued(500)
    assert office.ask(held, do="pin_set", pin=PIN).said is Said.DONE
    return office.ask(held, do="read").number


def test_number_is_told_at_the_desk_alone_and_stays_the_same(office: Office) -> None:
    held = office.blank()
    issued = office.ask(held, **ISSUE)
    assert is_card_number(issued.number)
    assert office.ask(held, do="read").to_data()["number"] == issued.number
    assert "number" not in office.hold(held, office.order(do="mine"), kind="kiosk").to_data()
    assert len(office.rows(card_number)) == 1
    other = office.issued()
    assert office.ask(other, do="read").number != issued.number


@pytest.mark.sentence("N-9")
def test_right_pair_blocks_the_card_tells_terminals_and_a_clerk_and_gives_a_receipt(office: Office) -> None:
    number = with_pin(office)
    verdict = lost(office, number)
    assert (verdict.said, verdict.state) == (Said.DONE, "blocked")
    assert verdict.words is not None
    receipt = check_reference(verdict.words["reference"])
    (row,), (case,) = office.rows(card), office.rows(exception)
    assert row["state"] == "blocked"
    assert office.published == [KIOSK]
    assert (case["kind"], case["device"]) == (CARD_LOST, KIOSK)
    assert case["detail"] == {"subject": row["subject"], "receipt": receipt}
    change = office.rows(card_change)[-1]
    assert (change["who"], receipt in change["why"]) == (KIOSK, True)

    again = lost(office, number)
    assert again.said is Said.DONE
    assert len(office.rows(exception)) == 1


@pytest.mark.sentence("N-9")
def test_unknown_wrong_locked_without_a_pin_and_out_of_use_hear_the_same(office: Office) -> None:
    number, held = with_pin(office), office.issued()
    bare = office.ask(held, do="read").number
    gone = office.issued(500)
    office.ask(gone, do="pin_set", pin=PIN)
    ended = office.ask(gone, do="read").number
    assert office.ask(gone, do="refund").said is Said.DONE
    unknown = next(each for each in map(made_of, range(9)) if each not in {number, bare, ended})
    said = [lost(office, each) for each in (unknown, bare, ended)]
    said += [lost(office, number, OTHER) for _ in range(3)]
    said.append(lost(office, number))  # locked by now
    assert [each.to_data() for each in said] == [{"outcome": "refused", "said": "no_match"}] * 7
    assert {row["state"] for row in office.rows(card)} == {"issued", "refunded"}
    assert office.rows(exception) == []
    assert office.published == ["ana"]  # of the refund


def test_card_is_blocked_while_its_list_cannot_be_published(office: Office) -> None:
    number = with_pin(office)
    office.press_is_away = True
    assert lost(office, number).said is Said.DONE
    assert office.rows(card)[0]["state"] == "blocked"


@pytest.mark.sentence("N-9")
def test_too_many_pairs_that_led_nowhere_stop_one_kiosk_for_a_while(office: Office) -> None:
    number = with_pin(office)
    brake = Brake(office.relay, office.lost_cards, lambda: office.clock.now_ms)

    def told(given: str, device: str = KIOSK) -> Said:
        return brake.lost(device, "kiosk", office.order(do="lost", number=given, pin=PIN)).said

    wrong = [each for each in map(made_of, range(9)) if each != number][:LOST_CARDS_MAX]
    assert [told(each) for each in wrong] == [Said.NO_MATCH] * LOST_CARDS_MAX
    assert told(number) is Said.TOO_MANY
    assert office.rows(card)[0]["state"] == "issued"
    office.clock.now_ms += LOST_CARD_EVERY_MS
    assert told(number) is Said.DONE
    assert told(wrong[0], "kiosk-2") is Said.NO_MATCH
    assert office.relay.verdicts["no_match"] == LOST_CARDS_MAX + 1


def test_only_a_kiosk_reports_and_only_with_a_number_and_a_pin(office: Office) -> None:
    order = office.order(do="lost", number=made_of(1), pin=PIN)
    for kind in ("desk", "inspector", "terminal"):
        with pytest.raises(InputError, match="may not ask"):
            office.lost_cards.reported(KIOSK, kind, order)
    with pytest.raises(InputError, match="no reader"):
        office.relay.begin(KIOSK, "kiosk", bytes(7), order)
    for asked in (
        {"pin": PIN},
        {"number": made_of(1)},
        {"number": "1" * 12, "pin": PIN},
        {"number": 7, "pin": PIN},
    ):
        with pytest.raises(InputError):
            Order.from_data({"id": order.id, "who": KIOSK, "do": "lost", **asked})
    assert made_of(1) not in repr(order) + repr(order.to_data())


@pytest.mark.sentence("N-8")
def test_pin_goes_over_to_the_card_that_replaces_another(office: Office) -> None:
    number = with_pin(office)
    lost(office, number, OTHER)
    (before,) = office.rows(card)
    new = office.blank()
    for _ in range(2):  # what came over once comes over again
        assert office.ask(new, **{**ISSUE, "do": "replace", "replaces": before["subject"]}).said is Said.DONE
        for given, word in ((None, "asked"), (OTHER, "wrong"), (PIN, "right")):
            asked = {} if given is None else {"pin": given}
            words = office.hold(new, office.order(do="mine", **asked), kind="kiosk").words
            assert words is not None
            assert words["pin"] == word
        before = next(row for row in office.rows(card) if row["state"] == "issued")
        new = office.blank()
    assert lost(office, number).said is Said.NO_MATCH
    assert [row["why"] for row in office.rows(card_change)].count("PIN of the card that it replaces") == 2
