"""Orders and messages of a desk: what is not understood is refused with a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.cards.orders import Do, Order
from shared.model.errors import VentanillaError
from shared.model.ids import new_event_id
from shared.protocol.relay import Answer, Begin, Failed

ID = new_event_id(1_795_255_200_000, bytes(10))
GOOD: dict[str, dict[str, object]] = {
    "read": {"history": True},
    "issue": {"category": 1, "category_until": 0, "valid_until": 9_000, "lowest_minor": -200},
    "replace": {
        "category": 1,
        "category_until": 0,
        "valid_until": 9_000,
        "lowest_minor": -200,
        "replaces": "f" * 32,
    },
    "top_up": {"amount_minor": 1_000, "method": "card"},
    "charge": {"amount_minor": 450, "concept": "piscina", "reference": "IMD-7"},
    "sell": {"product": 20, "paid_by": "purse", "first_day": 2_600, "amount_minor": 3_000},
    "refund": {"method": "cash"},
    "block": {"why": "perdida"},
    "unblock": {},
    "mine": {},
    "lost": {"number": "412345678905", "pin": "8264"},
    "pin_set": {"pin": "8264"},
    "pin_reset": {},
}


@pytest.mark.parametrize("do", list(Do))
def test_order_is_read_as_it_was_written(do: Do) -> None:
    order = Order.from_data({"id": ID, "who": "ana", "do": do.value, **GOOD[do.value]})
    kept = order.to_data()
    assert not {"pin", "number"} & set(kept)
    assert "8264" not in repr(order)
    assert Order.from_data({**kept, "pin": order.pin or None, "number": order.number or None}) == order


@pytest.mark.parametrize(
    "wrong",
    [
        {"do": "coffee"},
        {"id": "x"},
        {"who": ""},
        {"who": "a" * 65},
        {"do": "top_up", "amount_minor": 0},
        {"do": "top_up", "amount_minor": -1},
        {"do": "top_up", "amount_minor": 15_001},
        {"do": "top_up", "amount_minor": "10"},
        {"do": "top_up", "amount_minor": 1, "method": "purse"},
        {"do": "charge", "amount_minor": 1},
        {"do": "sell", "paid_by": "cash", "first_day": 0},
        {"do": "sell", "product": 0, "paid_by": "cash", "first_day": 0},
        {"do": "sell", "product": 20, "paid_by": "favour", "first_day": 0},
        {"do": "issue"},
        {"do": "issue", "category": 256, "category_until": 0, "valid_until": 1, "lowest_minor": 0},
        {"do": "issue", "category": 0, "category_until": 0, "valid_until": 1, "lowest_minor": 1},
        {"do": "block", "why": "x" * 201},
        {"do": "pin_set"},
        {"do": "pin_set", "pin": "123"},
        {"do": "pin_set", "pin": "12a4"},
        {"do": "pin_set", "pin": "1234"},
        {"do": "pin_set", "pin": "7777"},
        {"do": "pin_set", "pin": "0987"},
        {"do": "mine", "pin": "82645"},
        {"do": "mine", "pin": "٨٢٦٤"},
    ],
)
def test_order_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(VentanillaError):
        Order.from_data({"id": ID, "who": "ana", "do": "read", **wrong})


def test_messages_are_read_as_they_were_written() -> None:
    begin = Begin(uid=bytes(7), order={"do": "read"})
    assert Begin.from_body(begin.to_body()) == begin
    for answer in (Answer(n=1, heard=b"\x91\x00"), Answer(n=96, heard=Failed.NOT_SENT)):
        assert Answer.from_body(answer.to_body()) == answer


@given(st.binary(max_size=200))
def test_message_that_is_none_is_refused_with_a_sentence(body: bytes) -> None:
    for reader in (Begin.from_body, Answer.from_body):
        with pytest.raises(VentanillaError):
            reader(body)
