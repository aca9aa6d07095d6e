"""The commands about copies of the data: `backup`, `restore`, `drill`.

Not here: what they do (`hub.recovery.copying`), which is loaded when one of them runs.
"""

from pathlib import Path
from typing import Annotated

import typer

from hub.config import load_config

app = typer.Typer()
Home = Annotated[
    Path | None, typer.Option("--home", help="The hub's folder; VENTANILLA_HOME, or ./ventanilla-hub.")
]
Copy = Annotated[Path, typer.Argument(help="A backup, or the folder in journal_copy_dir.")]


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The copy; a file that is not there yet, on another disk.")],
    home: Home = None,
) -> None:
    """Copy the database and prove the copy, also while the hub runs; keys and photographs are not in it."""
    from hub.recovery import copying  # noqa: PLC0415  see above

    copying.backup(load_config(home), target)


@app.command()
def drill(
    copy: Copy,
    scratch: Annotated[
        Path | None, typer.Option(help="Where the database is made for the time of the drill.")
    ] = None,
) -> None:
    """Prove that a copy can be restored, without touching any hub."""
    from hub.recovery import copying  # noqa: PLC0415  see above

    copying.drill(copy, scratch)


@app.command()
def restore(copy: Copy, home: Home = None) -> None:
    """Put a copy in the place of the database of a hub that is stopped, and say what follows."""
    from hub.recovery import copying  # noqa: PLC0415  see above

    copying.restore(load_config(home), copy)
