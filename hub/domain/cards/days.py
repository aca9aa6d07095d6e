"""A terminal's day, four times over: as it counted, as it arrived, as it was booked, as the core has it.

A desk's day is told in the same columns: what arrived is what its cards hold, by the hub's book of deeds.

The four agree, or the difference has a reason that a clerk can follow. A ride belongs to the day of the town
that its card's record says, so a bus that comes home a week later changes the day on which it rode.
"""

from dataclasses import dataclass

from shared.model.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Rides and what they cost.

    Attributes:
        taps: how many, those that were taken back included.
        amount_minor: what left purses, less what came back.
    """

    taps: int = 0
    amount_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalDay:
    """One terminal, one day, one currency.

    Attributes:
        day: of the town.
        device: the terminal.
        site: where it belongs, as it was enrolled.
        lines: of buses that it was on.
        currency: of all sums.
        counted: by the terminal itself; None where it has told nothing.
        counts_since_ms: since when its book counts, Unix epoch.
        arrived: in the inbox.
        booked: in the journal.
        repeated: recorded and not charged, because the counter was used.
        due: booked rides that cost something, which the core is to have.
        settled: those that the core has.
        waiting: those on their way.
        stuck: those that the core refused, or of which nobody knows.
        signed: rides whose card's signature held.
        unsigned: rides without a signature, with a record.
        doubted: forged rides, and those with cards that nobody issued.
        is_desk: it is a clerk's desk; rides are deeds then, and sums what moved, whichever way.
        unsettled: deeds at a desk of which nobody knows whether they happened; in no sum.
    """

    day: str
    device: str
    site: str
    lines: tuple[str, ...]
    currency: str
    counted: Sum | None
    counts_since_ms: int | None
    arrived: Sum
    booked: Sum
    repeated: Sum
    due: Sum
    settled: Sum
    waiting: int
    stuck: int
    signed: int
    unsigned: int
    doubted: int
    is_desk: bool = False
    unsettled: int = 0

    def differences(self) -> list[str]:
        """Return what does not agree, each as a sentence with its reason; none where all of it agrees."""
        return [
            *self._on_the_way(),
            *self._in_the_books(),
            *self._at_the_core(),
        ]

    @property
    def remarks(self) -> list[str]:
        """What is no difference, and worth knowing."""
        said: list[str] = []
        if self.is_desk:
            return self._of_a_desk()
        if self.counted is None:
            said.append("The terminal has told no count of this day.")
        if self.repeated.taps:
            amount = self._money(self.repeated.amount_minor)
            said.append(f"{self.repeated.taps} rides ({amount}) used a counter twice: recorded, not charged.")
        if self.waiting:
            said.append(f"{self.waiting} rides are on their way to the core.")
        if self.unsigned:
            said.append(f"{self.unsigned} rides came without the card's signature.")
        if self.doubted:
            said.append(f"{self.doubted} rides were not signed by their card, or nobody issued it.")
        return said

    def _of_a_desk(self) -> list[str]:
        said: list[str] = []
        if self.unsettled:
            said.append(
                f"Of {self.unsettled} deeds nobody knows yet whether they happened: hold the card to a desk "
                "again. After a week each is a case."
            )
        if self.waiting:
            said.append(f"{self.waiting} deeds are on their way to the core.")
        if self.unsigned:
            said.append(
                f"{self.unsigned} deeds were found only behind later ones, without their card's signature: "
                "the core is not told of them until a clerk says so."
            )
        return said

    def _on_the_way(self) -> list[str]:
        if self.counted is None or self.counted == self.arrived:
            return []
        lacking = self.counted.taps - self.arrived.taps
        amount = self._money(self.counted.amount_minor - self.arrived.amount_minor)
        if lacking > 0:
            said = (
                f"{lacking} rides ({amount}) that the terminal counted have not arrived. They wait on it "
                "until it is connected; if it is lost, look at `GET /v1/losses`."
            )
        elif lacking < 0:
            said = (
                f"{-lacking} rides more arrived than the terminal counted. Its book was damaged and begun "
                "anew on that day, or it has yet to tell its newest count, or somebody else speaks in its "
                "name: look at its health, then at `ventanilla hub cards taps --device`."
            )
        else:
            said = (
                f"As many rides arrived as the terminal counted, and they differ by {amount}. One of the two "
                "was changed: compare its own book with `ventanilla hub cards taps --device`."
            )
        return [said]

    def _in_the_books(self) -> list[str]:
        booked = Sum(
            taps=self.booked.taps + self.repeated.taps,
            amount_minor=self.booked.amount_minor + self.repeated.amount_minor,
        )
        if booked == self.arrived:
            return []
        if self.is_desk:
            return [
                (
                    "Deeds that cards hold and the journal do not agree. Each is booked as it is settled, "
                    "so one of the two was changed: audit the ledger, and call the auditor."
                )
            ]
        lacking, minor = self.arrived.taps - booked.taps, self.arrived.amount_minor - booked.amount_minor
        return [
            (
                f"{lacking} rides ({self._money(minor)}) arrived and are not booked. They wait in "
                "quarantine: the terminal is fenced, or they cannot be read. `GET /v1/quarantine` says "
                "which; release or discard them."
            )
        ]

    def _at_the_core(self) -> list[str]:
        if not self.stuck:
            return []
        what = "deeds" if self.is_desk else "rides"
        return [
            (
                f"{self.stuck} booked {what} are not at the core and do not go there by themselves: it "
                "refused them, or nobody knows. `GET /v1/outgoing?connector=settlements` says why; replay "
                "them, or note that they are there."
            )
        ]

    def _money(self, amount_minor: int) -> str:
        return str(Money(amount_minor, self.currency))
