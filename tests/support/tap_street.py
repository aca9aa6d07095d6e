"""A street of taps from one seed: buses, cards, a clone, accidents; and the sums that must come out.

Each presentation is a person who holds a card to a bus until it says something, at most a few times. Anything
may happen to it: the card is torn at any command, says nothing, is disturbed; the terminal loses its power at
any step of its book. Between presentations time passes, purses are filled and cards ride elsewhere. Drivers
take taps back, and half of the cards have the version before of the town's keys.

What must come out, whatever happened:

- a presentation takes from a purse what it says, once, or nothing, and gives back one tap at most;
- what left every purse is what the terminals report, each (card, counter) once;
- no tap stays unknown: it is settled, or it is on a clerk's list;
- a clone is seen: one counter of one card with two marks.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

from card_reader.citizen_card.journal import Record
from card_reader.core.book import Intent
from card_reader.core.decision import No
from card_reader.core.tap import Verdict, Yes
from card_reader.core.trip import Undoing
from card_reader.desfire.transaction_mac import Committed
from card_reader.virtual_card.card import VirtualCard
from card_reader.virtual_card.faults import Plan
from tests.support.cards import NOW_S, MemoryBook, Town, journal_of, purse_of, tap_once

STEPS = 20
TRIES = 4
DAY_S = 86_400


class PowerCutError(Exception):
    """The terminal went dark."""


class CutBook(MemoryBook):
    """A book whose terminal may lose its power at any of its steps, before or after it is durable."""

    def __init__(self) -> None:
        super().__init__()
        self.cut_at, self.after = 0, False

    def _step(self) -> None:
        if self.cut_at > 0:
            self.cut_at -= 1
            if self.cut_at == 0:
                raise PowerCutError

    def _around(self, done: str, *what: object) -> None:
        if not self.after:
            self._step()
        getattr(MemoryBook, done)(self, *what)
        if self.after:
            self._step()

    def intend(self, intent: Intent) -> None:
        self._around("intend", intent)

    def happened(self, intent: Intent, proof: Committed | None) -> None:
        self._around("happened", intent, proof)

    def never_happened(self, intent: Intent) -> None:
        self._around("never_happened", intent)


@dataclass
class Person:
    """A card in somebody's hand.

    Attributes:
        name: of the card; its clone has the same.
        card: the card.
        gained_minor: what was put into its purse.
        town: whose keys it has.
    """

    name: int
    card: VirtualCard
    gained_minor: int
    town: Town


@dataclass
class Street:
    """Everything that one seed holds."""

    seed: int
    buses: dict[int, CutBook] = field(default_factory=dict[int, CutBook])
    people: list[Person] = field(default_factory=list[Person])
    torn: int = 0
    unknown: int = 0
    taken_back: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.town, self.older = Town(self.seed), Town(-1 - self.seed)
        self.now_s = NOW_S
        self.buses = {terminal: CutBook() for terminal in (7, 8)}
        for name in range(2):
            balance = self.random.choice([200, 1_000, 3_000])
            town = self.random.choice([self.town, self.older])
            self.people.append(Person(name, town.issue(balance_minor=balance), balance, town))

    def live(self) -> None:
        """Let a few hours, or a day, pass."""
        steps = self.random.randint(4, STEPS)
        clone_at = self.random.randrange(steps) if self.random.random() < 0.3 else -1
        for step in range(steps):
            if step == clone_at:
                self.clone()
            self.now_s += self.random.choice([1, 20, 200, 4_000, 20_000])
            person = self.random.choice(self.people)
            if self.random.random() < 0.1 and purse_of(person.card) < 10_000:
                person.town.top_up(person.card, 500)
                person.gained_minor += 500
            else:
                self.present(person, self.random.choice([*self.buses]))

    def clone(self) -> None:
        """Somebody has a second card with everything of the first."""
        first = self.people[0]
        memory = first.card.memory.clone()
        copied_minor = purse_of(first.card)
        card = VirtualCard(memory, self.random.randbytes)
        self.people.append(Person(first.name, card, copied_minor, first.town))

    def present(self, person: Person, terminal: int) -> None:
        """One presentation: the card is held there until it is told something."""
        before_minor, book = purse_of(person.card), self.buses[terminal]
        undoing = book.latest() if self.random.random() < 0.2 else None
        count = 1 if undoing else self.random.choice([1, 1, 1, 2, 3])
        verdict: Verdict | None = None
        for _ in range(TRIES):
            verdict = self.attempt(person.card, terminal, count, undoing)
            self.now_s += 1
            if verdict is not None and verdict.said is not No.REMOVED:
                break
        taken_minor = before_minor - purse_of(person.card)
        lowest_minor = undoing.ride.amount_minor if undoing else 0
        assert lowest_minor <= taken_minor <= 130 * count, f"seed {self.seed}: {taken_minor} for {count}"
        if verdict is not None and isinstance(verdict.said, Yes) and verdict.said is not Yes.ALREADY:
            settled_before = taken_minor == 0 and verdict.paid_minor != 0
            assert settled_before or taken_minor == verdict.paid_minor, f"seed {self.seed}: {verdict}"
        self.taken_back += taken_minor < 0
        self.unknown += bool(book.open)

    def attempt(
        self, card: VirtualCard, terminal: int, count: int, undoing: Undoing | None
    ) -> Verdict | None:
        """Hold a card to a bus once; None where the bus went dark."""
        book = self.buses[terminal]
        book.cut_at = self.random.choice([0] * 8 + [1, 2])
        book.after = self.random.random() < 0.5
        how = {
            "terminal": terminal,
            "line": terminal,
            "passengers": count,
            "undoing": undoing,
            "older": self.older,
        }
        try:
            tapped = tap_once(
                self.town,
                card,
                book,
                plan=self.accident(),
                now_s=self.now_s,
                day=2_500 + (self.now_s - NOW_S) // DAY_S,
                is_keyed=count > 1,
                **how,
            )
        except PowerCutError:
            book.restart()
            return None
        finally:
            book.cut_at = 0
        return tapped.verdict

    def accident(self) -> Plan:
        """Half of the time, nothing; otherwise whatever a hand or the air does."""
        place = self.random.randint(1, 12)
        if self.random.random() < 0.3:
            place = self.random.choice([8, 8, 9, 10])
        after = self.random.random() < 0.5
        plan = self.random.choice(
            [
                Plan(),
                Plan(),
                Plan(),
                Plan(tear_at=place, after=after),
                Plan(tear_at=place, after=after),
                Plan(mute_at=place),
                Plan(wrong_mac_at=place),
                Plan(replay_at=place),
            ]
        )
        self.torn += plan != Plan()
        return plan

    def settle(self) -> None:
        """Bring every card once more to every bus, in peace; a clone and its original until both moved on."""
        reach = max(len(journal_of(each.card)) and journal_of(each.card)[-1].counter for each in self.people)
        for person in self.people:
            while True:
                for terminal, book in self.buses.items():
                    self.now_s += 2 * DAY_S
                    day = 2_500 + (self.now_s - NOW_S) // DAY_S
                    if purse_of(person.card) < 500:
                        person.town.top_up(person.card, 1_000)
                        person.gained_minor += 1_000
                    how = {"terminal": terminal, "now_s": self.now_s, "day": day, "older": self.older}
                    tap_once(self.town, person.card, book, **how)
                if journal_of(person.card)[-1].counter > reach + 2:
                    break

    def check(self) -> None:
        """See that every sum comes out."""
        for book in self.buses.values():
            assert not book.open, f"seed {self.seed}: a tap is still unknown"
        booked: dict[tuple[int, int], list[Record]] = defaultdict(list)
        names = self._names()
        for book in self.buses.values():
            for intent, _ in book.booked:
                booked[names[intent.card], intent.record.counter].append(intent.record)
        clones = {name for (name, _), deeds in booked.items() if len({d.mark for d in deeds}) > 1}
        for key, deeds in booked.items():
            assert len(deeds) == len({deed.mark for deed in deeds}), f"seed {self.seed}: {key} twice"
        for name in {person.name for person in self.people}:
            cards = [person for person in self.people if person.name == name]
            assert (name in clones) == (len(cards) > 1), f"seed {self.seed}: clone"
            left = sum(person.gained_minor - purse_of(person.card) for person in cards)
            told = sum(-d.amount_minor for (of, _), deeds in booked.items() for d in deeds if of == name)
            on_list = [i for book in self.buses.values() for i in book.for_a_clerk if names[i.card] == name]
            assert left == told or (len(cards) > 1) or on_list, f"seed {self.seed}: {left} left, {told} told"
            for person in cards:
                assert purse_of(person.card) == journal_of(person.card)[-1].balance_minor
                assert purse_of(person.card) >= -130

    def _names(self) -> dict[bytes, int]:
        """Whose card a terminal remembers; the town can tell, as it knows the terminals' keys."""
        seen = MemoryBook()
        names: dict[bytes, int] = {}
        for person in self.people:
            self.now_s += 2 * DAY_S
            copy = VirtualCard(person.card.memory.clone(), self.random.randbytes)
            person.town.top_up(copy, 1_000)
            tap_once(self.town, copy, seen, now_s=self.now_s, day=2_600, older=self.older)
            names[seen.booked[-1][0].card] = person.name
        return names


def run_street(seed: int) -> Street:
    """Live through one seed and see that every sum comes out."""
    street = Street(seed)
    street.live()
    street.settle()
    street.check()
    return street
