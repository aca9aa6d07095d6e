"""`ventanilla town`: makes the file of the town that a kiosk finds streets in and draws its map from.

Exit status: 0 done, 1 failed with a sentence, 2 not understood.
"""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from kiosk_app.core.draft import Place
from kiosk_app.town.demonstration import demonstration_town
from kiosk_app.town.gazetteer import TownGazetteer
from kiosk_app.town.importing import from_tagged, read_geojson, read_osm
from kiosk_app.town.town import Town, read_town
from shared.adapters.durable_files import PUBLIC, write_whole
from shared.model.errors import InputError

OSM_ENDING: Final = ".osm"

app = typer.Typer(no_args_is_help=True, help="The town on a kiosk: its streets, landmarks and map.")

TownFile = Annotated[Path, typer.Argument(dir_okay=False, help="The town's file, GeoJSON.")]


@app.command(name="import")
def import_town(
    extract: Annotated[
        Path,
        typer.Argument(dir_okay=False, help="An OpenStreetMap extract (.osm), or GeoJSON with its tags."),
    ],
    file: TownFile,
    name: Annotated[str, typer.Option(help="The town's name.")],
) -> None:
    """Make a town's file from what the city has."""
    features = read_osm(extract) if extract.suffix == OSM_ENDING else read_geojson(extract)
    _write(from_tagged(features, name), file)


@app.command()
def demonstration(file: TownFile) -> None:
    """Make the file of a town that exists nowhere."""
    _write(demonstration_town(), file)


@app.command()
def find(
    file: TownFile,
    words: Annotated[list[str], typer.Argument(help="What somebody types: a street, and a number.")],
) -> None:
    """Find an address as the kiosk does: what a technician tries before a town's file is sent out."""
    town = read_town(file)
    long, lat = town.streets[0].line[0]
    found = TownGazetteer(town, Place(lat=lat, long=long, address="")).streets(" ".join(words))
    if not found:
        raise InputError("the town's file has no such street; look how its sign writes it")
    for place in found:
        typer.echo(f"{place.address}  {place.lat:.6f}, {place.long:.6f}")


def _write(town: Town, file: Path) -> None:
    write_whole(file, json.dumps(town.to_geojson(), ensure_ascii=False).encode(), PUBLIC)
    numbers = sum(len(street.numbers) for street in town.streets)
    named = len({street.name for street in town.streets if street.name})
    typer.echo(
        f"{file}: {named} streets with {numbers} numbers, {len(town.landmarks)} landmarks, "
        f"{len(town.areas)} areas"
    )
