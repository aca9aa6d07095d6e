"""The durable book: taps that are not over, in a file of their own beside the outbox.

    tap: event, card, record, is_keyed, at, state, counter, mac, reverses
         state 0 open → 1 happened, not in the outbox yet → 2 in the outbox
                      → gone (it never happened)   → 3 a clerk's, the hub is to hear → 4 the outbox has that

Rules:
- Two durable writes a tap: the intent, before the commit is sent; the event in the outbox, behind it. An
  intent carries the id of the event that it may become, so the second write settles both: whatever was cut in
  between, the outbox knows the event or does not, and it is asked before anything is handed in again.
- What only says that something is over is written relaxed: what a power cut takes of it is found out again.
- A charge that the outbox does not take (its disk is full) is kept here, durably, and handed in later. It is
  never a reason to charge again, or to say no to somebody who paid.
- Of a tap for a clerk the hub hears by `tap.undecided`, under the id that the tap's own event would have: the
  hub takes one of the two, so what the outbox took of it before is not made doubtful.
- A tap that is taken back names the event of the tap, and goes to the outbox behind it.
- Cards stand here under a keyed hash. What is over goes after two hours: nothing needs it any longer.
- A file that is damaged is put aside, and a new one begun. What was unknown stays unknown, and the hub sees a
  hole in the card's counters. Nobody is charged twice for it, because the card itself tells of its ride.

Any thread may call; they take turns.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog

from card_reader.citizen_card.errors import CardDataError
from card_reader.citizen_card.journal import RIDES, Deed, Record
from card_reader.core.book import INTENT_DAYS_MAX, Intent
from card_reader.core.trip import Undoing
from card_reader.desfire.transaction_mac import Committed
from card_reader.owner import taps_file
from card_reader.owner.charge import Charge, Till, charge_of
from shared.adapters.outbox.disk import Disk
from shared.adapters.outbox.errors import DamagedError, OutboxBrokenError
from shared.edge.errors import NotTakenError
from shared.model.errors import DeviceError, InputError, VentanillaError
from shared.model.instants import business_day

DAY_S: Final = 86_400
OVER_S: Final = 7_200
"""What is over is kept so long: the longest passback time, and an hour that two clocks may differ."""
CLERK_DAYS: Final = 35
"""What a clerk must look at is kept as long as lines are."""
UNDO_S: Final = 600
"""A tap is taken back within ten minutes; what was longer ago is an office's."""
LISTED_MAX: Final = 100
"""Taps for a clerk that are told at once."""

log = structlog.get_logger(__name__)


class BookBrokenError(DeviceError):
    """The book of taps cannot be written, and nobody is charged; service the device's disk."""


class State(IntEnum):
    """How far a tap is."""

    OPEN = 0
    HAPPENED = 1
    BOOKED = 2
    CLERK = 3
    REPORTED = 4


class DayCount(NamedTuple):
    """What the terminal counted on a day of the town.

    Attributes:
        day: `2026-11-21`.
        taps: that happened.
        amount_minor: what left purses, less what came back.
        since_s: since when this book counts, Unix seconds.
    """

    day: str
    taps: int
    amount_minor: int
    since_s: int


class DurableBook:
    """Keeps taps durably; implements `core.book.Book`.

    Args:
        path: of the file.
        device: whose it is.
        till: where charges go.
        now_s: the best time that the device has.

    Attributes:
        was_damaged: the file had to be put aside.

    Raises:
        BookBrokenError: the disk failed.
        CapacityError: it is full.
    """

    def __init__(self, path: Path, device: str, till: Till, now_s: Callable[[], int]) -> None:
        self.was_damaged = False
        self._path = path
        self._device = device
        self._till = till
        self._now_s = now_s
        self._lock = threading.RLock()
        self._told: set[bytes] = set()
        self._disk: Disk | None = None
        self.hand_in_rest(taps_file.UNSETTLED)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._disk is not None:
                self._disk.close()
                self._disk = None

    # -- the port ----------------------------------------------------------------------------------------

    def intent_of(self, card: bytes) -> Intent | None:
        """Return what is not settled of a card."""
        with self._writing() as disk:
            return self._one(disk, taps_file.OPEN_OF, card)

    def intend(self, intent: Intent) -> None:
        """Remember a tap that is about to be committed."""
        with self._writing() as disk:
            event_id, record = self._till.new_event_id(), intent.record.to_bytes()
            reverses = _taken_back(disk, intent)
            row = (event_id, intent.card, record, int(intent.is_keyed), self._now_s(), State.OPEN, reverses)
            day = business_day(intent.record.at_s * 1_000)
            counts = (day, -intent.record.amount_minor)
            disk.commit([(taps_file.INSERT, (*row, *counts))], durable=True)

    def happened(self, intent: Intent, proof: Committed | None) -> None:
        """Settle it: the card was charged. What the outbox does not take now is kept, and given again."""
        with self._writing() as disk:
            found = disk.execute(taps_file.EVENT_OF, (intent.card,)).fetchone()
            if found is None:
                return
            event_id, at_s, reverses = found
            charge = Charge(
                event_id=event_id,
                card=intent.card,
                record=intent.record,
                proof=proof,
                is_late=self._now_s() - at_s > 1 or proof is None,
                reverses=reverses,
            )
            try:
                self._hand_in(disk, charge)
            except VentanillaError as error:
                log.warning("charge_kept", reason=type(error).__name__)
                signed = (proof.counter, proof.mac) if proof is not None else (None, None)
                with suppress(VentanillaError):  # then it stays open, and the card tells again
                    disk.commit([(taps_file.HAPPENED, (*signed, event_id))], durable=True)
                return
            with suppress(VentanillaError):  # the outbox has it, and is asked before it is given again
                disk.commit([(taps_file.SET, (State.BOOKED, event_id))], durable=False)

    def never_happened(self, intent: Intent) -> None:
        """Settle it: the card was not charged."""
        with self._writing() as disk:
            disk.commit([(taps_file.FORGET, (intent.card,))], durable=False)

    def untold_of(self, card: bytes) -> Intent | None:
        """Return a card's last tap, if it happened before this life and is not told yet."""
        with self._writing() as disk:
            return None if card in self._told else self._one(disk, taps_file.LAST_OF, card)

    def told(self, card: bytes) -> None:
        """The passenger is told of the card's last tap."""
        with self._lock:
            self._told.add(card)

    def latest(self) -> Undoing:
        """Return the terminal's last tap, to be taken back.

        Raises:
            InputError: there is none, it was long ago, or it is taken back already.
        """
        with self._writing() as disk:
            row = disk.execute(taps_file.LATEST, (self._now_s() - UNDO_S,)).fetchone()
        with suppress(CardDataError):
            if row is not None and (ride := Record.from_bytes(bytes(row[1]))).deed in RIDES:
                return Undoing(card=bytes(row[0]), ride=ride)
        raise InputError("no tap of the last ten minutes can be taken back; send the passenger to an office")

    def undecided(self, intent: Intent) -> None:
        """Hand it to a clerk: the card no longer tells."""
        with self._writing() as disk:
            disk.commit([(taps_file.TO_CLERK, (intent.card,))], durable=True)

    # -- keeping -----------------------------------------------------------------------------------------

    def hand_in_rest(self, which: str = taps_file.UNBOOKED) -> None:
        """Give the outbox what it did not take; at the start also settle what it took before a power cut."""
        with self._writing() as disk:
            for event_id, card, record, state, counter, mac, reverses in disk.execute(which).fetchall():
                charge = charge_of(event_id, card, record, counter, mac)
                if charge is not None:
                    charge = replace(charge, reverses=reverses)
                try:
                    self._settle(disk, str(event_id), State(state), charge)
                except VentanillaError as error:
                    log.info("charge_waits", reason=type(error).__name__)
                    return

    def _settle(self, disk: Disk, event_id: str, state: State, charge: Charge | None) -> None:
        if state is State.CLERK:
            self._report(disk, event_id, charge)
        elif self._till.has(event_id):
            disk.commit([(taps_file.SET, (State.BOOKED, event_id))], durable=False)
        elif state is State.HAPPENED and charge is not None:
            self._hand_in(disk, charge)
            disk.commit([(taps_file.SET, (State.BOOKED, event_id))], durable=False)

    def _report(self, disk: Disk, event_id: str, charge: Charge | None) -> None:
        """Tell the hub of a tap for a clerk; one that cannot be told stays on the terminal's own list."""
        try:
            if charge is None:
                raise InputError("the record of the tap is damaged; read it on the terminal")
            self._hand_in(disk, replace(charge, is_undecided=True))
        except InputError as error:
            log.warning("tap_not_told", reason=str(error))
        disk.commit([(taps_file.SET, (State.REPORTED, event_id))], durable=False)

    def _hand_in(self, disk: Disk, charge: Charge) -> None:
        """Give the outbox a charge; what takes one back waits until the outbox has that."""
        if charge.reverses is not None and disk.execute(taps_file.WAITS, (charge.reverses,)).fetchone():
            raise NotTakenError(NotTakenError.__doc__)
        self._till.hand_in(charge)

    def expire(self) -> None:
        """Let go what is over; give a clerk what nobody settled. Call it where the time is known."""
        now_s = self._now_s()
        with self._writing() as disk:
            late = disk.execute(taps_file.OVERDUE, (now_s - INTENT_DAYS_MAX * DAY_S,)).fetchall()
            if late:
                disk.commit([(taps_file.SET, (State.CLERK, event_id)) for (event_id,) in late], durable=True)
            gone = [
                (taps_file.OVER, (State.BOOKED, now_s - OVER_S)),
                (taps_file.OVER, (State.CLERK, now_s - CLERK_DAYS * DAY_S)),
                (taps_file.OVER, (State.REPORTED, now_s - CLERK_DAYS * DAY_S)),
                (taps_file.DAYS_OVER, (now_s - CLERK_DAYS * DAY_S,)),
            ]
            disk.commit(gone, durable=False)
            if disk.checkpoint_due:
                disk.checkpoint()
            held = {bytes(card) for (card,) in disk.execute("SELECT card FROM tap")}
            self._told &= held

    def counts(self) -> dict[str, int]:
        """Return how many taps are how far, by the state's name."""
        with self._writing() as disk:
            found = dict(disk.execute("SELECT state, count(*) FROM tap GROUP BY state").fetchall())
        return {state.name.lower(): found.get(state, 0) for state in State}

    def untold_days(self) -> list[DayCount]:
        """Return what was counted on the days of which the hub does not know all."""
        with self._writing() as disk:
            rows = disk.execute(taps_file.UNTOLD_DAYS).fetchall()
        return [DayCount(*row) for row in rows]

    def day_told(self, count: DayCount) -> None:
        """The outbox has what was counted on a day."""
        with self._writing() as disk:
            told = (count.taps, count.amount_minor, count.day)
            disk.commit([(taps_file.DAY_TOLD, told)], durable=False)

    def for_a_clerk(self) -> list[dict[str, Any]]:
        """Return the taps of which nobody knows whether they happened, newest first."""
        with self._writing() as disk:
            rows = disk.execute(taps_file.CLERKS, (LISTED_MAX,)).fetchall()
        found: list[dict[str, Any]] = []
        for card, record in rows:
            with suppress(CardDataError):
                meant = Record.from_bytes(bytes(record))
                found.append(
                    {
                        "subject": bytes(card).hex(),
                        "counter": meant.counter,
                        "at_s": meant.at_s,
                        "amount_minor": -meant.amount_minor,
                        "mark": meant.mark.hex(),
                    }
                )
        return found

    # -- the file ----------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Generator[Disk]:
        """Take a turn; a file that failed is opened anew at the next one, which writes it again."""
        with self._lock:
            try:
                if self._disk is None:
                    self._disk = self._opened()
                yield self._disk
            except (OutboxBrokenError, OSError) as error:
                if self._disk is not None:
                    self._disk.close()
                    self._disk = None
                raise BookBrokenError(BookBrokenError.__doc__) from error

    def _opened(self) -> Disk:
        try:
            return self._ours(Disk.open(self._path, taps_file.TABLES, takes_turns=True))
        except DamagedError:
            self.was_damaged = True
            log.warning("book_damaged", kept=f"{self._path.name}.damaged")
            for suffix in ("", "-wal"):
                damaged = self._path.with_name(self._path.name + suffix)
                if damaged.exists():
                    damaged.rename(self._path.with_name(f"{self._path.name}.damaged{suffix}"))
            return self._ours(Disk.open(self._path, taps_file.TABLES, takes_turns=True))

    def _ours(self, disk: Disk) -> Disk:
        """Take the file if it is this device's."""
        owners = {owner for (owner,) in disk.execute("SELECT device FROM owner")}
        if not owners:
            disk.commit([("INSERT INTO owner (device) VALUES (?)", (self._device,))], durable=True)
        elif owners != {self._device}:
            disk.close()
            raise DamagedError(DamagedError.__doc__)
        return disk

    def _one(self, disk: Disk, sql: str, card: bytes) -> Intent | None:
        row = disk.execute(sql, (card,)).fetchone()
        if row is None:
            return None
        try:
            return Intent(card=card, record=Record.from_bytes(bytes(row[0])), is_keyed=bool(row[1]))
        except CardDataError:  # a flipped bit: nothing can be compared with it any more
            disk.commit([(taps_file.TO_CLERK, (card,))], durable=True)
            return None


def _taken_back(disk: Disk, intent: Intent) -> str | None:
    """Return the event of the tap that an intent takes back; None where it is a tap itself."""
    if intent.record.deed is not Deed.CANCELLED:
        return None
    for event_id, record in disk.execute(taps_file.RIDES_OF, (intent.card,)):
        with suppress(CardDataError):
            if Record.from_bytes(bytes(record)).counter == intent.record.counter - 1:
                return str(event_id)
    raise InputError("this terminal did not take that tap; give the money back at an office")
