"""Cards for tests: scripted ones that say what a test wants, and virtual ones of a town that issues them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from random import Random
from typing import Any, NamedTuple, TypeVar

from card_reader.apdu.conversing import converse
from card_reader.apdu.outcome import Done, Talk
from card_reader.citizen_card import layout
from card_reader.citizen_card.holder import EVERY_ZONE, Holder, Pass
from card_reader.citizen_card.issuing import Making, issued
from card_reader.citizen_card.journal import RIDES, Deed, Record
from card_reader.citizen_card.layout import card_key
from card_reader.core.book import Book, Intent
from card_reader.core.decision import Denied
from card_reader.core.tap import Desk, Verdict, tap
from card_reader.core.trip import Trip, Undoing
from card_reader.desfire.card import Card
from card_reader.desfire.session import Session
from card_reader.desfire.transaction_mac import Committed
from card_reader.transport.port import NotSentError, Transport, UnansweredError
from card_reader.virtual_card.card import VirtualCard, blank
from card_reader.virtual_card.faults import Field, Plan
from card_reader.virtual_card.memory import Cyclic, Value
from shared.model.tariff import Tariff

T = TypeVar("T")
NOW_S = 1_795_255_200


class Tapped(NamedTuple):
    """What a tap came to, and how many commands it took."""

    verdict: Verdict
    commands: int


class Scripted:
    """A card that expects one command after the other, and gives the answer that stands beside it."""

    def __init__(self, script: Sequence[tuple[bytes, bytes]]) -> None:
        self._script: Iterator[tuple[bytes, bytes]] = iter(script)
        self._left = len(script)

    @property
    def is_finished(self) -> bool:
        return self._left == 0

    def transmit(self, command: bytes) -> bytes:
        expected, answer = next(self._script)
        self._left -= 1
        assert command == expected, f"{command.hex()} is not {expected.hex()}"
        return answer


def hold(transport: Scripted, talk: Talk[T]) -> T:
    """Hold a talk with a scripted card."""
    return converse(transport, talk)


def random_of(*numbers: bytes) -> Callable[[int], bytes]:
    """Randomness that is not: gives these numbers in their order."""
    left = iter(numbers)

    def draw(count: int) -> bytes:
        number = next(left)
        assert len(number) == count
        return number

    return draw


class OpenCard(Card):
    """A card whose session is already open."""

    def __init__(self, session: Session) -> None:
        super().__init__(random_of())
        self._session = session


class Held:
    """A virtual card in its field, as a terminal of this process reaches it; implements `Transport`."""

    def __init__(self, field: Field) -> None:
        self.field = field

    def transmit(self, command: bytes) -> bytes:
        if self.field.is_torn:
            raise NotSentError(NotSentError.__doc__)
        answer = self.field.transmit(command)
        if answer is None:
            raise UnansweredError(UnansweredError.__doc__)
        return answer


class MemoryBook:
    """A terminal's memory of taps, in a dictionary; what it has is what a durable one would have."""

    def __init__(self) -> None:
        self.open: dict[bytes, Intent] = {}
        self.booked: list[tuple[Intent, Committed | None]] = []
        self.never: list[Intent] = []
        self.for_a_clerk: list[Intent] = []
        self.last: dict[bytes, Intent] = {}
        self.heard: set[bytes] = set()

    def restart(self) -> None:
        self.heard.clear()

    def untold_of(self, card: bytes) -> Intent | None:
        return None if card in self.heard else self.last.get(card)

    def told(self, card: bytes) -> None:
        self.heard.add(card)

    def intent_of(self, card: bytes) -> Intent | None:
        return self.open.get(card)

    def intend(self, intent: Intent) -> None:
        assert intent.card not in self.open, "a second intent before the first is settled"
        self.open[intent.card] = intent

    def happened(self, intent: Intent, proof: Committed | None) -> None:
        self.booked.append((self.open.pop(intent.card), proof))
        self.last[intent.card] = intent

    def never_happened(self, intent: Intent) -> None:
        self.never.append(self.open.pop(intent.card))

    def latest(self) -> Undoing | None:
        """The terminal's last tap, if it was not taken back."""
        last = self.booked[-1][0] if self.booked else None
        return Undoing(card=last.card, ride=last.record) if last and last.record.deed in RIDES else None

    def undecided(self, intent: Intent) -> None:
        self.for_a_clerk.append(self.open.pop(intent.card))


class Town:
    """One town's master keys, and the cards that it issues; randomness from a seed."""

    def __init__(self, seed: int = 0) -> None:
        self.random = Random(seed)
        self.masters = {number: self.random.randbytes(16) for number in (0, 1, 2, 3, 4, 15)}

    def key(self, card_uid: bytes, number: int) -> bytes:
        return card_key(self.masters[number], card_uid, number)

    def issue(self, *, balance_minor: int = 0, lowest_minor: int = -200, **holder: Any) -> VirtualCard:  # noqa: ANN401  fields of several types, by name
        """A card of the town, with its application and money in its purse."""
        uid = b"\x04" + self.random.randbytes(6)
        card = VirtualCard(blank(uid), self.random.randbytes)
        held, said = Held(Field(card, no_wait)), Card(self.random.randbytes)
        making = making_of(self, uid, lowest_minor, **({"passes": ()} | holder))
        assert isinstance(converse(held, issued(said, bytes(16), making)), Done)
        if balance_minor:
            self.top_up(card, balance_minor)
        return card

    def top_up(self, card: VirtualCard, amount_minor: int, **changed: int) -> None:
        """Put money, or rides, on a card, as the hub does it through a relay."""
        self.top_up_at(Held(Field(card, no_wait)), card.memory.uid, amount_minor, **changed)

    def top_up_at(self, held: Transport, uid: bytes, amount_minor: int, **changed: int) -> None:
        """The same, wherever the card is."""
        said = Card(self.random.randbytes)
        assert converse(held, said.select(layout.NAME)) == Done(None)
        key = self.key(uid, layout.PURSE_KEY)
        assert converse(held, said.authenticate(layout.PURSE_KEY, key)) == Done(None)
        newest = converse(held, said.records(layout.JOURNAL, 0, 1, layout.RECORD_BYTES))
        assert isinstance(newest, Done)
        last = Record.from_bytes(newest.value[0])
        after = last.then(
            deed=Deed.TOPPED_UP,
            at_s=NOW_S - 3_600,
            terminal=1,
            mark=self.random.randbytes(4),
            amount_minor=amount_minor,
        ).with_ride(**changed)
        if amount_minor:
            assert converse(held, said.credit(layout.PURSE, amount_minor)) == Done(None)
        assert converse(held, said.append(layout.JOURNAL, after.to_bytes())) == Done(None)
        assert isinstance(converse(held, said.commit()), Done)


def purse_of(card: VirtualCard) -> int:
    """What is really in a card's purse."""
    file = card.memory.applications[layout.NAME].files[layout.PURSE]
    assert isinstance(file, Value)
    return file.value


def journal_of(card: VirtualCard) -> list[Record]:
    """What really stands in a card's journal."""
    file = card.memory.applications[layout.NAME].files[layout.JOURNAL]
    assert isinstance(file, Cyclic)
    return [Record.from_bytes(each) for each in file.records]


def no_wait(_: float) -> None:
    """No time passes."""


def tariff(**changed: object) -> Tariff:
    """The fares of the tests: 1,30 €, half for category 1, two transfers within an hour, a cap of 3,90 €."""
    data: dict[str, object] = {
        "currency": "EUR",
        "prices": [{"category": 0, "amount_minor": 130}, {"category": 1, "amount_minor": 65}],
        "passes": [20],
        "rides": [30],
        "transfer": {"window_s": 3_600, "count": 2, "same_line": False},
        "cap_day_minor": 390,
        "tolerance_minor": 130,
        "passback_s": 120,
        "passengers_max": 8,
    }
    return Tariff.from_data(data | changed)


def trip(**changed: Any) -> Trip:  # noqa: ANN401
    """A bus of line 4 at a stop in zone 1."""
    where: dict[str, Any] = {"terminal": 7, "line": 4, "stop": 12, "zone": 1, "now_s": NOW_S, "day": 2_500}
    return Trip(**(where | changed))


def nobody(_card_id: bytes, _issue: int) -> bool:
    """An empty deny list."""
    return False


def desk_of(town: Town, book: Book, rules: Tariff | None = None, denied: Denied = nobody) -> Desk:
    """What a terminal of a town decides with."""
    return Desk(
        keys=lambda uid: (town.key(uid, layout.TAP_KEY),),
        tariff=rules or tariff(),
        denied=denied,
        book=book,
        blind=lambda name: sha256(b"terminal" + name).digest()[:16],
        draw=town.random.randbytes,
    )


def making_of(town: Town, uid: bytes, lowest_minor: int = -200, **holder: Any) -> Making:  # noqa: ANN401
    """What a card is to become: with a pass for every zone unless the holder says otherwise."""
    bought = Pass(product=20, zones=EVERY_ZONE, first_day=0, last_day=9_000)
    defaults = {
        "issue": 0,
        "category": 0,
        "category_until": 0,
        "valid_until": 9_000,
        "is_nobodys": False,
        "passes": (bought,),
    }
    return Making(
        holder=Holder(card_id=town.random.randbytes(8), **(defaults | holder)),
        lowest_minor=lowest_minor,
        at_s=NOW_S - 86_400,
        terminal=1,
        mark=bytes(4),
        key=lambda number: town.key(uid, number),
        version=lambda _: 1,
    )


def tap_once(
    town: Town,
    card: VirtualCard,
    book: Book,
    *,
    plan: Plan | None = None,
    **how: Any,  # noqa: ANN401
) -> Tapped:
    """Hold a card to a terminal once."""
    field = Field(card, no_wait)
    field.present(plan or Plan())
    desk = desk_of(town, book, how.pop("rules", None), how.pop("denied", nobody))
    older: Town | None = how.pop("older", None)
    if older is not None:
        desk = replace(desk, keys=lambda uid: (town.key(uid, layout.TAP_KEY), older.key(uid, layout.TAP_KEY)))
    verdict = converse(Held(field), tap(card.memory.uid, trip(**how), desk))
    return Tapped(verdict, field.count)
