"""Deeds at a desk: what the card holds, the books and the register say the same, wherever it is torn."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from card_reader.citizen_card import layout
from card_reader.citizen_card.journal import Deed, terminal_number
from card_reader.virtual_card.card import VirtualCard
from card_reader.virtual_card.faults import Plan
from hub.assembly.cards import RingSeals
from hub.core.port import Done, Effect, Result, Undecidable
from hub.db.card_deed_tables import card_deed
from hub.db.card_repository import CardRepository
from hub.db.card_tables import card as register
from hub.db.tables import account, card_counter, exception, journal, outgoing
from hub.domain.cards.register import CardState
from hub.domain.cards.verdict import Said, Verdict
from hub.jobs.signatures import SignedSettlements
from hub.keys.registry import Registry
from hub.relay.deed_book import INTENT_MS_MAX
from shared.model.errors import InputError
from shared.model.said import Said as Blocked
from tests.support.cards import journal_of, purse_of
from tests.support.desk import DESK, ISSUE, SUBJECT, Office
from tests.support.hub_database import NOW_MS

READ: dict[str, Any] = {"do": "read"}
COMMIT = 9
"""Which command of a deed it is: select, version, two to authenticate, two to read, two to write."""
CHARGE: dict[str, Any] = {"do": "charge", "amount_minor": 450, "concept": "piscina", "reference": "IMD-7"}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def balances(office: Office) -> dict[str, int]:
    """What is in each account, by the first part of its name."""
    return {str(row["code"]).partition(":")[0]: row["balance_minor"] for row in office.rows(account)}


def settled(office: Office, card: VirtualCard) -> None:
    """What stands on the card, in the books and in the record is one sum; each counter was used once."""
    records = journal_of(card)
    assert records[-1].balance_minor == purse_of(card) == balances(office).get("purse", 0)
    used = [row["counter"] for row in office.rows(card_counter)]
    assert used == list(range(1, records[-1].counter + 1))
    assert sum(row["balance_minor"] for row in office.rows(account)) == 0
    assert not [row for row in office.rows(card_deed) if row["state"] == "open"]


def state_of(office: Office) -> str:
    (row,) = office.rows(register)
    return str(row["state"])


@pytest.mark.sentence("N-6")
def test_card_that_is_issued_topped_up_and_charged_is_in_books_and_register(
    office: Office,
) -> None:
    card = office.issued(1_000)
    charged = office.ask(card, **CHARGE)
    assert (charged.said, charged.image and charged.image.last.balance_minor) == (Said.DONE, 550)
    assert [record.deed for record in journal_of(card)] == [Deed.ISSUED, Deed.TOPPED_UP, Deed.PURCHASE]
    assert {record.terminal for record in journal_of(card)} == {terminal_number(DESK)}
    settled(office, card)
    assert balances(office) == {"purse": 550, "revenue": 450, "device_cash": -1_000}
    assert [row["kind"] for row in office.rows(journal)] == ["card_deed", "credit", "payment"]
    assert [row["connector"] for row in office.rows(outgoing)] == ["settlements"] * 2
    (known,) = office.rows(register)
    assert (known["uid"], known["category"], known["state"]) == (card.memory.uid, 1, "issued")
    holder = charged.image.holder if charged.image else None
    assert holder is not None
    assert known["subject"] == SUBJECT(holder.card_id, 0)


def test_history_is_read_whole_and_newest_first(office: Office) -> None:
    card = office.issued()
    for amount_minor in range(1, 25):
        office.ask(card, do="top_up", amount_minor=amount_minor, method="card")
    read = office.ask(card, do="read", history=True)
    assert read.image is not None
    assert list(read.image.records) == list(reversed(journal_of(card)))
    assert len(read.image.records) == layout.RECORDS_KEPT
    settled_counters = [row["counter"] for row in office.rows(card_counter)]
    assert settled_counters == list(range(1, 26))
    assert balances(office)["clearing"] == -sum(range(1, 25))


def torn_everywhere(office: Office, card: VirtualCard, **asked: object) -> Iterator[tuple[Verdict, int]]:
    """Hold one order to a desk, torn at each command before and after it is carried out, until it is done."""
    for at in range(1, COMMIT + 2):
        for after in (False, True):
            order = office.order(**asked)
            torn = office.hold(card, order, Plan(tear_at=at, after=after))
            assert torn.said in {Said.REMOVED, Said.UNKNOWN, Said.DONE}
            again = office.hold(card, order)
            assert again.said is Said.DONE
            settled(office, card)
            yield again, at


def test_top_up_torn_at_any_command_is_credited_once_when_the_card_is_held_there_again(
    office: Office,
) -> None:
    card = office.issued()
    count = sum(1 for _ in torn_everywhere(office, card, do="top_up", amount_minor=100))
    assert purse_of(card) == 100 * count


def test_charge_torn_at_any_command_is_taken_once_when_the_card_is_held_there_again(office: Office) -> None:
    card = office.issued(15_000)
    count = sum(1 for _ in torn_everywhere(office, card, **CHARGE))
    assert purse_of(card) == 15_000 - 450 * count


@pytest.mark.sentence("N-5")
def test_deed_that_is_settled_by_another_order_ends_the_talk_before_anything_more_is_done(
    office: Office,
) -> None:
    card = office.issued(500)
    office.ask(card, Plan(tear_at=COMMIT, after=True), do="top_up", amount_minor=300)
    other = office.ask(card, **CHARGE)
    assert (other.said, other.before, other.happened) == (Said.SETTLED, "top_up", True)
    settled(office, card)
    assert purse_of(card) == 800
    office.ask(card, Plan(tear_at=COMMIT), do="top_up", amount_minor=300)
    read = office.ask(card, **READ)
    assert (read.said, read.before, read.happened) == (Said.DONE, "top_up", False)
    settled(office, card)
    assert purse_of(card) == 800
    assert office.ask(card, **CHARGE).said is Said.DONE


@pytest.mark.sentence("N-4")
def test_order_that_was_carried_out_is_not_carried_out_again(office: Office) -> None:
    card = office.issued()
    order = office.order(do="top_up", amount_minor=700)
    assert [office.hold(card, order).said for _ in range(3)] == [Said.DONE] * 3
    assert purse_of(card) == 700
    settled(office, card)


def test_hub_that_is_started_again_between_commit_and_answer_settles_it_at_the_next_presentation(
    office: Office,
) -> None:
    card = office.issued()
    order = office.order(do="top_up", amount_minor=700)
    assert office.hold(card, order, Plan(tear_at=COMMIT, after=True)).said is Said.UNKNOWN
    office.close()
    office.start()
    assert office.hold(card, order).said is Said.DONE
    assert purse_of(card) == 700
    settled(office, card)


def test_issue_torn_at_any_command_makes_one_card_when_it_is_held_there_again(office: Office) -> None:
    made, at = 0, 0
    while True:
        at += 1
        for after in (False, True):
            card, order = office.blank(), office.order(**ISSUE)
            torn = office.hold(card, order, Plan(tear_at=at, after=after))
            assert torn.said is not Said.SETTLED
            if torn.said is not Said.DONE:
                assert office.hold(card, order).said is Said.DONE, (at, after)
            made += 1
            assert [record.deed for record in journal_of(card)] == [Deed.ISSUED]
            in_use = [row for row in office.rows(register) if row["state"] == "issued"]
            assert len(in_use) == made
            assert office.hold(card, office.order(**ISSUE)).said is Said.ALREADY_ISSUED
        if torn.said is Said.DONE:
            break
    assert at > 20
    assert not [row for row in office.rows(card_deed) if row["state"] == "open"]


def test_blocked_card_moves_no_money_until_it_is_unblocked(office: Office) -> None:
    card = office.issued(1_000)
    assert office.ask(card, do="unblock").said is Said.NOT_BLOCKED
    assert office.ask(card, do="block", why="perdida").said is Said.DONE
    assert state_of(office) == "blocked"
    assert office.ask(card, **CHARGE).said is Said.BLOCKED
    assert office.ask(card, do="top_up", amount_minor=1).said is Said.BLOCKED
    assert office.ask(card, do="block").said is Said.BLOCKED
    assert office.ask(card, do="unblock", why="aparecida").said is Said.DONE
    assert state_of(office) == "issued"
    assert office.ask(card, **CHARGE).said is Said.DONE
    settled(office, card)


def test_terminals_hear_of_a_card_that_rides_nowhere_and_a_press_that_fails_undoes_nothing(
    office: Office,
) -> None:
    card = office.issued(1_000)
    assert office.published == []
    office.ask(card, do="block")
    assert office.published == ["ana"]
    office.press_is_away = True
    assert office.ask(card, do="unblock").said is Said.DONE
    assert state_of(office) == "issued"


def test_refund_hands_out_what_is_left_and_ends_the_card(office: Office) -> None:
    card = office.issued(1_000)
    assert office.ask(card, do="refund").said is Said.DONE
    assert (purse_of(card), balances(office)) == (0, {"purse": 0, "device_cash": 0})
    assert state_of(office) == "refunded"
    assert office.ask(card, do="top_up", amount_minor=1).said is Said.NOT_IN_USE
    settled(office, card)
    told = [row for row in office.rows(outgoing) if '"refund"' in str(row["body"])]
    assert len(told) == 1


def replacement(office: Office) -> dict[str, Any]:
    (before,) = [row for row in office.rows(register) if row["state"] in {"issued", "blocked"}]
    return {**ISSUE, "do": "replace", "replaces": before["subject"]}


def test_lost_cards_money_goes_to_its_next_issue_wherever_that_is_torn(office: Office) -> None:
    lost, at = office.issued(1_000), 0
    while True:
        at += 1
        new, order = office.blank(), office.order(**replacement(office))
        torn = office.hold(new, order, Plan(tear_at=at, after=bool(at % 2)))
        if torn.said is not Said.DONE:
            assert office.hold(new, order).said is Said.DONE, at
        states = [row["state"] for row in office.rows(register)]
        assert states.count("issued") == 1
        assert purse_of(new) == 1_000
        moved = sorted(row["balance_minor"] for row in office.rows(account))
        assert (moved[0], moved[-1], sum(moved)) == (-1_000, 1_000, 0)
        if torn.said is Said.DONE:
            break
    assert office.ask(lost, **CHARGE).said is Said.NOT_IN_USE
    assert office.ask(new, **CHARGE).said is Said.DONE
    issues = {row["issue"] for row in office.rows(register)}
    assert len(issues) == len(office.rows(register))
    assert {row["card_id"] for row in office.rows(register)} == {office.rows(register)[0]["card_id"]}


def test_card_that_is_not_there_or_not_in_use_is_not_replaced(office: Office) -> None:
    card = office.issued(1_000)
    asked = replacement(office)
    assert office.ask(office.blank(), **{**asked, "replaces": "f" * 32}).said is Said.NO_SUCH_CARD
    assert office.ask(card, do="refund").said is Said.DONE
    assert office.ask(office.blank(), **asked).said is Said.NOT_IN_USE


def begun_elsewhere(office: Office, asked: dict[str, Any]) -> VirtualCard:
    """A blank card that was torn in the very moment in which it took a lost one's place."""
    at = 0
    while True:
        at += 1
        new = office.blank()
        if office.ask(new, Plan(tear_at=at, after=True), **asked).said is Said.UNKNOWN:
            return new


def test_lost_cards_money_is_on_one_new_card_and_never_on_two(office: Office) -> None:
    office.issued(1_000)
    asked = replacement(office)
    one, two = begun_elsewhere(office, asked), office.blank()
    with pytest.raises(InputError, match="another card was begun in its place") as told:
        office.ask(two, **asked)
    subject = str(told.value).rpartition("block ")[2].rstrip("`")
    said = Blocked(who="ana", why="never came back", now_ms=NOW_MS)
    office.writer.run(lambda c: CardRepository(c).set_state(subject, CardState.BLOCKED, said))
    assert office.ask(two, **asked).said is Said.DONE
    assert office.ask(one, **READ).happened is True
    states = {row["subject"]: row["state"] for row in office.rows(register) if row["state"] != "replaced"}
    assert len(states) == 1
    assert subject not in states
    assert office.ask(one, **CHARGE).said is Said.NOT_IN_USE
    assert office.ask(two, **CHARGE).said is Said.DONE


def test_order_is_carried_out_with_the_card_with_which_it_was_begun(office: Office) -> None:
    one, other = office.issued(1_000), office.issued(1_000)
    order = office.order(do="top_up", amount_minor=700)
    assert office.hold(one, order, Plan(tear_at=COMMIT, after=True)).said is Said.UNKNOWN
    for _ in range(2):
        with pytest.raises(InputError, match="begun with another card"):
            office.hold(other, order)
        assert office.hold(one, order).said is Said.DONE
    assert (purse_of(one), purse_of(other)) == (1_700, 1_000)
    new = office.order(**ISSUE)
    assert office.hold(office.blank(), new).said is Said.DONE
    with pytest.raises(InputError, match="begun with another card"):
        office.hold(office.blank(), new)


class Taking:
    """A core that takes everything."""

    name, batch_max, parallel_max = "settlements", 100, 1

    async def deliver(self, effects: Sequence[Effect]) -> Sequence[Result]:
        return [Done(core_ref="1") for _ in effects]

    async def close(self) -> None:
        """Nothing is open."""


def test_money_of_a_desk_is_vouched_for_by_its_deed_and_settled(office: Office, tmp_path: Path) -> None:
    card = office.issued(1_000)
    office.ask(card, **CHARGE)
    assert office.ask(office.blank(), **replacement(office)).said is Said.DONE
    Registry.create(tmp_path / "registry", None, NOW_MS)
    registry = Registry.open(tmp_path / "registry", None, clock=lambda: NOW_MS)
    seals = RingSeals(office.ring)
    signed = SignedSettlements(Taking(), office.writer, registry, seals, lambda: NOW_MS)
    keys = [UUID(row["effect_key"]) for row in office.rows(outgoing)]
    effects = [Effect(key=key, aggregate="purse", body={}) for key in (*keys, uuid4())]
    came = asyncio.run(signed.deliver(effects))
    assert [type(each) for each in came] == [*(Done for _ in keys), Undecidable]
    registry.close()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"do": "charge", "amount_minor": 1_001, "concept": "x", "reference": "y"}, Said.NO_BALANCE),
        ({"do": "top_up", "amount_minor": 14_001}, Said.TOO_MUCH),
    ],
)
def test_deed_that_the_purse_does_not_bear_is_not_done(
    office: Office, asked: dict[str, Any], said: Said
) -> None:
    card = office.issued(1_000)
    assert office.ask(card, **asked).said is said
    assert purse_of(card) == 1_000
    settled(office, card)


def test_expired_card_moves_no_money(office: Office) -> None:
    card = office.blank()
    office.ask(card, **{**ISSUE, "valid_until": 2_000})
    assert office.ask(card, do="top_up", amount_minor=1).said is Said.EXPIRED


def test_empty_purse_is_not_refunded(office: Office) -> None:
    assert office.ask(office.issued(), do="refund").said is Said.NOTHING_LEFT


def test_card_that_is_not_the_towns_is_told_apart(office: Office, tmp_path: Path) -> None:
    assert office.ask(office.blank(), **READ).said is Said.FOREIGN_CARD
    (tmp_path / "other").mkdir()
    other = Office(tmp_path / "other")
    try:
        card = other.issued()
        assert office.ask(card, **READ).said is Said.NOT_GENUINE
        assert office.ask(card, **ISSUE).said is Said.NOT_GENUINE
    finally:
        other.close()


def test_card_that_the_register_does_not_know_moves_nothing(office: Office) -> None:
    card, elsewhere = office.issued(1_000), office.blank()
    elsewhere.memory.applications = card.memory.clone().applications
    assert office.ask(elsewhere, **READ).said is Said.NOT_GENUINE  # keys are made of the card's own number


def test_card_that_was_wiped_is_not_issued_again_while_its_number_is_in_use(office: Office) -> None:
    card = office.issued(1_000)
    del card.memory.applications[layout.NAME]
    assert office.ask(card, **ISSUE).said is Said.NUMBER_IN_USE


def test_cards_with_older_keys_get_the_newest_at_their_next_talk_wherever_it_is_torn(office: Office) -> None:
    card = office.issued(1_000)
    for at in range(1, 24):
        version = office.ring.make()
        office.ask(card, Plan(tear_at=at, after=bool(at % 2)), **READ)
        assert office.ask(card, **READ).said is Said.DONE
        assert card.memory.applications[layout.NAME].versions == [version] * layout.KEYS
        (known,) = office.rows(register)
        assert (known["key_version"], known["seal_version"]) == (version, 1)
    assert office.ask(card, **CHARGE).said is Said.DONE
    settled(office, card)


def test_deed_that_nobody_settles_is_a_clerks_after_a_week(office: Office) -> None:
    card = office.issued()
    office.ask(card, Plan(tear_at=COMMIT, after=True), do="top_up", amount_minor=700)
    office.clock.now_ms += INTENT_MS_MAX
    office.book.expire()
    assert not office.rows(exception)
    office.clock.now_ms += 1
    office.book.expire()
    office.book.expire()
    (case,) = office.rows(exception)
    assert case["kind"] == "card_deed_unknown"
    assert case["detail"]["amount_minor"] == 700
    assert office.ask(card, **READ).said is Said.DONE


@pytest.mark.parametrize(("kind", "reads"), [("inspector", "read"), ("kiosk", "mine")])
def test_device_that_only_reads_does_nothing_else(office: Office, kind: str, reads: str) -> None:
    card = office.issued(100)
    assert office.hold(card, office.order(do=reads), kind=kind).said is Said.DONE
    for asked in (CHARGE, {"do": "block"}, ISSUE):
        with pytest.raises(InputError, match="may not"):
            office.hold(card, office.order(**asked), kind=kind)
    with pytest.raises(InputError, match="may not"):
        office.hold(card, office.order(**READ), kind="terminal")


@pytest.mark.sentence("N-3")
def test_no_key_passes_the_relay_and_none_is_in_the_database(office: Office, tmp_path: Path) -> None:
    card = office.issued(1_000)
    office.ask(card, **CHARGE)
    held = card.memory.applications[layout.NAME]
    seal = held.seal()
    assert seal is not None
    keys = [*held.keys, seal.key]
    office.close()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert not any(key in written or key.hex().encode() in written for key in keys)
