"""What a clerk is told of a card: what was seen, what it means, what to do; each in plain sentences.

A card is named by its pseudonym, which is what `ventanilla hub cards` takes; nobody's name is ever in a case.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hub.domain.cards.register import Card, CardState
from hub.domain.cards.taps import JudgedTap
from shared.model.instants import TOWN_ZONE
from shared.model.money import Money

_STATES = {
    CardState.ISSUED: "issued",
    CardState.BLOCKED: "blocked",
    CardState.REPLACED: "replaced by another issue",
    CardState.REFUNDED: "refunded",
}


def forged(tap: JudgedTap) -> str:
    """Tell of a tap that its card did not sign."""
    return (
        f"{_where(tap)} reported a ride of {_amount(tap)} at {_at(tap.at_ms)} which the card did not sign "
        f"so: {tap.why}. It is booked. Either somebody has changed that terminal, or its disk or its card "
        "is damaged. Take the terminal out of service and look at it; `ventanilla hub cards taps --device "
        f"{tap.device} --verdict forged` lists all such rides, to give their money back."
    )


def unknown_card(tap: JudgedTap) -> str:
    """Tell of a tap with a card that nobody issued."""
    return (
        f"{_where(tap)} reported a ride of {_amount(tap)} at {_at(tap.at_ms)} with a card that the register "
        "does not have. It is booked. After a restore of the database, issue the card's entry again; "
        "otherwise somebody invents cards at that terminal: take it out of service and look at it. "
        f"`ventanilla hub cards taps --device {tap.device} --verdict unknown_card` lists these rides."
    )


def cloned(first: JudgedTap, second: JudgedTap) -> str:
    """Tell of two genuine taps under one counter."""
    return (
        f"There are two cards of this one: {_where(first)} at {_at(first.at_ms)} and {_where(second)} at "
        f"{_at(second.at_ms)} both saw a genuine card with deed number {second.counter}, and the two deeds "
        "differ. A card counts every deed once, so one of them is a copy. The first ride is booked, the "
        "second is recorded and not charged. Block the card with `ventanilla hub cards block "
        f"{second.subject}`, and give its owner another one."
    )


def after_block(tap: JudgedTap, card: Card) -> str:
    """Tell of a tap with a card that was blocked before."""
    return (
        f"{_where(tap)} took a card at {_at(tap.at_ms)} that was {_STATES[card.state]} at "
        f"{_at(card.state_ms)}: the deny list had not reached that terminal. The ride of {_amount(tap)} is "
        "booked. Look with `ventanilla hub bundle list` whether the terminal holds the newest deny list; "
        "it takes it when it is connected."
    )


def undecided(device: str, said: JudgedTap) -> str:
    """Tell of a tap of which its terminal never learnt whether it happened."""
    is_back = said.amount_minor < 0
    did = "gave back" if is_back else "charged"
    done = "the card has that money" if is_back else "the card was charged"
    amount = str(Money(abs(said.amount_minor), said.currency))
    return (
        f"Terminal {device} does not know whether it {did} {amount} at {_at(said.at_ms)}: the card "
        "left in the very moment, and has done too much since to tell. If another ride is found under deed "
        f"number {said.counter} of the card, this one never happened, and the case closes by itself. If "
        f"none is found within 35 days, {done}. `ventanilla hub cards taps --card "
        f"{said.subject}` shows its rides."
    )


def unsigned(device: str, day: str, count: int, taps: int) -> str:
    """Tell of a terminal that gives too few signatures."""
    return (
        f"Terminal {device} sent {taps} rides of {day}, and {count} of them without the card's signature. A "
        "few are cards that were taken away; so many are a terminal that does not ask, or does not want "
        "to. Look at it, and at its version."
    )


def _where(tap: JudgedTap) -> str:
    line = f" on line {tap.line}" if tap.line not in (None, "0") else ""
    return f"Terminal {tap.device}{line}"


def _amount(tap: JudgedTap) -> str:
    return str(Money(tap.amount_minor, tap.currency))


def _at(at_ms: int) -> str:
    local = datetime.fromtimestamp(at_ms / 1_000, tz=UTC).astimezone(ZoneInfo(TOWN_ZONE))
    return local.strftime("%Y-%m-%d %H:%M")
