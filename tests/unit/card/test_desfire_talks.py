"""Talks with a card that answers as it should not: nothing raises, and nothing false is believed."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from card_reader.apdu.conversing import converse
from card_reader.apdu.exchange import ANSWER_BYTES_MAX, PARTS_MAX, native, wrapped
from card_reader.apdu.outcome import Done, Doubt, Failed, NotSent, Outcome, Refused, Talk, Unknown
from card_reader.apdu.status import Status, meaning
from card_reader.desfire import issuing
from card_reader.desfire.authentication import authenticated
from card_reader.desfire.card import Card
from card_reader.desfire.diversification import diversified
from card_reader.desfire.session import COUNTER_MAX, Mode, Session, SessionKeys
from card_reader.desfire.transaction_mac import Committed, is_genuine
from card_reader.transport.port import NotSentError, UnansweredError
from shared.model.errors import InputError
from tests.support.cards import OpenCard, Scripted, hold, random_of

KEYS = SessionKeys(encrypting=bytes(16), signing=bytes(range(16)))
TRANSACTION = b"\x01\x02\x03\x04"
RIGHTS = issuing.Rights(read=1, write=2, both=3, change=0)


def open_card(counter: int = 0) -> OpenCard:
    return OpenCard(Session(KEYS, TRANSACTION, counter))


def everything_to(card: Card) -> list[Talk[Outcome[object]]]:
    """Every command that a card knows, in a session."""
    return [
        card.version(),
        card.key_version(0),
        card.select(b"\xf0town"),
        card.authenticate(1, bytes(16)),
        card.authenticate_further(1, bytes(16)),
        card.uid(),
        card.read(0, 0, 48),
        card.write(0, 0, b"x"),
        card.records(2, 0, 2, 48),
        card.append(2, bytes(48)),
        card.value(1),
        card.credit(1, 5),
        card.debit(1, 5),
        card.credit_back(1, 5),
        card.commit(),
        card.abort(),
        issuing.create_application(card, b"abc", b"ab", b"town", 5),
        issuing.create_backup_file(card, 0, RIGHTS, 48),
        issuing.create_value_file(card, 1, RIGHTS, -100, 100),
        issuing.create_cyclic_file(card, 2, RIGHTS, 48, 21),
        issuing.create_transaction_mac_file(card, 15, RIGHTS, bytes(16), 1),
        issuing.change_key(card, 1, bytes(16), bytes(range(16)), 1),
        issuing.change_own_key(card, 0, bytes(range(16)), 1),
    ]


class Saying:
    """A card that gives the answers of a list, the last one for ever."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.heard: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        self.heard.append(command)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Failing:
    """A transport that fails at one of its commands."""

    def __init__(self, error: Exception, *before: bytes) -> None:
        self._error, self._before = error, list(before)

    def transmit(self, command: bytes) -> bytes:
        if self._before:
            return self._before.pop(0)
        raise self._error


@pytest.mark.parametrize("number", range(len(everything_to(open_card()))))
@settings(max_examples=25)
@given(answers=st.lists(st.binary(max_size=300), min_size=1, max_size=4), status=st.sampled_from([*Status]))
def test_answer_of_any_bytes_is_an_outcome_and_nothing_that_counts(
    number: int, answers: list[bytes], status: int
) -> None:
    card = open_card()
    ended = [answer + status.to_bytes(2, "big") for answer in answers]
    for said in (answers, ended):
        outcome = converse(Saying(*said), everything_to(card)[number])
        assert isinstance(outcome, Done | Refused | NotSent | Unknown)


@given(body=st.binary(max_size=80))
def test_commit_is_never_done_by_an_answer_that_the_card_did_not_sign(body: bytes) -> None:
    outcome = converse(Saying(body + b"\x91\x00"), open_card().commit())
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.MORE])
def test_commit_that_is_refused_by_a_bare_status_word_may_have_happened(status: Status) -> None:
    outcome = converse(Saying(status.to_bytes(2, "big")), open_card().commit())
    assert isinstance(outcome, Unknown)


def test_answer_with_another_answers_mac_is_forged_and_ends_the_session() -> None:
    card = open_card()
    assert converse(Saying(bytes(8) + b"\x91\x00"), card.value(1)) == Unknown(Doubt.FORGED)
    assert card.session is None
    unheard = Saying(b"\x91\x00")
    assert converse(unheard, card.commit()) == NotSent()
    assert unheard.heard == []


def test_answer_that_is_played_again_is_forged() -> None:
    session = Session(KEYS, TRANSACTION)
    first = Session(KEYS, TRANSACTION).sealed(0, b"", b"", Mode.MAC)  # the MAC of another place
    assert isinstance(session.opened(first, Mode.MAC), Unknown)


def test_refusal_ends_the_session() -> None:
    card = open_card()
    assert converse(Saying(b"\x91\xbe"), card.debit(1, 5)) == Refused(Status.BOUNDARY)
    assert card.session is None


def test_command_that_was_not_sent_leaves_the_session_as_it_was() -> None:
    card = open_card()
    assert converse(Failing(NotSentError("present it again")), card.debit(1, 5)) == NotSent()
    assert card.session is not None
    assert card.session.counter == 0


def test_command_without_an_answer_may_have_happened_and_ends_the_session() -> None:
    card = open_card()
    outcome = converse(Failing(UnansweredError("read it")), card.debit(1, 5))
    assert outcome == Unknown(Doubt.NO_ANSWER)
    assert card.session is None


def test_answer_whose_second_part_cannot_be_asked_for_may_have_happened() -> None:
    outcome = converse(Failing(NotSentError("present it again"), b"\x01\x91\xaf"), native(0x60))
    assert outcome == Unknown(Doubt.NO_ANSWER)


def test_answer_without_an_end_is_left() -> None:
    endless = Saying(b"more\x91\xaf")
    assert converse(endless, native(0x60)) == Unknown(Doubt.MALFORMED)
    assert len(endless.heard) == PARTS_MAX


def test_answer_in_three_parts_is_one() -> None:
    parts = Saying(b"one\x91\xaf", b"two\x91\xaf", b"three\x91\x00")
    assert converse(parts, native(0x60)) == Done(b"onetwothree")
    assert parts.heard == [wrapped(0x60), wrapped(0xAF), wrapped(0xAF)]


def test_answer_longer_than_any_is_none() -> None:
    assert converse(Saying(bytes(ANSWER_BYTES_MAX) + b"\x91\x00"), native(0x60)) == Unknown(Doubt.MALFORMED)


def test_card_that_does_not_know_our_number_is_not_believed() -> None:
    script = Saying(bytes(16) + b"\x91\xaf", bytes(32) + b"\x91\x00")
    begun = converse(script, authenticated(1, bytes(16), random_of(bytes(range(16)))))
    assert begun == Unknown(Doubt.FORGED)


def test_card_with_another_key_refuses() -> None:
    script = Saying(bytes(16) + b"\x91\xaf", b"\x91\xae")
    begun = converse(script, authenticated(1, bytes(16), random_of(bytes(16))))
    assert begun == Refused(Status.AUTHENTICATION)


def test_session_at_the_end_of_its_counter_is_over() -> None:
    card = open_card(COUNTER_MAX - 1)
    session = card.session
    assert session is not None
    twin = Session(SessionKeys(bytes(16), KEYS.signing), TRANSACTION, COUNTER_MAX)
    mac = twin.sealed(0, b"", b"", Mode.MAC)  # an answer's MAC has 00 where a command's has its code
    assert converse(Saying(mac + b"\x91\x00"), card.debit(1, 5)) == Done(None)
    assert session.is_over
    assert converse(Saying(b"\x91\x00"), card.commit()) == NotSent()


@pytest.mark.parametrize("amount", [0, -1, 2**31])
def test_amount_that_does_not_move_is_our_own_mistake(amount: int) -> None:
    with pytest.raises(InputError):
        next(open_card().debit(1, amount))


@pytest.mark.parametrize(
    "talk",
    [
        lambda: open_card().read(0, -1, 1),
        lambda: open_card().write(0, 0, b""),
        lambda: open_card().write(0, 0, bytes(250)),
        lambda: open_card().authenticate(1, b"short"),
        lambda: diversified(bytes(16), b""),
        lambda: diversified(bytes(16), bytes(32)),
    ],
)
def test_command_that_no_card_could_take_is_our_own_mistake(talk: Callable[[], Any]) -> None:
    with pytest.raises(InputError):
        next(talk())


def test_transaction_mac_over_other_bytes_is_not_genuine() -> None:
    assert not is_genuine(bytes(16), bytes(7), Committed(counter=1, mac=bytes(8), input=b"x"))
    assert not is_genuine(bytes(16), bytes(7), Committed(counter=2**32, mac=bytes(8), input=b"x"))


def test_status_is_said_in_words() -> None:
    assert meaning(0x91AE) == "authentication (91ae)"
    assert meaning(0x1234) == "a status that this version does not know (1234)"


def test_script_that_ends_too_early_is_noticed() -> None:
    failed: Failed | Done[bytes] = hold(Scripted([(wrapped(0x60), b"\x91\x1c")]), native(0x60))
    assert failed == Refused(Status.ILLEGAL_COMMAND)
