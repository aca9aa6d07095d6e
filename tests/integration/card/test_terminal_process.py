"""The terminal's process on the real pcscd and a real hub: taps, kills, the driver's keys."""

from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hub.db.tables import journal
from shared.model.errors import InputError
from tests.support.cards import Town
from tests.support.pcsc import CardProcess, Pcscd
from tests.support.polling import eventually
from tests.support.reader_process import ReaderProcess, load_keys, write_fares
from tests.support.small_hub import SmallHub

pytestmark = pytest.mark.requires("pcscd", "cc", "libpcsclite.so", "libc.so")
NewCard = Callable[[], CardProcess]
GO = "● green"


class Bus:
    """A hub, a bus with a terminal, and passengers."""

    def __init__(self, folder: Path, pcscd: Pcscd, closing: ExitStack) -> None:
        self.town = Town()
        self.hub = SmallHub(folder / "hub", ("bus-7", "bus-8"))
        closing.callback(self.hub.close)
        self.home = self.hub.home("bus-7")
        self.pcscd = pcscd
        self._closing = closing
        self.fares = write_fares(folder / "fares.json")
        assert load_keys(self.home, self.town).returncode == 0

    def start(self, *options: str) -> ReaderProcess:
        options = options or ("--fares", str(self.fares), "--name", "door", "--line", "4", "--stop", "12")
        terminal = ReaderProcess(self.home, self.pcscd, *options)
        self._closing.callback(terminal.stop)
        return terminal

    def serving(self) -> ReaderProcess:
        terminal = self.start()
        terminal.wait_until_it_serves()
        return terminal

    def issue(self, card: CardProcess, balance_minor: int = 1_000) -> CardProcess:
        card.issue(self.town, passes=())
        with card.near() as near:
            self.town.top_up_at(near, card.uid, balance_minor)
        return card

    def taps(self) -> list[dict[str, object]]:
        """What the hub has booked."""
        return [row for row in self.hub.rows(journal) if row["kind"] == "tap"]


@pytest.fixture
def bus(tmp_path: Path, pcscd: Pcscd) -> Generator[Bus]:
    with ExitStack() as closing:
        yield Bus(tmp_path, pcscd, closing)


def test_tap_is_shown_and_its_event_with_the_cards_own_signature_is_at_the_hub(
    bus: Bus, pcscd: Pcscd, new_card: NewCard
) -> None:
    terminal, card = bus.serving(), bus.issue(new_card())
    card.hold(pcscd.door())
    assert terminal.next_line().startswith(GO)
    assert "1,30 € Saldo 8,70 €" in terminal.next_line()
    eventually(bus.taps, what="the tap at the hub")
    card.take_away()
    card.hold(pcscd.door())
    assert "Ya está validada" in terminal.next_line(2)
    assert terminal.stop() == 0
    (tap,) = bus.taps()
    bus.hub.nothing_wrong()
    assert (tap["kind"], tap["counter"]) == ("tap", 3)
    assert len(str(tap["subject"])) == 32


@pytest.mark.parametrize(
    "plan",
    [{"tear_at": 8}, {"tear_at": 8, "after": True}, {"slow_s": 0.5}],
    ids=["before the commit", "after it", "in the middle"],
)
def test_terminal_killed_while_a_tap_is_unknown_charges_once_and_reports_once(
    bus: Bus, pcscd: Pcscd, new_card: NewCard, plan: dict[str, object]
) -> None:
    terminal, card = bus.serving(), bus.issue(new_card())
    card.hold(pcscd.door(), **plan)
    eventually(
        lambda: terminal.status().get("taps", {}).get("open") == 1, what=lambda: str(terminal.status())
    )
    terminal.kill()
    card.take_away()
    again = bus.serving()
    card.hold(pcscd.door())
    assert again.next_line().startswith(GO)
    assert "1,30 € Saldo 8,70 €" in again.next_line()
    eventually(bus.taps, what="the tap at the hub")
    eventually(lambda: again.status().get("unacknowledged") == 0, what=lambda: str(again.status()))
    assert len(bus.taps()) == 1
    assert again.status()["taps"] == {"open": 0, "happened": 0, "booked": 1, "clerk": 0, "reported": 0}
    bus.hub.nothing_wrong()


def test_pcscd_that_dies_is_found_again_and_said_to_the_hub(
    bus: Bus, pcscd: Pcscd, new_card: NewCard
) -> None:
    terminal, card = bus.serving(), bus.issue(new_card())
    pcscd.kill()
    eventually(lambda: terminal.status()["reader"]["trouble"] != "", what="the trouble")
    card.hold(pcscd.door())
    pcscd.start()
    assert terminal.next_line().startswith(GO)
    terminal.wait_until_it_serves()
    eventually(lambda: any(row["type"] == "device.state" for row in bus.hub.rows()), what="its health")


def test_driver_keys_passengers_for_the_next_card_alone(bus: Bus, pcscd: Pcscd, new_card: NewCard) -> None:
    terminal, first, second = bus.serving(), bus.issue(new_card()), bus.issue(new_card())
    assert terminal.ask(do="trip", line=9, stop=3, zone=2)["line"] == 9
    assert terminal.ask(do="passengers", count=3)["passengers"] == 3
    first.hold(pcscd.door())
    assert "3,90 € Saldo 6,10 €" in terminal.next_line()
    first.take_away()
    second.hold(pcscd.door())
    assert "1,30 € Saldo 8,70 €" in terminal.next_line(2)
    assert terminal.ask(do="free_ride", reason="escolar")["free_ride"] == 1
    with pytest.raises(InputError, match="key it again"):
        terminal.ask(do="passengers", count=0)
    with pytest.raises(InputError, match="does not do that"):
        terminal.ask(do="coffee")


def test_driver_takes_the_last_tap_back_and_the_hub_gives_it_back(
    bus: Bus, pcscd: Pcscd, new_card: NewCard
) -> None:
    terminal, card, other = bus.serving(), bus.issue(new_card()), bus.issue(new_card())
    with pytest.raises(InputError, match="send the passenger"):
        terminal.ask(do="cancel")
    card.hold(pcscd.door())
    assert "1,30 € Saldo 8,70 €" in terminal.next_line()
    card.take_away()
    assert terminal.ask(do="cancel")["gives_back_minor"] == 130
    other.hold(pcscd.door())
    assert "1,30 € Saldo 8,70 €" in terminal.next_line(2)
    other.take_away()
    card.hold(pcscd.door(), tear_at=9, after=True)
    assert "Acérquela de nuevo" in terminal.next_line(3)
    card.hold(pcscd.door())
    assert "Devuelto: 1,30 €" in terminal.next_line(4)
    eventually(lambda: terminal.status().get("unacknowledged") == 0, what=lambda: str(terminal.status()))
    booked = [(row["kind"], row["counter"]) for row in bus.hub.rows(journal)]
    assert booked == [("tap", 3), ("tap", 3), ("reversal", 4)]
    bus.hub.nothing_wrong()


def test_cards_that_are_none_of_ours_have_each_their_own_words(
    bus: Bus, pcscd: Pcscd, new_card: NewCard
) -> None:
    terminal, card = bus.serving(), bus.issue(new_card())
    words = {
        "bank": "Es tarjeta de banco",
        "bank_random": "Es tarjeta de banco",
        "phone": "Es un móvil",
        "wallet": "Es un móvil",
        "town": "Tarjeta no válida aquí",
        "storage": "Tarjeta no válida aquí",
    }
    for number, (kind, said) in enumerate(words.items(), 1):
        assert card.tell(be=kind) == "ok"
        card.hold(pcscd.door())
        assert said in terminal.next_line(number)
        card.take_away()
    assert card.tell(be="") == "ok"
    card.hold(pcscd.door())
    assert "1,30 € Saldo 8,70 €" in terminal.next_line(len(words) + 1)


def test_terminal_without_fares_takes_nobody_and_says_so(bus: Bus, pcscd: Pcscd, new_card: NewCard) -> None:
    card = bus.issue(new_card())
    terminal = bus.start("--name", "door")
    terminal.wait_until_it_serves()
    card.hold(pcscd.door())
    assert "Fuera de servicio" in terminal.next_line()
    assert terminal.status()["taps"]["open"] == 0


def test_keys_of_another_device_open_nowhere(bus: Bus) -> None:
    other = bus.hub.home("bus-8")
    (other.identity / "card-keys").write_bytes((bus.home.identity / "card-keys").read_bytes())
    terminal = ReaderProcess(other, bus.pcscd)
    assert terminal.wait() == 1
    assert "load them again" in "".join(terminal.complaints)
