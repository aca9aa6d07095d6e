"""`ventanilla demo`: the demonstration's command line."""

import typer

app = typer.Typer(pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def demo() -> None:
    """Play a street against a hub, break things, reconcile to the last cent."""
