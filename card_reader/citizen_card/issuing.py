"""How a blank card becomes the town's: the application, its files, its keys, its first record.

Rules:
- A card that is torn while it is made holds no money and answers to no terminal: `unmade` clears it, and it
  is made anew. One that was torn after its keys were set lacks its first deed alone, which `begun` adds.
- The first record has counter 1: it is the card's first transaction.
- The card's own master key is AES already. A card fresh from its maker has another kind, and wants one step
  before this one, which no published vector covers (docs/CARD.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from card_reader.apdu.outcome import Done, Outcome, Talk
from card_reader.citizen_card import layout
from card_reader.citizen_card.holder import Holder
from card_reader.citizen_card.journal import Deed, Record
from card_reader.desfire import issuing
from card_reader.desfire.card import Card
from card_reader.desfire.crypto import KEY_BYTES
from card_reader.desfire.transaction_mac import Committed

BLANK_KEY: Final = bytes(KEY_BYTES)
HIGHEST_MINOR: Final = 15_000
"""A purse holds 150 euros at most."""


def _nobody(_: Record) -> None:
    """Nobody wants to know beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What a card is to become.

    Attributes:
        holder: what it says of itself.
        lowest_minor: how far below zero its purse goes; not above zero.
        at_s: now; Unix seconds.
        terminal: which desk makes it.
        mark: drawn for it, 4 bytes.
        key: gives the card's own key by its number.
        version: gives the version of a key by its number.
        intend: is told of the first record before it counts.
        amount_minor: what is in its purse from the beginning: that of the card which it replaces.
    """

    holder: Holder
    lowest_minor: int
    at_s: int
    terminal: int
    mark: bytes
    key: Callable[[int], bytes]
    version: Callable[[int], int]
    intend: Callable[[Record], None] = _nobody
    amount_minor: int = 0


def issued(card: Card, root_key: bytes, making: Making) -> Talk[Outcome[Committed]]:
    """Make a card the town's.

    Args:
        card: a blank one.
        root_key: the card's own master key, 16 bytes.
        making: what it is to become.
    """
    made: Outcome[None] = Done(None)
    for step in (*_application(card, root_key), *_files(card, making), *_keys(card, making)):
        made = yield from step
        if not isinstance(made, Done):
            return made
    return (yield from begun(card, making))


def unmade(card: Card, root_key: bytes) -> Talk[Outcome[None]]:
    """Take away what a torn card has of the application.

    Args:
        card: one that was torn before its keys were set.
        root_key: the card's own master key, 16 bytes.
    """
    for step in (card.select(layout.ROOT_NAME), card.authenticate(layout.MASTER_KEY, root_key)):
        done = yield from step
        if not isinstance(done, Done):
            return done
    return (yield from issuing.delete_application(card, layout.NUMBER))


def _application(card: Card, root_key: bytes) -> tuple[Talk[Outcome[None]], ...]:
    return (
        card.select(layout.ROOT_NAME),
        card.authenticate(layout.MASTER_KEY, root_key),
        issuing.create_application(card, layout.NUMBER, layout.ISO_ID, layout.NAME, layout.KEYS),
        card.select(layout.NAME),
        card.authenticate(layout.MASTER_KEY, BLANK_KEY),
    )


def _files(card: Card, making: Making) -> tuple[Talk[Outcome[None]], ...]:
    purse = (layout.PURSE, layout.PURSE_RIGHTS, making.lowest_minor, HIGHEST_MINOR)
    journal = (layout.JOURNAL, layout.JOURNAL_RIGHTS, layout.RECORD_BYTES, layout.RECORDS_KEPT + 1)
    seal = (layout.SEAL, layout.SEAL_RIGHTS, making.key(layout.SEAL_KEY), making.version(layout.SEAL_KEY))
    return (
        issuing.create_backup_file(card, layout.HOLDER, layout.HOLDER_RIGHTS, layout.HOLDER_BYTES),
        issuing.create_value_file(card, *purse),
        issuing.create_cyclic_file(card, *journal),
        issuing.create_transaction_mac_file(card, *seal),
    )


def _keys(card: Card, making: Making) -> tuple[Talk[Outcome[None]], ...]:
    others = (
        issuing.change_key(card, number, BLANK_KEY, making.key(number), making.version(number))
        for number in range(layout.MASTER_KEY + 1, layout.KEYS)
    )
    own, version = making.key(layout.MASTER_KEY), making.version(layout.MASTER_KEY)
    return (*others, issuing.change_own_key(card, layout.MASTER_KEY, own, version))


def begun(card: Card, making: Making) -> Talk[Outcome[Committed]]:
    """Write holder and first record of a card that has its files and keys.

    Args:
        card: such a one.
        making: what it is to become.
    """
    first = Record(
        deed=Deed.ISSUED,
        counter=1,
        at_s=making.at_s,
        terminal=making.terminal,
        mark=making.mark,
        amount_minor=making.amount_minor,
        balance_minor=making.amount_minor,
    )
    credit = (card.credit(layout.PURSE, making.amount_minor),) if making.amount_minor else ()
    steps = (
        card.select(layout.NAME),
        card.authenticate(layout.PURSE_KEY, making.key(layout.PURSE_KEY)),
        card.write(layout.HOLDER, 0, making.holder.to_bytes()),
        *credit,
        card.append(layout.JOURNAL, first.to_bytes()),
    )
    for step in steps:
        done = yield from step
        if not isinstance(done, Done):
            return done
    making.intend(first)
    return (yield from card.commit())
