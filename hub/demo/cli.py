"""`ventanilla demo`: a street against a hub, in one terminal: breaks things, then reconciles to the cent.

Exit status: 0 it adds up, 1 it does not or something failed with a sentence, 130 interrupted.
"""

from pathlib import Path
from typing import Annotated, Final

import typer

from hub.demo.faces import Face
from hub.demo.show import Wishes, run
from hub.demo.texts import Language

COUNT_DEFAULT: Final = 2_000
TAKING_S: Final = 80.0
REPORTS_EACH_S: Final = 30
"""Of a larger count: what two cores play beside everything else."""
REPORTS: Final = Path(__file__).parents[3] / "shared" / "data" / "avisos_madrid_2021_2023.json"

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.callback(invoke_without_command=True)
def demo(
    count: Annotated[
        int, typer.Option(min=60, help="Reports of citizens; payments and more come on top.")
    ] = (COUNT_DEFAULT),
    *,
    stay: Annotated[bool, typer.Option("--stay", help="Leave everything running at the end.")] = False,
    seed: Annotated[int, typer.Option(help="Of the invented part of the town.")] = 1,
    lang: Annotated[
        str, typer.Option(envvar="LANG", show_envvar=False, help="es or en; the terminal's where absent.")
    ] = "es",
    reports: Annotated[
        Path | None,
        typer.Option(
            "--input", envvar="INPUT", exists=True, dir_okay=False, help="List of reports, GeoReport's names."
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Keep a moment of the live view there, as SVG.")
    ] = None,
    kiosk: Annotated[
        Face | None,
        typer.Option(
            envvar="KIOSK", help="The first kiosk's screen; else drawn unseen where it can be drawn."
        ),
    ] = None,
    display: Annotated[str, typer.Option(envvar="DISPLAY", show_envvar=False, help="For a window.")] = "",
    taking_s: Annotated[
        float | None, typer.Option(min=1, help="The events are spread over so many seconds.")
    ] = None,
) -> None:
    """Play a street against a hub, break things, reconcile to the last cent."""
    wishes = Wishes(
        count=count,
        stay=stay,
        seed=seed,
        language=Language.EN if lang[:2].lower() == "en" else Language.ES,
        reports=reports or REPORTS,
        picture=picture,
        face=kiosk,
        display=display,
        taking_s=taking_s or max(TAKING_S, count / REPORTS_EACH_S),
    )
    raise typer.Exit(run(wishes))
