"""The command `ventanilla`: one name in front of the commands that each package brings along.

Here: finding those commands (entry points of the group `ventanilla.commands`), mounting the one that is asked
for, and turning a project error into one sentence. Not here: any command of its own.

Rules: only the command that was asked for is imported, so that a device never loads the hub. A command
whose extra is not installed names the extra and ends with status 3. A bug keeps its traceback, without local
values: they could hold what a citizen typed.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points, version
from typing import Annotated, NoReturn

import typer

from shared.adapters.loading import loading
from shared.model.errors import VentanillaError

GROUP = "ventanilla.commands"
EXIT_FAILED = 1
EXIT_NOT_INSTALLED = 3
EXTRA_OF_PACKAGE = {"beacon_node": "beacon", "hub": "hub", "kiosk_app": "kiosk", "shared": "device"}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its status.

    Args:
        arguments: The words after the program's name; the process's own when absent.

    Raises:
        SystemExit: Always: 0 done, 1 failed with a sentence, 2 not understood, 3 something is not installed.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        build(words[0] if words else None)(words, prog_name="ventanilla")
    except VentanillaError as error:
        typer.echo(f"ventanilla: {error}", err=True)
        sys.exit(EXIT_FAILED)
    sys.exit(0)


def build(wanted: str | None) -> typer.Typer:
    """Build the command line, importing only what is needed.

    Args:
        wanted: The command that will run. What is no command's name (nothing, `--help`, a typing error)
            mounts every command, as the help that follows lists them; `--version` needs none.

    Returns:
        The application with its commands mounted.
    """
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
    app.callback()(_describe)
    found = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    named = [point for point in found if point.name == wanted] or found
    for point in [] if wanted == "--version" else named:
        _mount(app, point)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(version("ventanilla"))
        raise typer.Exit


def _describe(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Ventanilla: the town hall's service window in the street, and the hub behind it."""


def _mount(app: typer.Typer, point: EntryPoint) -> None:
    """Mount one package's commands, or in their place a sentence about what is not installed."""
    package = point.module.partition(".")[0]
    try:
        with loading():
            commands = point.load()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in EXTRA_OF_PACKAGE or package not in EXTRA_OF_PACKAGE:
            raise  # a module of ours that does not exist is a bug, not a missing extra
        remedy = (
            f"`{point.name}` needs the Python package `{missing}`, which is not installed. "
            f"Install it with: pip install 'ventanilla[{EXTRA_OF_PACKAGE[package]}]'"
        )
        _mount_remedy(app, point.name, remedy)
        return
    app.add_typer(commands, name=point.name)


def _mount_remedy(app: typer.Typer, name: str, remedy: str) -> None:
    """Mount a command that takes any words and answers with what to install."""
    anything = {"allow_extra_args": True, "ignore_unknown_options": True}

    @app.command(name, help=f"Not installed. {remedy}", context_settings=anything)
    def explain() -> None:
        typer.echo(remedy, err=True)
        raise typer.Exit(EXIT_NOT_INSTALLED)


if __name__ == "__main__":
    main()
