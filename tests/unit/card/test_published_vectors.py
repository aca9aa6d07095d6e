"""Every vector that somebody published, against our own code; each names its source."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from card_reader.apdu.outcome import Done, Outcome, Talk
from card_reader.desfire import crypto, transaction_mac
from card_reader.desfire.authentication import authenticated
from card_reader.desfire.crypto import Chain
from card_reader.desfire.diversification import diversified, subkeys
from card_reader.desfire.issuing import change_own_key
from card_reader.desfire.session import Mode, Session, SessionKeys, session_keys
from card_reader.desfire.transaction_mac import Committed
from tests.support.cards import OpenCard, Scripted, hold, random_of

Vector = Mapping[str, Any]
FILE = Path(__file__).parents[2] / "vectors/card/published.jsonl"
VECTORS: list[Vector] = [json.loads(line) for line in FILE.read_text().splitlines()]
H = bytes.fromhex


def session_of(vector: Vector) -> Session:
    keys = SessionKeys(encrypting=H(vector["encrypting"]), signing=H(vector["signing"]))
    return Session(keys, H(vector["transaction_id"]), vector["counter"])


def authentication(vector: Vector) -> None:
    script = Scripted([(H(command), H(answer)) for command, answer in vector["talk"]])
    ours = H(vector["ours"])
    begun = hold(script, authenticated(vector["number"], H(vector["key"]), random_of(ours)))
    assert isinstance(begun, Done)
    assert script.is_finished
    if "cards" in vector:
        assert session_keys(H(vector["key"]), ours, H(vector["cards"])) == SessionKeys(
            encrypting=H(vector["encrypting"]), signing=H(vector["signing"])
        )
        assert begun.value.transaction_id == H(vector["transaction_id"])
    if "writes" in vector:
        write = vector["writes"]
        sealed = begun.value.sealed(
            H(write["instruction"])[0], H(write["header"]), H(write["data"]), Mode.FULL
        )
        assert sealed == H(write["is"])
        assert begun.value.opened(H(vector["answer"]), Mode.FULL) == Done(b"")


def command(vector: Vector) -> None:
    sealed = session_of(vector).sealed(
        H(vector["instruction"])[0], H(vector["header"]), H(vector["data"]), Mode[vector["mode"]]
    )
    assert sealed == H(vector["is"])


def answer(vector: Vector) -> None:
    assert session_of(vector).opened(H(vector["body"]), Mode[vector["mode"]]) == Done(H(vector["says"]))


def decrypted(vector: Vector) -> None:
    key = H(vector["key"])
    if "vector" in vector:
        start = H(vector["vector"])
    else:
        start = crypto.encrypt(key, crypto.ZERO_BLOCK, H(vector["vector_of"]))
    assert crypto.decrypt(key, start, H(vector["secret"])) == H(vector["is"])


def transaction_signed(vector: Vector) -> None:
    proof = Committed(counter=vector["counter"], mac=H(vector["is"]), input=H(vector["input"]))
    assert transaction_mac.is_genuine(H(vector["key"]), H(vector["card_uid"]), proof)


def changed(vector: Vector) -> None:
    script = Scripted([(H(vector["is"]), b"\x91\x00")])
    card = OpenCard(session_of(vector))
    talk: Talk[Outcome[None]] = change_own_key(card, vector["number"], H(vector["new"]), vector["version"])
    assert hold(script, talk) == Done(None)
    assert card.session is None


KINDS: Mapping[str, Callable[[Vector], None]] = {
    "authentication": authentication,
    "command": command,
    "answer": answer,
    "decrypted": decrypted,
    "transaction_mac": transaction_signed,
    "change_own_key": changed,
}
VALUES: Mapping[str, Callable[[Vector], object]] = {
    "cmac": lambda v: crypto.cmac(H(v["key"]), H(v["message"])).hex(),
    "short_mac": lambda v: crypto.short_mac(
        crypto.cmac(H(v["key_of"][0]), H(v["key_of"][1])), H(v["message"])
    ).hex(),
    "encrypted": lambda v: crypto.encrypt(H(v["key"]), crypto.ZERO_BLOCK, H(v["plain"])).hex(),
    "diversified": lambda v: diversified(H(v["master"]), H(v["identifies"])).hex(),
    "not_diversified": lambda v: crypto.cmac(H(v["master"]), H(v["text"])).hex(),
    "subkeys": lambda v: [each.hex() for each in subkeys(Chain(H(v["key"])))],
    "reader": lambda v: transaction_mac.reader_of(
        H(v["key"]), H(v["card_uid"]), v["counter"], H(v["encrypted"])
    ).hex(),
}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['source']}: {vector['name']}")
def test_published_vector_is_what_our_code_makes(vector: Vector) -> None:
    kind = vector["kind"]
    if kind in KINDS:
        KINDS[kind](vector)
    elif kind == "transaction_keys":
        keys = transaction_mac.transaction_keys(H(vector["key"]), vector["counter"], H(vector["card_uid"]))
        assert keys == SessionKeys(encrypting=H(vector["encrypting"]), signing=H(vector["signing"]))
    else:
        assert VALUES[kind](vector) == vector["is"]


def test_key_of_a_short_text_is_not_its_plain_cmac() -> None:
    (vector,) = (each for each in VECTORS if each["kind"] == "not_diversified")
    assert diversified(H(vector["master"]), H(vector["text"])[1:]).hex() != vector["is"]


def test_vectors_name_their_source() -> None:
    assert len(VECTORS) >= 35
    assert all(vector["source"] for vector in VECTORS)
