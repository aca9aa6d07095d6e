"""Options that every program on a device has: where its folder is, and how patiently it dials."""

from pathlib import Path
from typing import Annotated, Final

import typer

from shared.protocol import limits

Home = Annotated[
    Path,
    typer.Option(file_okay=False, help="The device's folder: identity, data and run.", show_default=False),
]
BACKOFF_CAP_S: Final = limits.BACKOFF_MAX_MS / 1000
"""What is usual, and the most that may be named."""
BackoffCap = Annotated[
    float,
    typer.Option(
        "--backoff-cap-s",
        min=0.1,
        max=BACKOFF_CAP_S,
        help="The longest wait between two attempts to reach the hub.",
    ),
]
