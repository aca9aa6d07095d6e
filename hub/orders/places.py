"""`ventanilla hub places`: where beacons stand, and which device stands there."""

from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import typer

from hub.config import load_config
from hub.orders.asking import running, table
from shared.model.errors import InputError
from shared.model.instants import TOWN_ZONE
from shared.model.wording import Language

app = typer.Typer(no_args_is_help=True, help="Places of beacons: a device goes, its place stays.")
Home = Annotated[
    Path | None, typer.Option("--home", help="The hub's folder; VENTANILLA_HOME, or ./ventanilla-hub.")
]
Code = Annotated[str, typer.Argument(help="The place's code, as it stands on the case: biblio-3.")]
Why = Annotated[str, typer.Option(help="Why; names nobody.")]


@app.command()
def add(
    code: Code,
    district: Annotated[str, typer.Option(help="Its code: 1 to 17 of a-z, 0-9 and hyphen.")],
    site: Annotated[str, typer.Option(help="As devices are enrolled with it.")],
    name: Annotated[
        list[str], typer.Option(help="What people call it; --name ca=… and --name en=… besides the Spanish.")
    ],
    home: Home = None,
    point: Annotated[
        str | None, typer.Option("--at", help="Where, in degrees: 43.46231,-3.81001.", metavar="LAT,LONG")
    ] = None,
    position: Annotated[str | None, typer.Option(help="Where it hangs, for technicians.")] = None,
) -> None:
    """Enter a place; its code is for ever."""
    place: dict[str, Any] = {"code": code, "district": district, "site": site, "name": _named(name)}
    if point is not None:
        place["lat"], place["long"] = _degrees(point)
    if position is not None:
        place["position"] = position
    running(load_config(home)).post("/v1/places", {"data": place, "who": getuser()})
    typer.echo(f"{code} is entered in {district}; `ventanilla hub places assign {code} DEVICE` comes next.")


@app.command("list")
def list_all(
    home: Home = None, district: Annotated[str | None, typer.Option(help="Of one district.")] = None
) -> None:
    """List places, and what stands there."""
    query = f"?{urlencode({'district': district})}" if district else ""
    found = running(load_config(home)).get(f"/v1/places{query}")["items"]
    table(
        ("place", "district", "site", "name", "device", ""),
        [
            (
                p["code"],
                p["district"],
                p["site"],
                p["name"]["es"],
                p["device"] or "–",
                "withdrawn" if p["withdrawn"] else "",
            )
            for p in found
        ],
    )


@app.command()
def show(code: Code, home: Home = None) -> None:
    """Show a place, and which devices stood there."""
    found = running(load_config(home)).get(f"/v1/places/{code}")
    place = found["place"]
    where = "" if place["lat"] is None else f", {place['lat']:.5f} {place['long']:.5f}"
    state = ", withdrawn" if place["withdrawn"] else ""
    typer.echo(f"{code}: {place['name']['es']}, {place['site']}, {place['district']}{where}{state}.")
    if place["position"]:
        typer.echo(place["position"])
    rows = [(at(s["since_ms"]), s["device"] or "nothing", s["who"]) for s in found["history"]]
    table(("since", "device", "by"), rows)


@app.command()
def assign(
    code: Code,
    device: Annotated[str | None, typer.Argument(help="The device that stands there from now on.")] = None,
    home: Home = None,
    *,
    none: Annotated[bool, typer.Option("--none", help="Nothing stands there any more.")] = False,
    since: Annotated[
        str | None, typer.Option(help="From an instant in the past on, e.g. 2026-11-21T10:15:00+01:00.")
    ] = None,
    why: Why = "",
) -> None:
    """Say which device stands at a place."""
    if (device is None) is not none:
        raise InputError("name a device, or say --none")
    wanted = {"device": device, "since": since, "who": getuser(), "why": why}
    done = running(load_config(home)).post(f"/v1/places/{code}/assign", wanted)
    said = f"{device} stands at {code}" if device else f"Nothing stands at {code}"
    typer.echo(f"{said}{'' if done['changed'] else ' already'}; phones hear of it within an hour or two.")


@app.command()
def withdraw(code: Code, home: Home = None, why: Why = "") -> None:
    """Take a place out of use; its code is not given again."""
    running(load_config(home)).post(f"/v1/places/{code}/withdraw", {"who": getuser(), "why": why})
    typer.echo(f"{code} is out of use.")


def at(at_ms: int) -> str:
    """Write an instant as the town's clock has it."""
    local = datetime.fromtimestamp(at_ms / 1_000, tz=UTC).astimezone(ZoneInfo(TOWN_ZONE))
    return local.strftime("%Y-%m-%d %H:%M")


def _named(names: list[str]) -> dict[str, str]:
    """Read `Biblioteca`, `ca=Biblioteca`, `en=Library`."""
    found: dict[str, str] = {}
    for name in names:
        language, equals, said = name.partition("=")
        is_other = bool(equals) and language in set(Language)
        found[language if is_other else Language.ES.value] = said if is_other else name
    return found


def _degrees(point: str) -> tuple[float, float]:
    lat, _, long = point.partition(",")
    try:
        return float(lat), float(long)
    except ValueError as error:
        raise InputError("--at is latitude and longitude in degrees, e.g. 43.46231,-3.81001") from error
