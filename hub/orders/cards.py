"""`ventanilla hub cards`: the register of cards, what was found of their taps, and the deny list."""

from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import typer

from hub.config import load_config
from hub.orders.asking import running, table
from shared.model.card_number import grouped
from shared.model.instants import TOWN_ZONE
from shared.model.money import Money

app = typer.Typer(no_args_is_help=True, help="Cards: their register, their taps, the deny list.")
Home = Annotated[
    Path | None, typer.Option("--home", help="The hub's folder; VENTANILLA_HOME, or ./ventanilla-hub.")
]
Subject = Annotated[str, typer.Argument(help="The card's pseudonym, as cases and listings show it.")]
Why = Annotated[str, typer.Option(help="Why; names nobody.")]
PAGE = 1_000


@app.command("list")
def list_all(
    home: Home = None,
    state: Annotated[
        str | None, typer.Option(help="issued, blocked, replaced or refunded; all where absent.")
    ] = None,
) -> None:
    """List the register of cards."""
    found = _all(home, "/v1/cards", {"state": state})
    table(
        ("card", "issue", "category", "state", "since", "keys", "by"),
        [
            (
                c["subject"],
                c["issue"],
                c["category"],
                c["state"],
                _at(c["state_ms"]),
                c["key_version"],
                c["who"],
            )
            for c in found
        ],
    )


@app.command()
def show(card: Subject, home: Home = None) -> None:
    """Show a card, and what was done with it."""
    found = running(load_config(home)).get(f"/v1/cards/{card}")
    one = found["card"]
    whose = "nobody's in particular" if one["is_anonymous"] else "somebody's"
    typer.echo(f"{card}: {one['state']}, issue {one['issue']}, category {one['category']}, {whose}.")
    if one["number"]:
        typer.echo(f"Printed number: {grouped(one['number'])}")
    table(
        ("at", "state", "keys", "by", "why"),
        [(_at(c["at_ms"]), c["state"], c["key_version"], c["who"], c["why"]) for c in found["changes"]],
    )


@app.command()
def taps(
    home: Home = None,
    card: Annotated[str | None, typer.Option(help="Of one card.")] = None,
    counter: Annotated[int | None, typer.Option(help="Of one deed of it, by its number.")] = None,
    device: Annotated[str | None, typer.Option(help="Of one terminal.")] = None,
    day: Annotated[str | None, typer.Option(help="Of one day, e.g. 2026-11-21.")] = None,
    verdict: Annotated[
        str | None, typer.Option(help="genuine, unsigned, forged, twice, cloned, unknown_card, unchecked, …")
    ] = None,
) -> None:
    """List taps with what is known of each: who used that counter, and did the card sign it?"""
    asked = {"subject": card, "counter": counter, "device": device, "day": day, "verdict": verdict}
    table(
        ("at", "terminal", "line", "card", "deed", "amount", "verdict", "why"),
        [
            (
                _at(tap["at_ms"]),
                tap["device"],
                tap["line"] or "",
                tap["subject"] or "",
                "" if tap["counter"] is None else tap["counter"],
                str(Money(tap["amount_minor"], tap["currency"])),
                tap["verdict"],
                tap["why"],
            )
            for tap in _all(home, "/v1/taps", asked)
        ],
    )


@app.command()
def block(card: Subject, home: Home = None, why: Why = "") -> None:
    """Block a card: every terminal hears of it by the deny list."""
    done = running(load_config(home)).post(f"/v1/cards/{card}/block", {"who": getuser(), "why": why})
    typer.echo(f"{card} is blocked. The deny list names {done['cards_denied']} cards, and is on its way.")


@app.command()
def unblock(card: Subject, home: Home = None, why: Why = "") -> None:
    """Take a card off the deny list; a card that was blocked at a desk is unblocked there."""
    done = running(load_config(home)).post(f"/v1/cards/{card}/unblock", {"who": getuser(), "why": why})
    typer.echo(f"{card} rides again. The deny list names {done['cards_denied']} cards, and is on its way.")


def _all(home: Path | None, path: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    client = running(load_config(home))
    query = {name: value for name, value in asked.items() if value is not None}
    items: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        more = query | ({"after": after} if after else {})
        page = client.get(f"{path}?{urlencode({'limit': PAGE} | more)}")
        items += page["items"]
        after = page["next"]
    return items


def _at(at_ms: int) -> str:
    local = datetime.fromtimestamp(at_ms / 1_000, tz=UTC).astimezone(ZoneInfo(TOWN_ZONE))
    return local.strftime("%Y-%m-%d %H:%M")
