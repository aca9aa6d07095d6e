"""`ventanilla receiver`: the phone that decides for itself, on a computer.

Exit status: 0 done or told to stop, 1 failed with a sentence, 2 not understood, 3 a package is not installed.
"""

import asyncio
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer

from beacon_node.receiver.bundles import KINDS, Bundles, fetch
from beacon_node.receiver.core.person import CAP_MAX
from beacon_node.receiver.listening import listen_for
from beacon_node.receiver.phone import Phone
from beacon_node.receiver.pocket import Pocket, Town
from beacon_node.receiver.radio import scanner
from beacon_node.receiver.show import TerminalNotifier
from beacon_node.receiver.words import CONSENT, FORGOTTEN, NO_CONSENT, NOTHING_DECIDED, reason_said
from shared.model.beacon_notices import Hours
from shared.model.errors import DeviceError, InputError
from shared.model.instants import TOWN_ZONE
from shared.model.wording import Language

NO_HOURS: Final = "none"
app = typer.Typer(
    no_args_is_help=True, help="A phone that hears beacons and decides for itself what to show."
)

Folder = Annotated[
    Path, typer.Option("--folder", file_okay=False, help="The phone's folder.", show_default=False)
]


@app.command()
def consent(
    folder: Folder,
    answer: Annotated[bool, typer.Option("--yes/--no", help="Whether you want notices.", show_default=False)],
    *,
    language: Annotated[Language | None, typer.Option(help="In which language.")] = None,
    quiet: Annotated[
        str, typer.Option(help="Hours in which nothing is shown, 22:00-08:00; `none` for none.")
    ] = "",
    per_hour: Annotated[int | None, typer.Option(min=0, max=CAP_MAX, help="Notices an hour at most.")] = None,
    per_day: Annotated[int | None, typer.Option(min=0, max=CAP_MAX, help="Notices a day at most.")] = None,
    urgent: Annotated[
        bool | None,
        typer.Option("--urgent/--no-urgent", help="Urgent notices pass quiet hours and these limits."),
    ] = None,
    unproven: Annotated[
        bool | None,
        typer.Option("--unproven/--no-unproven", help="Beacons count that do not prove what they are."),
    ] = None,
) -> None:
    """Say whether you want notices, and how."""
    pocket = Pocket(folder)
    person = pocket.person()
    person = person.after_yes(_now_ms()) if answer else person.after_no()
    person = replace(
        person,
        language=person.language if language is None else language,
        quiet=_hours(quiet) if quiet else person.quiet,
        per_hour=person.per_hour if per_hour is None else per_hour,
        per_day=person.per_day if per_day is None else per_day,
        urgent_passes=person.urgent_passes if urgent is None else urgent,
        unproven_shown=person.unproven_shown if unproven is None else unproven,
    )
    pocket.keep_person(person)
    typer.echo((CONSENT if answer else NO_CONSENT).in_language(person.language))


@app.command()
def interests(
    folder: Folder,
    chosen: Annotated[list[str] | None, typer.Argument(help="Codes; without any, the list is shown.")] = None,
    *,
    none: Annotated[bool, typer.Option("--none", help="Choose nothing.")] = False,
) -> None:
    """Choose what you care about, or see what there is."""
    pocket = Pocket(folder)
    person = pocket.person()
    offered = Bundles(folder, pocket.town()).district().interests
    if chosen or none:
        unknown = sorted(set(chosen or ()) - {one.code for one in offered})
        if unknown:
            raise InputError(
                f"{', '.join(unknown)} is none of the interests; `ventanilla receiver interests` lists them"
            )
        person = replace(person, interests=frozenset(chosen or ()))
        pocket.keep_person(person)
    for one in offered:
        mark = "x" if one.code in person.interests else " "
        typer.echo(f"[{mark}] {one.code:<20} {one.name.in_language(person.language)}")


@app.command(name="fetch")
def fetch_bundles(
    folder: Folder,
    *,
    hub: Annotated[str, typer.Option(help="The hub's address, https://…; the first time.")] = "",
    district: Annotated[str, typer.Option(help="The district's code; the first time.")] = "",
    key: Annotated[
        list[str] | None, typer.Option(help="The town's key in hexadecimal, from the town hall's QR code.")
    ] = None,
    authority: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="PEM file of who vouches for the hub, if not a public one."),
    ] = None,
) -> None:
    """Fetch what is said in the district; best at home, over Wi-Fi, once a day."""
    pocket = Pocket(folder)
    if hub or district or key:
        pocket.keep_town(
            Town.from_data(
                {
                    "hub_url": hub,
                    "district": district,
                    "signing": key or [],
                    "authority_pem": None if authority is None else _text_of(authority),
                }
            )
        )
    town = pocket.town()
    bundles = Bundles(folder, town)
    for kind in KINDS:
        is_new = bundles.take(kind, fetch(town, kind), _now_ms())
        until = _local(bundles.expires_ms()[kind])
        typer.echo(f"{kind}: {'new' if is_new else 'unchanged'}, until {until}")


@app.command()
def listen(
    folder: Folder,
    *,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Stop after so long; else with Ctrl-C.")
    ] = None,
    air: Annotated[str, typer.Option(help="A virtual air, host:port, in place of the radio.")] = "",
) -> None:
    """Listen for beacons, and show what you care about."""
    pocket = Pocket(folder)
    person = pocket.person()
    if person.consent_ms is None:
        raise InputError(
            "Nobody asked for notices on this phone, so it does not listen; `receiver consent --yes` asks."
        )
    known = Bundles(folder, pocket.town()).district()
    phone = Phone(pocket, person, known, TerminalNotifier(sys.stdout), _now_ms())
    with suppress(KeyboardInterrupt):  # told to stop
        asyncio.run(listen_for(scanner(air), lambda heard: phone.hear(heard, _now_ms()), seconds))


@app.command()
def why(folder: Folder) -> None:
    """Say why something was shown, or was not; it stays on this phone."""
    pocket = Pocket(folder)
    language = pocket.person().language
    decisions = pocket.decisions(_now_ms())
    if not decisions:
        typer.echo(NOTHING_DECIDED.in_language(language))
    for one in decisions:
        typer.echo(f"{_local(one.at_ms)}  {one.place or '–':<12}  {reason_said(one.reason, language)}")
        for notice, reason in one.notices:
            typer.echo(f"    {notice}: {reason_said(reason, language)}")


@app.command()
def forget(folder: Folder) -> None:
    """Delete everything of this phone: choices, history, decisions, bundles."""
    pocket = Pocket(folder)
    try:
        language = pocket.person().language
    except (InputError, DeviceError):  # what is damaged is deleted all the same
        language = Language.ES
    pocket.forget()
    typer.echo(FORGOTTEN.in_language(language))


def _hours(text: str) -> Hours | None:
    if text == NO_HOURS:
        return None
    begins, _, ends = text.partition("-")
    return Hours.from_data({"from": begins, "until": ends})


def _text_of(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read; correct --authority") from error


def _local(at_ms: int) -> str:
    return (
        datetime.fromtimestamp(at_ms / 1000, tz=UTC)
        .astimezone(ZoneInfo(TOWN_ZONE))
        .strftime("%Y-%m-%d %H:%M")
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
