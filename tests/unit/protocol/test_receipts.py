"""A receipt is checked with the town's public key alone, and whatever is not one is told apart."""

import string

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from shared.model.instants import from_rfc3339
from shared.model.wording import Language
from shared.protocol.receipt_words import receipt_said, verdict_said
from shared.protocol.receipts import (
    RECEIPT_LENGTH_MAX,
    SHOWN_LENGTH_MAX,
    Receipt,
    ReceiptError,
    TownKeys,
    TownKeysError,
    Verdict,
    endorse,
    judge,
    write_receipt,
)

TOWN = Ed25519PrivateKey.from_private_bytes(b"t" * 32)
OTHER_TOWN = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
DEVICE_KEY = Ed25519PrivateKey.from_private_bytes(b"d" * 32)
UNTIL_MS = from_rfc3339("2028-11-21T10:15:00Z")
KEYS = TownKeys(town="Villafaro", keys=(TOWN.public_key().public_bytes_raw(),))
SAID: dict[str, str | int] = {
    "device": "kiosk-7",
    "reference": "7KXM-2PRT-94V7",
    "type": "incident.reported",
    "time": "2026-11-21T10:15:00Z",
    "stream": "cases",
    "epoch": "9f3c2a1b",
    "seq": 1041,
}


def receipt(**changes: str | int) -> Receipt:
    return Receipt(**{**SAID, **changes})  # pyright: ignore[reportArgumentType] - by name


def written(
    said: Receipt | None = None,
    *,
    key: Ed25519PrivateKey = DEVICE_KEY,
    town: Ed25519PrivateKey = TOWN,
    endorsed: Ed25519PrivateKey = DEVICE_KEY,
) -> str:
    word = endorse(town, "kiosk-7", endorsed.public_key().public_bytes_raw(), UNTIL_MS)
    return write_receipt(said or receipt(), key, word)


def verdict(shown: str) -> Verdict:
    return judge(shown, KEYS.by_id()).verdict


@pytest.mark.sentence("R-1")
def test_receipt_says_what_was_stored_and_where() -> None:
    judged = judge(written(), KEYS.by_id())
    assert (judged.verdict, judged.receipt) == (Verdict.GENUINE, receipt())
    assert len(written()) < RECEIPT_LENGTH_MAX


@pytest.mark.sentence("R-3")
def test_receipt_is_read_through_an_address_and_line_breaks() -> None:
    text = written()
    assert verdict(f"https://hub.example.org/verify?r={text}") is Verdict.GENUINE
    assert verdict(f"  {text[:40]}\n{text[40:90]} {text[90:]}\n") is Verdict.GENUINE


@pytest.mark.sentence("R-2")
def test_receipt_of_another_town_is_foreign() -> None:
    assert verdict(written(town=OTHER_TOWN)) is Verdict.FOREIGN


@pytest.mark.sentence("R-2")
def test_receipt_by_a_key_that_the_town_never_endorsed_is_forged() -> None:
    assert verdict(written(key=OTHER_TOWN)) is Verdict.FORGED
    assert verdict(written(receipt(device="kiosk-8"))) is Verdict.FORGED


@pytest.mark.sentence("R-2")
def test_receipt_after_the_end_of_the_endorsement_is_expired() -> None:
    assert verdict(written(receipt(time="2028-11-21T10:15:00Z"))) is Verdict.EXPIRED
    assert verdict(written(receipt(time="2028-11-21T10:14:59Z"))) is Verdict.GENUINE


@pytest.mark.sentence("R-3")
def test_receipt_without_its_end_is_cut() -> None:
    text = written()
    assert {verdict(text[:length]) for length in range(4, len(text))} == {Verdict.CUT}
    assert {verdict(text[:length]) for length in range(4)} == {Verdict.NONE}


@pytest.mark.sentence("R-3")
@given(st.integers(4, len(written()) - 1), st.sampled_from(string.ascii_letters + string.digits + "-_./"))
def test_receipt_with_one_other_character_is_never_genuine(place: int, character: str) -> None:
    text = written()
    changed = text[:place] + character + text[place + 1 :]
    assert changed == text or verdict(changed) in {Verdict.ALTERED, Verdict.CUT}


@pytest.mark.sentence("R-3")
@given(st.text(max_size=80))
def test_receipt_of_chance_is_none(text: str) -> None:
    assert verdict(text) is Verdict.NONE
    assert verdict(f"VT1:{text}") in {Verdict.CUT, Verdict.ALTERED}
    assert verdict(f"VT2:{text}") is Verdict.NEWER
    assert verdict(written() + "x" * SHOWN_LENGTH_MAX) is Verdict.NONE


@pytest.mark.parametrize(
    "changes",
    [
        {"device": "Kiosk 7"},
        {"reference": "7KXM-2PRT-94VW"},
        {"reference": "7kxm2prt94v7"},
        {"stream": "money"},
        {"epoch": "9f3c2a1"},
        {"type": "a/b"},
        {"seq": 0},
        {"time": "yesterday"},
    ],
)
def test_receipt_of_what_cannot_be_is_not_written(changes: dict[str, str | int]) -> None:
    with pytest.raises(ReceiptError):
        receipt(**changes)


@pytest.mark.sentence("R-4")
def test_town_keys_read_back_as_they_were_written() -> None:
    both = TownKeys(
        town="Villafaro", keys=tuple(k.public_key().public_bytes_raw() for k in (OTHER_TOWN, TOWN))
    )
    assert TownKeys.from_body(both.to_body()) == both
    assert judge(written(), both.by_id()).verdict is Verdict.GENUINE


@pytest.mark.parametrize("body", [b"", b"{}", b'{"v":1,"town":"x","keys":[]}', b'{"v":2}', b"\xff"])
def test_town_keys_that_are_none_are_refused(body: bytes) -> None:
    with pytest.raises(TownKeysError):
        TownKeys.from_body(body)


@pytest.mark.parametrize("language", Language)
def test_receipt_is_spoken_of_in_every_language(language: Language) -> None:
    genuine, forged = judge(written(), KEYS.by_id()), judge(written(key=OTHER_TOWN), KEYS.by_id())
    assert "7KXM-2PRT-94V7" in str(receipt_said(genuine, language))
    assert receipt_said(forged, language) is None
    assert verdict_said(genuine, language) != verdict_said(forged, language)
