"""A real terminal on pcscd, virtual cards that sign, a real hub: a clone and a forger are found."""

import copy
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hub.db.card_repository import CardRepository
from hub.db.day_reconciliation import reconcile_day
from hub.db.tables import exception
from hub.db.tap_repository import new_taps
from hub.db.tap_tables import card_tap, terminal_day
from hub.domain.cards.days import Sum
from hub.domain.cards.register import Card
from hub.ingest.opening import Opener
from hub.jobs.tap_seals import TapSeals
from hub.jobs.undecided_taps import UndecidedTaps
from hub.keys.card_names import card_names
from shared.edge.happenings import happening
from shared.model.event import Event, EventType
from shared.protocol.delivery import HubEpoch
from tests.integration.card.test_terminal_process import Bus
from tests.support.card_register import some_card
from tests.support.edge import running
from tests.support.pcsc import CardProcess, Pcscd
from tests.support.polling import eventually
from tests.support.reader_process import ReaderProcess, load_keys
from tests.support.signed_taps import SealMasters

BEYOND_JOURNAL = 21
"""One more deed than a card keeps."""
pytestmark = pytest.mark.requires("pcscd", "cc", "libpcsclite.so", "libc.so")
NewCard = Callable[[], CardProcess]
GO = "● green"


class Line(Bus):
    """A bus whose hub has a register and the key of seals."""

    def __init__(self, folder: Path, pcscd: Pcscd, closing: ExitStack) -> None:
        super().__init__(folder, pcscd, closing)
        self.room = self.hub.town.room
        keys = SealMasters({1: self.town.masters[15]})
        opener = Opener(self.room.keys.sealing)
        self.seals = TapSeals(self.hub.writer, opener, lambda: keys, self.hub.clock)

    def registered(self, card: CardProcess) -> Card:
        """Issue a card, and enter it before it is written."""
        card_id = copy.deepcopy(self.town.random).randbytes(8)
        subject = card_names(self.room.keys.fleet)(card_id, 0)
        entry = some_card(issue=0, subject=subject, card_id=card_id, uid=card.uid)
        self.hub.writer.run(lambda connection: CardRepository(connection).register(entry))
        self.issue(card)
        return entry

    def verdicts(self, count: int) -> list[str]:
        """What is found of so many taps."""

        def found() -> list[str]:
            self.seals.run()
            return [str(row["verdict"]) for row in self.hub.rows(card_tap)]

        eventually(lambda: len(found()) == count, what=f"{count} taps that are judged")
        return found()

    def opened(self) -> list[Event]:
        """What the taps of the inbox say."""
        with self.hub.writer.read() as connection:
            taps = new_taps(connection, 0, 100).taps
        opener = Opener(self.room.keys.sealing)
        found = [
            opener.read(
                tap.device,
                HubEpoch(stream=tap.stream, epoch=tap.epoch, chain=None),
                tap.seq,
                tap.line,
                tap.context,
            )
            for tap in taps
        ]
        return [line.event for line in found if line.event is not None]

    def cases(self) -> list[str]:
        return [str(row["kind"]) for row in self.hub.rows(exception) if row["resolved_ms"] is None]


@pytest.fixture
def line(tmp_path: Path, pcscd: Pcscd) -> Generator[Line]:
    with ExitStack() as closing:
        yield Line(tmp_path, pcscd, closing)


def test_card_that_was_copied_is_found_by_what_both_cards_signed(
    line: Line, pcscd: Pcscd, new_card: NewCard
) -> None:
    terminal, card = line.serving(), new_card()
    entry = line.registered(card)
    assert card.tell(keep="before") == "ok"
    card.hold(pcscd.door())
    assert terminal.next_line().startswith(GO)
    assert line.verdicts(1) == ["genuine"]
    card.take_away()
    assert card.tell(put="before") == "ok"
    card.hold(pcscd.door())
    assert terminal.next_line(2).startswith(GO)
    assert line.verdicts(2) == ["cloned", "cloned"]
    assert "card_cloned" in line.cases()
    assert "card_counter_repeat" not in line.cases()
    assert {row["subject"] for row in line.hub.rows(card_tap)} == {entry.subject}
    line.hub.nothing_wrong()


def test_terminal_that_changes_what_a_card_signed_is_found(
    line: Line, pcscd: Pcscd, new_card: NewCard
) -> None:
    """Whoever has a terminal's keys and its outbox can report what he likes; he cannot sign it."""
    terminal, card = line.serving(), new_card()
    line.registered(card)
    card.hold(pcscd.door())
    assert terminal.next_line().startswith(GO)
    assert line.verdicts(1) == ["genuine"]
    (honest,) = line.opened()
    assert honest.subject is not None
    lies = [
        {**honest.data, "counter": 4},
        {**honest.data, "amount_minor": 1},
        {name: value for name, value in honest.data.items() if name != "record"},
    ]
    with running(line.hub.home("bus-8")) as thief:
        for lie in lies:
            event = happening(
                EventType.TAP_CHARGED, lie, event_id=thief.teller.new_event_id(), subject=honest.subject
            )
            thief.take(event)
        assert line.verdicts(4) == ["genuine", "forged", "forged", "unsigned"]
    assert [kind for kind in line.cases() if kind == "forged_tap"] == ["forged_tap"]
    assert [row["device"] for row in line.hub.rows(exception) if row["kind"] == "forged_tap"] == ["bus-8"]


def test_day_of_a_terminal_agrees_with_what_it_counted_itself(
    line: Line, pcscd: Pcscd, new_card: NewCard
) -> None:
    terminal, card = line.serving(), new_card()
    line.registered(card)
    card.hold(pcscd.door())
    assert terminal.next_line().startswith(GO)
    assert line.verdicts(1) == ["genuine"]
    card.take_away()
    assert terminal.stop() == 0
    line.serving()  # its first look tells what the one before counted
    eventually(lambda: line.hub.rows(terminal_day), what="the terminal's count")
    (row,) = line.hub.rows(card_tap)
    with line.hub.writer.read() as connection:
        (found,) = reconcile_day(connection, str(row["day"]))
    assert found.counted == found.arrived == found.booked == Sum(taps=1, amount_minor=130)
    assert (found.signed, found.differences()) == (1, [])


@pytest.mark.sentence("P-2")
def test_tap_that_its_card_no_longer_tells_is_a_case_until_the_deed_with_its_counter_arrives(
    line: Line, pcscd: Pcscd, new_card: NewCard
) -> None:
    """Torn at its commit, the terminal started again, and the card back after more deeds than it keeps."""
    terminal, card = line.serving(), new_card()
    line.registered(card)
    card.hold(pcscd.door(), tear_at=8)
    eventually(lambda: terminal.status()["taps"]["open"] == 1, what=lambda: str(terminal.status()))
    terminal.kill()
    card.take_away()
    assert card.tell(keep="then") == "ok"
    with card.near() as near:
        for _ in range(BEYOND_JOURNAL):
            line.town.top_up_at(near, card.uid, 1)
    again = line.serving()
    card.hold(pcscd.door())
    assert again.next_line().startswith(GO)
    assert sorted(line.verdicts(2)) == ["genuine", "undecided"]
    closing = UndecidedTaps(line.hub.writer, line.hub.clock)
    closing.run()
    assert line.cases() == ["tap_undecided"]
    assert again.status()["taps"]["open"] == 0
    (booked,) = line.taps()
    assert booked["counter"] == 3 + BEYOND_JOURNAL
    card.take_away()
    assert again.stop() == 0

    assert card.tell(put="then") == "ok"  # as it was when another bus used the counter, and told of it late
    home = line.hub.home("bus-8")
    assert load_keys(home, line.town).returncode == 0
    words = ("--fares", str(line.fares), "--name", "door", "--line", "9", "--stop", "1")
    other = ReaderProcess(home, pcscd, *words)
    try:
        other.wait_until_it_serves()
        card.hold(pcscd.door())
        assert other.next_line().startswith(GO)
        assert line.verdicts(3)[2] == "genuine"
    finally:
        other.stop()
    closing.run()
    assert "tap_undecided" not in line.cases()
    line.hub.nothing_wrong()
