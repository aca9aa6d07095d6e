"""PINs: three tries that are counted before anybody hears, and nothing of them anywhere in the clear."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from card_reader.virtual_card.card import VirtualCard
from hub.db.card_tables import card, card_change, card_pin
from hub.domain.cards.ports import PinSaid
from hub.domain.cards.verdict import Said, Verdict
from hub.keys.card_pins import SECRET, PinDigests
from hub.keys.files import TwinFolder
from hub.relay.pin_book import HubPinBook
from shared.model.card_pin import PinWord
from shared.model.errors import InputError
from tests.support.cards import MemoryBook, tap_once
from tests.support.desk import Office, RingTown

PIN, OTHER = "8264", "5193"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


@pytest.fixture
def subject(office: Office) -> str:
    office.issued()
    (row,) = office.rows(card)
    return str(row["subject"])


def said(word: PinWord, left: int) -> PinSaid:
    return PinSaid(word=word, left=left)


def mine(office: Office, held: VirtualCard, **asked: object) -> Verdict:
    return office.hold(held, office.order(do="mine", **asked), kind="kiosk")


@pytest.mark.sentence("N-8")
def test_three_wrong_ones_lock_it_and_then_the_right_one_does_not_open_it(
    office: Office, subject: str
) -> None:
    office.pins.set(subject, PIN, "ana")
    assert office.pins.tried(subject, PIN) == said(PinWord.RIGHT, 3)
    tried = [office.pins.tried(subject, OTHER) for _ in range(3)]
    assert tried == [said(PinWord.WRONG, 2), said(PinWord.WRONG, 1), said(PinWord.LOCKED, 0)]
    assert office.pins.tried(subject, PIN) == said(PinWord.LOCKED, 0)
    assert office.pins.tried(subject, "") == said(PinWord.LOCKED, 0)


def test_right_one_forgives_what_was_missed(office: Office, subject: str) -> None:
    office.pins.set(subject, PIN, "ana")
    for _ in range(3):
        assert office.pins.tried(subject, OTHER).word is PinWord.WRONG
        assert office.pins.tried(subject, PIN) == said(PinWord.RIGHT, 3)


def test_what_was_missed_is_counted_across_a_restart(office: Office, subject: str) -> None:
    office.pins.set(subject, PIN, "ana")
    for left in (2, 1):
        assert office.pins.tried(subject, OTHER).left == left
        office.close()
        office.start()
    assert office.pins.tried(subject, OTHER).word is PinWord.LOCKED


def test_guesses_at_one_moment_are_counted_one_after_the_other(office: Office, subject: str) -> None:
    office.pins.set(subject, PIN, "ana")
    guesses = [*[OTHER] * 7, PIN]
    with ThreadPoolExecutor(8) as pool:
        words = [each.word for each in pool.map(lambda guess: office.pins.tried(subject, guess), guesses)]
    assert words.count(PinWord.WRONG) <= 4  # two before a right one forgave them, two after it
    assert office.pins.tried(subject, PIN).word is PinWord.LOCKED


def test_desk_opens_what_is_locked_and_the_record_says_who_did_it(office: Office) -> None:
    held = office.issued()
    assert office.ask(held, do="pin_set", pin=PIN).said is Said.DONE
    for _ in range(3):
        mine(office, held, pin=OTHER)
    assert office.ask(held, do="pin_reset").said is Said.DONE
    verdict = mine(office, held)
    assert verdict.words is not None
    assert verdict.words["pin"] == "none"
    assert office.ask(held, do="pin_set", pin=OTHER).said is Said.DONE
    changes = [(row["why"], row["who"]) for row in office.rows(card_change)][1:]
    assert changes == [("PIN set", "ana"), ("PIN locked", "hub"), ("PIN reset", "ana"), ("PIN set", "ana")]


def test_only_a_desk_changes_a_pin_and_only_of_a_card_in_use(office: Office) -> None:
    held = office.issued(500)
    for do in ("pin_set", "pin_reset"):
        for kind in ("kiosk", "inspector", "terminal"):
            with pytest.raises(InputError, match="may not ask"):
                office.hold(held, office.order(do=do, pin=PIN), kind=kind)
    office.ask(held, do="refund")
    assert office.ask(held, do="pin_set", pin=PIN).said is Said.NOT_IN_USE
    assert not office.rows(card_pin)


@pytest.mark.sentence("N-8")
def test_trips_are_told_without_a_pin_or_with_the_right_one_alone(office: Office) -> None:
    held = office.issued(1_000)
    tap_once(RingTown(office), held, MemoryBook())
    words = mine(office, held).words
    assert words is not None
    assert [(trip["line"], trip["stop"]) for trip in words["trips"]] == [(4, 12)]
    office.ask(held, do="pin_set", pin=PIN)
    for given, word, left in ((None, "asked", 3), (OTHER, "wrong", 2), (PIN, "right", 3)):
        words = mine(office, held, pin=given).words
        assert words is not None
        assert (words["pin"], words["pin_left"], "trips" in words) == (word, left, word == "right")
        assert words["balance_minor"] == 935


def test_citizen_is_told_what_the_card_is_good_for_and_nothing_that_names_it(office: Office) -> None:
    held = office.issued(550)
    verdict = mine(office, held)
    data = verdict.to_data()
    assert "holder" not in data
    assert "records" not in data
    assert data["state"] == "issued"
    assert data["card"]["balance_minor"] == 550
    assert data["card"]["is_expired"] is False
    assert date.fromisoformat(data["card"]["valid_until"]).year > 2040
    written = repr(data)
    (row,) = office.rows(card)
    names = (row["subject"], bytes(row["card_id"]).hex(), held.memory.uid.hex())
    assert not [name for name in names if name in written]


def test_blocked_card_says_so(office: Office) -> None:
    held = office.issued(550)
    office.ask(held, do="block", why="perdida")
    assert mine(office, held).to_data()["state"] == "blocked"


def test_nothing_of_a_pin_is_on_the_disk_or_in_what_is_said(office: Office, tmp_path: Path) -> None:
    held = office.issued()
    order = office.order(do="pin_set", pin=PIN)
    assert PIN not in repr(order) + str(order) + repr(order.to_data())
    assert office.hold(held, order).said is Said.DONE
    assert PIN not in repr(mine(office, held, pin=PIN))
    office.close()
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    office.start()
    assert kept
    assert not any(PIN.encode() in each for each in kept)


def test_one_pin_is_kept_otherwise_on_each_card_and_needs_the_towns_secret(
    office: Office, subject: str, tmp_path: Path
) -> None:
    salt = bytes(16)
    digests = [office.digests.digest(name, PIN, salt) for name in (subject, "other")]
    assert digests[0] != digests[1]
    assert (tmp_path / "copy" / SECRET).read_bytes() == (tmp_path / "keys" / SECRET).read_bytes()
    assert PinDigests(TwinFolder(tmp_path / "keys", None)).digest(subject, PIN, salt) == digests[0]
    elsewhere = PinDigests(TwinFolder(tmp_path / "elsewhere", None))
    assert elsewhere.digest(subject, PIN, salt) != digests[0]
    office.pins.set(subject, PIN, "ana")
    lost = HubPinBook(office.writer, elsewhere, lambda: office.clock.now_ms)
    assert lost.tried(subject, PIN).word is PinWord.WRONG
