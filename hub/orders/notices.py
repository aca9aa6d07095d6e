"""`ventanilla hub notices` and `ventanilla hub interests`: what the town says at its beacons."""

import json
from getpass import getuser
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.parse import quote, urlencode

import typer

from hub.config import load_config
from hub.orders.asking import running, table
from hub.orders.places import at
from shared.model.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Notices at beacons: draft, approve, correct, withdraw.")
interests = typer.Typer(no_args_is_help=True, help="What people may care about: the town's list.")
Home = Annotated[
    Path | None, typer.Option("--home", help="The hub's folder; VENTANILLA_HOME, or ./ventanilla-hub.")
]
Notice = Annotated[str, typer.Argument(help="The notice's id.")]
Why = Annotated[str, typer.Option(help="Why; names nobody.")]


@app.command()
def draft(
    file: Annotated[Path, typer.Argument(help="A notice as JSON; docs/OPERATIONS.md has an example.")],
    home: Home = None,
    picture: Annotated[
        Path | None, typer.Option(help="The picture's file: its SHA-256 is written into the notice.")
    ] = None,
) -> None:
    """Draft a notice; with the id of one that there is, a correction of it."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        hashed = None if picture is None else sha256(picture.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read ({error.strerror}); correct the path") from error
    except ValueError as error:
        raise InputError(f"{file} is no JSON ({error}); correct that line") from error
    if not isinstance(data, dict):
        raise InputError(f"{file} is no notice: it is one JSON object; correct it")
    wanted = cast("dict[str, Any]", data)
    if hashed is not None:
        if not isinstance(wanted.get("picture"), dict):
            raise InputError('the notice names no picture; add "picture": {"url": "https://…"} to the file')
        wanted["picture"]["sha256"] = hashed
    done = running(load_config(home)).post("/v1/notices", {"data": wanted, "who": getuser()})
    name, version = done["id"], done["version"]
    typer.echo(f"{name} is drafted as version {version}. A colleague lets it be said:")
    typer.echo(f"  ventanilla hub notices approve {name} --version {version}")


@app.command()
def approve(
    notice: Notice,
    version: Annotated[int, typer.Option(min=1, help="The version that you have read.")],
    home: Home = None,
) -> None:
    """Let a draft be said; another person than who drafted it does."""
    path = f"/v1/notices/{quote(notice, safe='')}/{version}/approve"
    running(load_config(home)).post(path, {"who": getuser()})
    typer.echo(f"{notice}, version {version}, is approved: phones that fetch from now on have it.")


@app.command()
def withdraw(notice: Notice, home: Home = None, why: Why = "") -> None:
    """Say a notice no more, and drop its draft."""
    path = f"/v1/notices/{quote(notice, safe='')}/withdraw"
    running(load_config(home)).post(path, {"who": getuser(), "why": why})
    typer.echo(f"{notice} is withdrawn. A phone that has it says it until it fetches again.")


@app.command("list")
def list_all(
    home: Home = None,
    state: Annotated[str | None, typer.Option(help="draft, approved, replaced or withdrawn.")] = None,
) -> None:
    """List versions of notices, the newest first."""
    query = f"?{urlencode({'state': state})}" if state else ""
    found = running(load_config(home)).get(f"/v1/notices{query}")["items"]
    table(
        ("notice", "version", "state", "title", "from", "until", "drafted by", "decided by"),
        [
            (
                n["id"],
                n["version"],
                n["state"],
                n["notice"]["title"]["es"],
                n["notice"]["from"],
                n["notice"]["until"],
                n["drafted_by"],
                n["decided_by"] or "–",
            )
            for n in found
        ],
    )


@app.command()
def show(notice: Notice, home: Home = None) -> None:
    """Show the newest version of a notice as it is said, and who did what with it."""
    client = running(load_config(home))
    found = client.get(f"/v1/notices/{quote(notice, safe='')}")["items"]
    typer.echo(json.dumps(found[-1]["notice"], ensure_ascii=False, indent=2))
    changes = client.get(f"/v1/beacon-changes?{urlencode({'kind': 'notice', 'name': notice, 'limit': 1000})}")
    table(
        ("at", "what", "detail", "by", "why"),
        [(at(c["at_ms"]), c["what"], c["detail"], c["who"], c["why"]) for c in changes["items"]],
    )


@interests.command()
def add(
    code: Annotated[str, typer.Argument(help="1 to 32 of a-z, 0-9 and hyphen: musica.")],
    name: Annotated[str, typer.Argument(help="What people call it, in Spanish.")],
    home: Home = None,
    name_ca: Annotated[str | None, typer.Option(help="The same in Catalan.")] = None,
    name_en: Annotated[str | None, typer.Option(help="The same in English.")] = None,
) -> None:
    """Enter an interest, or give it another name."""
    words = {"es": name, "ca": name_ca, "en": name_en}
    named = {language: said for language, said in words.items() if said}
    wanted = {"data": {"code": code, "name": named}, "who": getuser()}
    running(load_config(home)).post("/v1/interests", wanted)
    typer.echo(f"{code} is on the list.")


@interests.command("list")
def list_interests(home: Home = None) -> None:
    """List what people may choose from."""
    found = running(load_config(home)).get("/v1/interests")["items"]
    rows = [(i["code"], *(i["name"].get(each, "–") for each in ("es", "ca", "en"))) for i in found]
    table(("interest", "es", "ca", "en"), rows)


@interests.command("withdraw")
def withdraw_interest(code: str, home: Home = None, why: Why = "") -> None:
    """Offer an interest no more; notices for it reach nobody who chooses anew."""
    running(load_config(home)).post(f"/v1/interests/{code}/withdraw", {"who": getuser(), "why": why})
    typer.echo(f"{code} is off the list.")
