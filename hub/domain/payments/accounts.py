"""The accounts of the ledger and how they are called.

A balance is what was credited less what was debited. So a purse holds what the town owes its owner (below
zero: what the owner owes), a revenue account what was earned, and clearing and cash, being debited, stand
below zero by what a bank or a device still has to hand over. All balances of a currency together are zero.
"""

from enum import StrEnum

PURSE_FLOOR_MINOR = -500
"""How far a purse may go below zero by taps that were taken offline: 5,00 €."""


class AccountKind(StrEnum):
    """What an account is for."""

    PURSE = "purse"
    REVENUE = "revenue"
    CLEARING = "clearing"
    """What the acquirer of bank cards has to pay out."""
    DEVICE_CASH = "device_cash"
    """What lies in a device's cash box."""
    OFFLINE_RISK = "offline_risk"
    """Rides that were taken and that no purse covers; for a clerk."""
    SUSPENSE = "suspense"
    """Money that is there and whose owner is in doubt; for a clerk."""


TRANSPORT_REVENUE = "revenue:transport"
CARD_CLEARING = "clearing:card"
OFFLINE_RISK = "offline_risk"
SUSPENSE = "suspense"


def purse(subject: str) -> str:
    """The purse of a card, by its pseudonym."""
    return f"purse:{subject}"


def fee_revenue(concept: str) -> str:
    """What was earned by a fee, tax or fine."""
    return f"revenue:fees:{concept}"


def device_cash(device: str) -> str:
    """The cash box of a device."""
    return f"device_cash:{device}"


def is_purse(code: str) -> bool:
    """Whether the account of this name is a purse: the only kind with a floor."""
    return code.startswith("purse:")


def kind_of(code: str) -> AccountKind:
    """What the account of this name is for."""
    return AccountKind(code.partition(":")[0])
