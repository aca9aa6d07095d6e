"""`ventanilla card`: what a clerk, or an inspector, does with a card at a desk with a reader.

The machine is enrolled as any other, as `desk` or `inspector`: `ventanilla hub enrol <device> --kind desk`.
Exit status: 0 done, 1 failed with a sentence, 2 not understood, 6 the card did not do it.
"""

import json
import re
import sys
import time
from datetime import UTC, date, datetime
from getpass import getpass, getuser
from pathlib import Path
from secrets import token_bytes
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from card_reader.citizen_card.holder import day_of
from card_reader.desk.relay_client import RelayClient
from card_reader.desk.serving import carry_out
from card_reader.desk.words import OUTCOMES, card_of, explained, inspected, outcome, printed_number
from shared.adapters import device_keys
from shared.edge.home import DeviceHome
from shared.edge.log import log_to_standard_error
from shared.edge.operations import RecentLog
from shared.model.card_pin import check_new_pin
from shared.model.errors import InputError
from shared.model.ids import EVENT_ID_RANDOM_BYTES, new_event_id
from shared.model.instants import TOWN_ZONE
from shared.model.money import EURO, Money
from shared.model.payment import CreditMethod
from shared.model.payment import Method as PaidBy
from shared.model.tariff import CODE_MAX
from shared.model.wording import Language

NOT_DONE: Final = 6
"""Status where the card did not do it."""
VALID_YEARS: Final = 5
"""How long a new card is good for, where nothing else is said."""
LINE_LENGTH_MAX: Final = 32
_EUROS: Final = re.compile(r"(\d{1,4})(?:[.,](\d{2}))?")

card = typer.Typer(
    no_args_is_help=True, help="The citizen card at a desk: read it, issue it, move its money."
)

pin = typer.Typer(
    no_args_is_help=True, help="A card's PIN: its holder types it, it is never an argument, the hub keeps it."
)
card.add_typer(pin, name="pin")

Home = Annotated[
    Path, typer.Option(file_okay=False, help="The desk's folder, as it was enrolled.", show_default=False)
]
Reader = Annotated[
    str,
    typer.Option("--reader", help="How the reader's name begins, as `pcsc_scan` shows it; else the first."),
]
Lang = Annotated[Language, typer.Option("--language", help="Of the words.")]
Wait = Annotated[float, typer.Option("--wait-s", min=1, help="How long a card is waited for.")]
Euros = Annotated[str, typer.Argument(help="Euros, such as 10 or 4,50.")]
Method = Annotated[CreditMethod, typer.Option(help="How the money changes hands.")]
Category = Annotated[int, typer.Option(min=0, max=255, help="Of the rider, as the fares have it.")]
CategoryFrom = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Its first day.")]
CategoryUntil = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Its last day.")]
ValidUntil = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The card's last day; else in five years.")
]
Nobodys = Annotated[bool, typer.Option("--nobodys", help="It belongs to whoever holds it.")]
BelowZero = Annotated[str, typer.Option(help="How far it may go below zero, in euros.")]
Why = Annotated[str, typer.Option(help="Why, in words that name nobody: lost, found, stolen.")]


@card.command()
def read(home: Home, reader: Reader = "", wait_s: Wait = 30.0) -> None:
    """Print what stands on a card, as JSON."""
    verdict = _asked(home, reader, wait_s, Language.ES, do="read", history=True)
    typer.echo(json.dumps(verdict, indent=2, ensure_ascii=False))
    _end(verdict)


@card.command()
def explain(home: Home, reader: Reader = "", wait_s: Wait = 30.0, language: Lang = Language.ES) -> None:
    """Say everything that stands on a card, in words."""
    verdict = _asked(home, reader, wait_s, language, do="read", history=True)
    typer.echo("\n".join([*explained(verdict, language), *_unless_plain(verdict, language)]))
    _end(verdict)


@card.command()
def inspect(home: Home, reader: Reader = "", wait_s: Wait = 30.0, language: Lang = Language.ES) -> None:
    """Say a card's last ride, and whether it still holds."""
    verdict = _asked(home, reader, wait_s, language, do="read")
    today = day_of(datetime.now(tz=UTC).astimezone(ZoneInfo(TOWN_ZONE)).date())
    typer.echo(
        "\n".join([*inspected(verdict, int(time.time()), today, language), *_unless_plain(verdict, language)])
    )
    _end(verdict)


@card.command()
def issue(
    home: Home,
    *,
    category: Category = 0,
    category_from: CategoryFrom = None,
    category_until: CategoryUntil = None,
    valid_until: ValidUntil = None,
    nobodys: Nobodys = False,
    below_zero: BelowZero = "2",
    reader: Reader = "",
    wait_s: Wait = 30.0,
    language: Lang = Language.ES,
) -> None:
    """Make a blank card the town's."""
    new = _new(category, category_from, category_until, valid_until, nobodys, below_zero)
    _do(home, reader, wait_s, language, do="issue", **new)


@card.command()
def replace(
    lost: Annotated[str, typer.Argument(help="The lost card's pseudonym, as the register lists it.")],
    home: Home,
    *,
    category: Category = 0,
    category_from: CategoryFrom = None,
    category_until: CategoryUntil = None,
    valid_until: ValidUntil = None,
    nobodys: Nobodys = False,
    below_zero: BelowZero = "2",
    reader: Reader = "",
    wait_s: Wait = 30.0,
    language: Lang = Language.ES,
) -> None:
    """Make a blank card the next issue of a lost one, with the money that the books have in its purse."""
    new = _new(category, category_from, category_until, valid_until, nobodys, below_zero)
    _do(home, reader, wait_s, language, do="replace", replaces=lost, **new)


@card.command("top-up")
def top_up(
    amount: Euros,
    home: Home,
    method: Method = CreditMethod.CASH,
    reader: Reader = "",
    wait_s: Wait = 30.0,
    language: Lang = Language.ES,
) -> None:
    """Put money into a card's purse."""
    _do(home, reader, wait_s, language, do="top_up", amount_minor=_minor(amount), method=method.value)


@card.command()
def charge(
    amount: Euros,
    home: Home,
    *,
    concept: Annotated[str, typer.Option("--for", help="What it is for, in the ledger's word: piscina.")],
    reference: Annotated[str, typer.Option(help="The receipt's number.")],
    reader: Reader = "",
    wait_s: Wait = 30.0,
    language: Lang = Language.ES,
) -> None:
    """Take money from a card's purse: a pool, a sports hall, a shop."""
    paid = {"amount_minor": _minor(amount), "concept": concept, "reference": reference}
    _do(home, reader, wait_s, language, do="charge", **paid)


@card.command()
def sell(
    product: Annotated[int, typer.Argument(min=1, max=CODE_MAX, help="Its number, as the fares have it.")],
    home: Home,
    *,
    paid_by: Annotated[PaidBy, typer.Option(help="How it is paid; `purse`: from the card itself.")],
    first_day: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="A pass's first day; else today.")
    ] = None,
    reader: Reader = "",
    wait_s: Wait = 30.0,
    language: Lang = Language.ES,
) -> None:
    """Put a pass or a ticket of several rides on a card, at the price of the fares."""
    first = 0 if first_day is None else day_of(first_day.date())
    _do(home, reader, wait_s, language, do="sell", product=product, paid_by=paid_by.value, first_day=first)


@card.command()
def refund(
    home: Home,
    method: Method = CreditMethod.CASH,
    reader: Reader = "",
    wait_s: Wait = 30.0,
    language: Lang = Language.ES,
) -> None:
    """Hand out what is left in a card's purse, and end the card."""
    _do(home, reader, wait_s, language, do="refund", method=method.value)


@card.command()
def block(
    home: Home, why: Why = "", reader: Reader = "", wait_s: Wait = 30.0, language: Lang = Language.ES
) -> None:
    """Block a card, on itself and in the register: it rides nowhere."""
    _do(home, reader, wait_s, language, do="block", why=why)


@card.command()
def unblock(
    home: Home, why: Why = "", reader: Reader = "", wait_s: Wait = 30.0, language: Lang = Language.ES
) -> None:
    """Let a blocked card ride again."""
    _do(home, reader, wait_s, language, do="unblock", why=why)


@pin.command("set")
def pin_set(home: Home, reader: Reader = "", wait_s: Wait = 30.0, language: Lang = Language.ES) -> None:
    """Give a card a PIN, in place of the one it has; typed twice, or a line on standard input."""
    _do(home, reader, wait_s, language, do="pin_set", pin=check_new_pin(_typed_pin()))


@pin.command("reset")
def pin_reset(home: Home, reader: Reader = "", wait_s: Wait = 30.0, language: Lang = Language.ES) -> None:
    """Take a card's PIN away, locked or forgotten; `pin set` gives it another."""
    _do(home, reader, wait_s, language, do="pin_reset")


def _typed_pin() -> str:
    """Let the holder type a PIN; nothing of it is shown."""
    if not sys.stdin.isatty():
        return sys.stdin.readline(LINE_LENGTH_MAX).strip()
    typed = getpass("PIN: ")
    if getpass("PIN: ") != typed:
        raise InputError("the two PINs are not the same; type it again")
    return typed


def _new(
    category: int,
    category_from: datetime | None,
    category_until: datetime | None,
    valid_until: datetime | None,
    nobodys: bool,
    below_zero: str,
) -> dict[str, Any]:
    """What a new card is to become, as it is asked."""
    today = datetime.now(tz=UTC).astimezone(ZoneInfo(TOWN_ZONE)).date()
    until = date(today.year + VALID_YEARS, today.month, 1) if valid_until is None else valid_until.date()
    return {
        "category": category,
        **({} if category_from is None else {"category_from": day_of(category_from.date())}),
        "category_until": 0 if category_until is None else day_of(category_until.date()),
        "valid_until": day_of(until),
        "is_nobodys": nobodys,
        "lowest_minor": -_minor(below_zero),
    }


def _do(home: Path, reader: str, wait_s: float, language: Language, **asked: Any) -> None:  # noqa: ANN401  members of several types, by name
    """Have an order carried out, and say what came of it."""
    verdict = _asked(home, reader, wait_s, language, **asked)
    found, said = card_of(verdict), outcome(verdict, language)
    if found is not None:
        said += f". Saldo: {Money(found[1][0].balance_minor, EURO)}"
    if number := printed_number(verdict, language):
        said += f". {number}"
    typer.echo(said)
    _end(verdict)


def _asked(
    home: Path,
    reader: str,
    wait_s: float,
    language: Language,
    **asked: Any,  # noqa: ANN401  the same
) -> dict[str, Any]:
    log_to_standard_error(RecentLog())
    identity = device_keys.load(DeviceHome(home).identity)
    order = {
        "id": new_event_id(time.time_ns() // 1_000_000, token_bytes(EVENT_ID_RANDOM_BYTES)),
        "who": getuser(),
        **asked,
    }

    def ask_again() -> None:
        typer.echo(OUTCOMES["removed"].in_language(language), err=True)

    return carry_out(RelayClient(identity), order, reader=reader, wait_s=wait_s, ask_again=ask_again)


def _unless_plain(verdict: dict[str, Any], language: Language) -> list[str]:
    """The outcome where it says more than that the card was read."""
    is_plain = verdict.get("said") == "done" and "before" not in verdict
    return [] if is_plain else [outcome(verdict, language)]


def _end(verdict: dict[str, Any]) -> None:
    if verdict.get("said") != "done":
        raise typer.Exit(NOT_DONE)


def _minor(written: str) -> int:
    found = _EUROS.fullmatch(written.strip())
    if found is None:
        raise InputError("an amount is in euros, such as 10 or 4,50; correct it")
    return int(found[1]) * 100 + int(found[2] or 0)
