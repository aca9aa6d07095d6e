"""`ventanilla verify`: looks at a citizen's receipt, without asking anybody.

Exit status: 0 genuine, 1 failed with a sentence, 2 not understood, 5 not genuine.
"""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from shared.model.errors import DeviceError, InputError
from shared.model.wording import Language
from shared.protocol.receipt_words import receipt_said, verdict_said
from shared.protocol.receipts import KEYS_BYTES_MAX, SHOWN_LENGTH_MAX, TownKeys, Verdict, judge

NOT_GENUINE: Final = 5

app = typer.Typer(
    help="Check a citizen's receipt with the town's public keys, without a network.",
    context_settings={"allow_interspersed_args": True},
)


class NoReaderError(DeviceError):
    """This machine has nothing that reads QR codes; install pyzbar and Pillow, or give the text instead."""


@app.callback(invoke_without_command=True)
def verify(
    text: Annotated[str, typer.Argument(help="The receipt, VT1:…; - reads it from standard input.")] = "-",
    *,
    keys: Annotated[
        Path, typer.Option(dir_okay=False, help="The town's public keys (`ventanilla hub town-keys`).")
    ],
    image: Annotated[
        Path | None, typer.Option(dir_okay=False, help="A picture of its QR code, in place of the text.")
    ] = None,
    language: Annotated[Language, typer.Option(help="Of the answer.")] = Language.ES,
) -> None:
    """Say what a receipt is worth, and what it says."""
    judgement = judge(_shown(text, image), _keys(keys).by_id())
    typer.echo(verdict_said(judgement, language))
    said = receipt_said(judgement, language)
    if said is not None:
        typer.echo(said)
    if judgement.verdict is not Verdict.GENUINE:
        raise typer.Exit(NOT_GENUINE)


def _shown(text: str, image: Path | None) -> str:
    if image is not None:
        return _read_image(image)
    return sys.stdin.read(SHOWN_LENGTH_MAX + 1) if text == "-" else text


def _keys(path: Path) -> TownKeys:
    try:
        with path.open("rb") as file:
            return TownKeys.from_body(file.read(KEYS_BYTES_MAX + 1))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); correct --keys") from error


def _read_image(path: Path) -> str:
    # Only who looks at pictures needs what reads them.
    try:
        from shared.adapters.qr_codes import read_qr_codes  # noqa: PLC0415  see above
    except ImportError as error:
        raise NoReaderError(NoReaderError.__doc__) from error
    found = read_qr_codes(path)
    if not found:
        raise InputError(f"{path} shows no QR code that can be read; take the picture again, from nearer")
    return next((text for text in found if "VT" in text), found[0])
