"""`ventanilla hub settings`: see what is in force and why, set, clear, undo."""

import json
import sys
from getpass import getpass, getuser
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.config import load_config
from hub.orders.asking import level_of, running, table

app = typer.Typer(no_args_is_help=True, help="Settings of devices, by city, district, site and device.")
Home = Annotated[
    Path | None, typer.Option("--home", help="The hub's folder; VENTANILLA_HOME, or ./ventanilla-hub.")
]
District = Annotated[str | None, typer.Option(help="For a district.")]
Site = Annotated[str | None, typer.Option(help="For a site, as devices were enrolled with it.")]
Device = Annotated[str | None, typer.Option(help="For one device.")]


@app.command("list")
def list_all(home: Home = None) -> None:
    """List every setting that there is, and every value that is set."""
    found = running(load_config(home)).get("/v1/settings")
    table(
        ("setting", "may be", "default", "what it does"),
        [(s["name"], s["values"], s["default"], s["effect"]) for s in found["settings"]],
    )
    typer.echo()
    table(
        ("setting", "for", "value", "set by", "change"),
        [(v["name"], _where(v), json.dumps(v["value"]), v["who"], v["change"]) for v in found["values"]],
    )


@app.command()
def show(device: str, home: Home = None) -> None:
    """Show what is in force for a device, where each value comes from, and how far it has come."""
    found = running(load_config(home)).get(f"/v1/settings/devices/{device}")
    place = " < ".join(part for part in (found["site"], found["district"], "the city") if part)
    typer.echo(f"{device}: {place}")
    rows: list[tuple[object, ...]] = []
    for name, chain in found["settings"].items():
        for number, value in enumerate(chain):
            covered = "" if number == 0 else "covered"
            shown = name if number == 0 else ""
            rows.append((shown, json.dumps(value["value"]), _where(value), value["who"], covered))
    table(("setting", "value", "from", "set by", ""), rows)
    twin = found["twin"]
    typer.echo(f"The device: {twin['state']}; given {twin['given']}, it knows {twin['reported']}.")
    if twin["why"]:
        typer.echo(f"It went back: {twin['why']}.")


@app.command("set")
def set_value(
    name: str,
    value: Annotated[
        str, typer.Argument(help="As JSON; a text that is no JSON is taken as it is; - reads it, unseen.")
    ],
    home: Home = None,
    district: District = None,
    site: Site = None,
    device: Device = None,
) -> None:
    """Set a value, for the city where nothing narrower is named."""
    said = getpass(f"{name}: ") if value == "-" and sys.stdin.isatty() else value
    said = sys.stdin.read().strip() if said == "-" else said
    try:
        meant: Any = json.loads(said)
    except ValueError:
        meant = said
    _change(home, name, meant, district, site, device)


@app.command()
def clear(
    name: str, home: Home = None, district: District = None, site: Site = None, device: Device = None
) -> None:
    """Take a value away at one level; what is set at a wider one is in force again."""
    _change(home, name, None, district, site, device)


@app.command()
def history(home: Home = None) -> None:
    """Show who changed what, the oldest first."""
    client = running(load_config(home))
    rows: list[tuple[object, ...]] = []
    after: str | None = "0"
    while after is not None:
        page = client.get(f"/v1/settings/history?limit=1000&after={after}")
        rows += [(c["id"], c["name"], _where(c), c["before"], c["after"], c["who"]) for c in page["items"]]
        after = page["next"]
    table(("change", "setting", "for", "before", "after", "by"), rows)


@app.command()
def undo(number: int, home: Home = None) -> None:
    """Put back what was there before a change."""
    done = running(load_config(home)).post(f"/v1/settings/history/{number}/undo", {"who": getuser()})
    typer.echo(f"Change {number} is undone by change {done['change']}.")


@app.command()
def place(
    site: str,
    district: Annotated[str, typer.Argument(help="Empty takes the site out of its district.")],
    home: Home = None,
) -> None:
    """Say to which district a site belongs."""
    running(load_config(home)).post("/v1/settings/sites", {"site": site, "district": district})
    typer.echo(f"{site} belongs to {district}." if district else f"{site} belongs to no district.")


def _change(
    home: Path | None, name: str, value: object, district: str | None, site: str | None, device: str | None
) -> None:
    level, target = level_of(district, site, device)
    body = {"level": level, "target": target, "name": name, "value": value, "who": getuser()}
    done = running(load_config(home)).post("/v1/settings", body)
    typer.echo("It was so already." if done["change"] is None else f"Change {done['change']}.")


def _where(item: dict[str, Any]) -> str:
    return f"{item['level']} {item['target']}".strip()
