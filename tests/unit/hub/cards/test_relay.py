"""The relay: a talk is its desk's alone, has an order of commands, and ends; what breaks it costs nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from card_reader.apdu.outcome import Doubt, Unknown
from card_reader.virtual_card.card import VirtualCard
from card_reader.virtual_card.faults import Field, Plan
from hub.db.tables import journal
from hub.db.unit_of_work import Rules
from hub.domain.cards.ports import Intended
from hub.domain.cards.verdict import Said, Verdict
from hub.keys.card_keys import CardKeyRing, NoCardKeysError
from hub.keys.files import TwinFolder
from hub.relay.deed_book import HubDeedBook
from hub.relay.relay import TALK_S_MAX, TALKS_MAX, Closed, Next, Relay, RelayBusyError, TalkOverError
from shared.model.errors import CapacityError, InputError
from shared.protocol.relay import COMMANDS_MAX
from tests.support.cards import Held, no_wait, purse_of
from tests.support.desk import DESK, SUBJECT, Office, heard

Step = Next | Verdict | Closed
READ: dict[str, Any] = {"do": "read"}
TOP_UP: dict[str, Any] = {"do": "top_up", "amount_minor": 700}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def begun(office: Office, card: VirtualCard, device: str = DESK, **asked: object) -> Next:
    step = office.relay.begin(device, "desk", card.memory.uid, office.order(**(asked or READ)))
    assert isinstance(step, Next)
    return step


def test_talk_goes_on_for_its_own_device_alone(office: Office) -> None:
    card = office.issued()
    step = begun(office, card)
    with pytest.raises(TalkOverError):
        office.relay.heard("desk-2", step.talk, step.n, b"\x90\x00")
    with pytest.raises(TalkOverError):
        office.relay.heard(DESK, "0" * 32, step.n, b"\x90\x00")
    assert isinstance(office.relay.heard(DESK, step.talk, step.n, b"\x90\x00"), Next)


@pytest.mark.sentence("N-2")
def test_answer_to_another_command_ends_the_talk(office: Office) -> None:
    card = office.issued()
    step = begun(office, card)
    for n in (step.n + 1, step.n):
        with pytest.raises(TalkOverError):
            office.relay.heard(DESK, step.talk, n, b"\x90\x00")


def test_answer_that_is_said_again_is_not_taken_twice(office: Office) -> None:
    card = office.issued()
    step = begun(office, card)
    assert isinstance(office.relay.heard(DESK, step.talk, 1, b"\x90\x00"), Next)
    with pytest.raises(TalkOverError):
        office.relay.heard(DESK, step.talk, 1, b"\x90\x00")


def test_new_talk_of_a_desk_ends_the_one_before(office: Office) -> None:
    card = office.issued()
    first = begun(office, card)
    second = begun(office, card)
    with pytest.raises(TalkOverError):
        office.relay.heard(DESK, first.talk, 1, b"\x90\x00")
    assert isinstance(office.relay.heard(DESK, second.talk, 1, b"\x90\x00"), Next)


@pytest.mark.sentence("N-2")
def test_talk_that_lasts_too_long_is_over_and_nothing_of_it_counts(office: Office) -> None:
    card = office.issued()
    field = Field(card, no_wait)
    field.present(Plan())
    step: Step = begun(office, card, **TOP_UP)
    for _ in range(7):
        assert isinstance(step, Next)
        step = office.relay.heard(DESK, step.talk, step.n, heard(Held(field), step.command))
    assert isinstance(step, Next)
    office.clock.monotonic_s = TALK_S_MAX + 1
    with pytest.raises(TalkOverError):
        office.relay.heard(DESK, step.talk, step.n, heard(Held(field), step.command))
    assert (purse_of(card), len(office.rows(journal))) == (0, 1)
    assert office.ask(card, **TOP_UP).said is Said.DONE


def test_talk_that_is_given_up_before_its_commit_is_answered_is_settled_later(office: Office) -> None:
    card = office.issued()
    field = Field(card, no_wait)
    field.present(Plan())
    step: Step = begun(office, card, **TOP_UP)
    for _ in range(8):
        assert isinstance(step, Next)
        step = office.relay.heard(DESK, step.talk, step.n, heard(Held(field), step.command))
    assert isinstance(step, Next)
    assert heard(Held(field), step.command)  # the card commits, and the desk's network goes
    later = office.ask(card, **TOP_UP)
    assert (later.said, later.before, later.happened) == (Said.SETTLED, "top_up", True)
    assert (purse_of(card), [row["kind"] for row in office.rows(journal)]) == (700, ["card_deed", "credit"])


def test_so_many_desks_are_served_at_once_and_late_ones_make_room(office: Office) -> None:
    card = office.issued()
    for n in range(TALKS_MAX):
        begun(office, card, f"desk-{n + 2}")
    with pytest.raises(RelayBusyError):
        begun(office, card)
    office.clock.monotonic_s = TALK_S_MAX + 1
    begun(office, card)


class EndlessCard:
    """Whatever it is asked, there is more to come."""

    def transmit(self, _command: bytes) -> bytes:
        return b"\x91\xaf"


def test_card_that_goes_on_and_on_is_left(office: Office) -> None:
    step: Step = begun(office, office.issued())
    for _ in range(COMMANDS_MAX):
        if not isinstance(step, Next):
            break
        answer = b"\x90\x00" if step.n == 1 else EndlessCard().transmit(step.command)
        step = office.relay.heard(DESK, step.talk, step.n, answer)
    assert isinstance(step, Verdict)
    assert step.said is Said.UNREADABLE


@pytest.mark.parametrize("answer", [b"", b"\x90", b"\x00" * 258, b"\x91\x00", b"\x6a\x82", b"\xff\xff"])
def test_answers_that_are_none_stop_no_hub_and_move_nothing(office: Office, answer: bytes) -> None:
    card = office.issued()
    for turn in range(10):
        field = Field(card, no_wait)
        field.present(Plan())
        step: Step = begun(office, card, **TOP_UP)
        while isinstance(step, Next):
            came = answer if step.n == turn + 1 else heard(Held(field), step.command)
            step = office.relay.heard(DESK, step.talk, step.n, came)
        assert isinstance(step, Verdict)
        if step.said is Said.UNKNOWN:
            assert office.ask(card, **READ).before == "top_up"
    assert purse_of(card) == 700 * sum(row["kind"] == "credit" for row in office.rows(journal))


def test_silence_of_a_card_is_told_apart_from_a_command_that_was_not_sent(office: Office) -> None:
    step = begun(office, office.issued())
    said = office.relay.heard(DESK, step.talk, 1, Unknown(Doubt.NO_ANSWER))
    assert isinstance(said, Verdict)
    assert said.to_data() == {"outcome": "not_sent", "said": "removed"}


@pytest.mark.parametrize("uid", [b"", bytes(4), bytes(10)])
def test_number_that_no_card_of_the_town_has_begins_no_talk(office: Office, uid: bytes) -> None:
    with pytest.raises(InputError, match="another card"):
        office.relay.begin(DESK, "desk", uid, office.order(**READ))


def test_hub_without_card_keys_recognises_no_card(office: Office, tmp_path: Path) -> None:
    ring = CardKeyRing(TwinFolder(tmp_path / "none", None))
    relay = Relay(ring, office.book, pins=office.pins, subject=SUBJECT, clock=lambda: 0, fares=lambda _: None)
    step = relay.begin(DESK, "desk", office.issued().memory.uid, office.order(**READ))
    assert isinstance(step, Next)
    step = relay.heard(DESK, step.talk, 1, b"\x90\x00")
    assert isinstance(step, Next)
    with pytest.raises(NoCardKeysError):
        relay.heard(DESK, step.talk, 2, b"\x01\x91\x00")
    with pytest.raises(TalkOverError):
        relay.heard(DESK, step.talk, 3, b"\x90\x00")


class FullBook(HubDeedBook):
    """A disk that is full when the intent is to be kept."""

    def intend(self, meant: Intended) -> None:
        raise CapacityError("the disk is full; make room")


def test_disk_that_is_full_moves_nothing(office: Office) -> None:
    card, now = office.issued(), lambda: office.clock.now_ms
    book = FullBook(
        office.writer, office.ring, rules=Rules(), clock=now, work_committed=lambda: None, publish_denied=len
    )
    office.relay = Relay(
        office.ring, book, pins=office.pins, subject=SUBJECT, clock=now, fares=lambda _: None
    )
    with pytest.raises(CapacityError):
        office.ask(card, **TOP_UP)
    assert purse_of(card) == 0
