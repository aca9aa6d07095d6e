"""`ventanilla beacon`: what a technician does with beacons."""

import typer

from beacon_node import firmware_command
from beacon_node.flashing import command as flashing
from beacon_node.survey import command

beacon = typer.Typer(no_args_is_help=True)
beacon.add_typer(command.app)
beacon.add_typer(flashing.app, name="flash")
beacon.add_typer(firmware_command.app, name="firmware")


@beacon.callback()
def _describe() -> None:
    """Beacons: make firmware for them, flash their boards, see what is on the air."""
