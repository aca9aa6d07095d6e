"""The reconciliation: what citizens were told, what the hub holds, what the core did, and whether it adds up.

Three parties are asked, each of its own: the devices' receipts (a card's own records among them), the hub by
event id, the core by reference or effect key. What was done at a desk the hub has in its books alone.
`add_up` is pure and compares; nothing is taken from one party's belief about another.

Rules: it adds up if every taken event is committed or covered by a loss record, the core has each committed
event once and nothing else, and the money of devices, ledger and core is one sum in a ledger that balances.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.demo.asking import Door
from hub.demo.stage import identified, question
from hub.demo.standing import Receipt
from hub.usecases.take_event import MAIL, PAYMENT, REPORT, RESPONSE
from shared.model.ids import effect_key

KINDS: Final[Mapping[str, str]] = {
    REPORT: "requests",
    PAYMENT: "settlements",
    RESPONSE: "notices",
    MAIL: "mailbox",
}
"""What the core calls each effect of an event."""

CoreEffect = tuple[str, str]
"""Kind and key, as the core counts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the three parties say.

    Attributes:
        receipts: what citizens were told.
        fates: by event id, what the hub says became of it.
        core: how often each effect took place at the core.
        core_minor: the money that the core counts.
        ledger_minor: the money that the hub's journal moved.
        ledger_clean: the audit of the books found nothing.
        losses: the hub's loss records.
    """

    receipts: Sequence[Receipt]
    fates: Mapping[str, str]
    core: Mapping[CoreEffect, int]
    core_minor: int
    ledger_minor: int
    ledger_clean: bool
    losses: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Whether it adds up.

    Attributes:
        taken: events that a citizen was told are done.
        committed: of those, events that the hub has committed.
        in_core: of those, events whose effect took place at the core, and rides that cost nothing, which have
            none there.
        duplicated: effects at the core beyond the first of their key.
        unexpected: effects at the core of no committed event that anyone was told of.
        lost_recorded: taken events that are not committed and that a loss record covers.
        lost_unexplained: taken events that are neither.
        taken_minor: the money of taken events; `lost_minor` of it was lost with a record.
    """

    taken: int
    committed: int
    in_core: int
    duplicated: int
    unexpected: int
    lost_recorded: int
    lost_unexplained: int
    taken_minor: int
    committed_minor: int
    lost_minor: int
    ledger_minor: int
    core_minor: int
    ledger_balanced: bool

    @property
    def adds_up(self) -> bool:
        """Whether nothing is missing, nothing is there twice, and the money is the same everywhere."""
        complete = self.in_core == self.committed and not (self.lost_unexplained or self.unexpected)
        return complete and not self.duplicated and self.ledger_balanced


def gather(hub: Door, core: Door, receipts: Sequence[Receipt]) -> Evidence:
    """Ask the hub and the core.

    Raises:
        AwayError: one of them does not answer.
    """
    receipts = identified(hub, receipts)
    in_books = {row["event_id"] for row in hub.pages("/v1/payments")}
    fates = {one.event.id: "committed" for one in receipts if not one.seq and one.event.id in in_books}
    for told in hub.fates([question(one) for one in receipts if one.seq]):
        fates[told["event_id"]] = told["fate"]
    journal = list(core.journal())
    return Evidence(
        receipts=receipts,
        fates=fates,
        core=Counter((row["kind"], row["key"]) for row in journal),
        core_minor=sum(row["amount_minor"] for row in journal),
        ledger_minor=sum(entry["amount_minor"] for entry in hub.pages("/v1/payments")),
        ledger_clean=bool(hub.get("/v1/ledger/audit")["clean"]),
        losses=list(hub.pages("/v1/losses")),
    )


def add_up(evidence: Evidence) -> Sums:
    """Compare what the three parties say."""
    fates = evidence.fates
    committed = [one for one in evidence.receipts if fates.get(one.event.id) == "committed"]
    lost = [one for one in evidence.receipts if fates.get(one.event.id) == "lost"]
    effects = {core_effect(one) for one in committed if one.event.effect}
    without = sum(1 for one in committed if not one.event.effect)
    committed_minor = _money(committed)
    same_money = committed_minor == evidence.ledger_minor == evidence.core_minor
    return Sums(
        taken=len(evidence.receipts),
        committed=len(committed),
        in_core=without + sum(1 for effect in effects if evidence.core.get(effect, 0) > 0),
        duplicated=sum(count - 1 for count in evidence.core.values()),
        unexpected=sum(1 for effect in evidence.core if effect not in effects),
        lost_recorded=len(lost),
        lost_unexplained=len(evidence.receipts) - len(committed) - len(lost),
        taken_minor=_money(evidence.receipts),
        committed_minor=committed_minor,
        lost_minor=_money(lost),
        ledger_minor=evidence.ledger_minor,
        core_minor=evidence.core_minor,
        ledger_balanced=evidence.ledger_clean and same_money,
    )


def core_effect(receipt: Receipt) -> CoreEffect:
    """What the core must have of an event: a report by its reference, the rest by the effect's key."""
    event = receipt.event
    effect = event.effect or ""
    if effect == REPORT:
        return KINDS[effect], receipt.reference or ""
    return KINDS[effect], str(effect_key(event.device, event.id, effect))


def _money(receipts: Sequence[Receipt]) -> int:
    return sum(one.event.amount_minor for one in receipts)
