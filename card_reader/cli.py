"""`ventanilla reader`: the card terminal, its driver's keys, and what a technician asks of it.

Exit status: 0 done or told to stop, 1 failed with a sentence, 2 not understood, 75 to be started again.
"""

import sys
from pathlib import Path
from secrets import token_bytes
from typing import Annotated, Any

import typer

from card_reader.citizen_card import layout
from card_reader.keys.sealed import SoftwareKeys
from card_reader.owner.cab import Place
from card_reader.owner.driver import ask_driver
from card_reader.owner.running import KEYS, ReaderOptions, run_reader, sealing_secret
from shared.adapters import device_keys
from shared.adapters.device_keys import Identity
from shared.adapters.durable_files import write_whole
from shared.edge.ending import until_told
from shared.edge.home import DeviceHome
from shared.edge.log import log_to_standard_error
from shared.edge.operations import RecentLog
from shared.edge.options import BACKOFF_CAP_S, BackoffCap, Home
from shared.model.errors import InputError
from shared.model.fares import Fares
from shared.model.fields import text, whole
from shared.model.tariff import Tariff
from shared.model.wording import Language
from shared.protocol.parsing import encode, parse_object

KEY_HEX_LENGTH = 32
NUMBER_MAX = 255
FARES_BYTES_MAX = 1 << 20
SEALED_LENGTH_MAX = 16_384
"""In hexadecimal: more versions of one key than there can be."""

reader = typer.Typer(no_args_is_help=True, help="A card terminal: run it, key for its driver, look after it.")

Line = Annotated[int, typer.Option(help="The line, by its number.")]
Stop = Annotated[int, typer.Option(help="The stop, by its number.")]
Zone = Annotated[int, typer.Option(help="The stop's zone, 1 to 16.")]


@reader.command()
def run(
    home: Home,
    *,
    name: Annotated[
        str, typer.Option(help="How the reader's name begins, as `pcsc_scan` shows it; else the first.")
    ] = "",
    line: Line = 1,
    stop: Stop = 1,
    zone: Zone = 1,
    language: Annotated[Language, typer.Option(help="Of the words on the display.")] = Language.ES,
    fares: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Fares until the town's bundle comes, in the bundle's form."),
    ] = None,
    backoff_cap_s: BackoffCap = BACKOFF_CAP_S,
) -> None:
    """Run the terminal of a device that was enrolled and has card keys, until SIGTERM."""
    recent = RecentLog()
    log_to_standard_error(recent)
    options = ReaderOptions(
        reader=name,
        place=Place(line=line, stop=stop, zone=zone),
        language=language,
        tariff=None if fares is None else _tariff(fares),
        backoff_cap_ms=int(backoff_cap_s * 1000),
    )
    with until_told() as ending:
        run_reader(DeviceHome(home), options, ending.told, recent, ending.start_again)
    raise typer.Exit(ending.status)


@reader.command()
def load_keys(home: Home) -> None:
    """Take the town's card keys from standard input and seal them to this device; what it had is replaced.

    The line that `ventanilla hub card-keys terminal-keys` prints for this device; or a line a key:
    {"number":1,"version":1,"key":"00112233445566778899aabbccddeeff"}. Number 1 is the tap's.
    """
    folder = DeviceHome(home)
    with folder.locked():
        identity = device_keys.load(folder.identity)
        keys: dict[tuple[int, int], bytes] = {}
        for given in sys.stdin.buffer:
            if not given.strip():
                continue
            said = parse_object(given)
            if "sealed" in said:
                keys |= _sealed_keys(said, identity)
                continue
            keys[whole(said, "number", 0, NUMBER_MAX), whole(said, "version", 0, NUMBER_MAX)] = _key(said)
        if not keys:
            raise InputError("there was no key on standard input; give a line for each")
        sealed = SoftwareKeys(keys).sealed(sealing_secret(identity), identity.device, token_bytes)
        write_whole(folder.identity / KEYS, sealed)
    typer.echo(f"{len(keys)} card keys are sealed to {identity.device}")


@reader.command()
def passengers(
    count: Annotated[int, typer.Argument(help="How many ride on the next card.")], home: Home
) -> None:
    """Key passengers for the next card; for one minute."""
    _ask(home, do="passengers", count=count)


@reader.command()
def cancel(home: Home) -> None:
    """Take the last tap back, when its card is held there again; for one minute."""
    _ask(home, do="cancel")


@reader.command()
def clear(home: Home) -> None:
    """Take back what was keyed."""
    _ask(home, do="clear")


@reader.command()
def trip(home: Home, line: Line, stop: Stop, zone: Zone) -> None:
    """Say where the bus is."""
    _ask(home, do="trip", line=line, stop=stop, zone=zone)


@reader.command()
def free_ride(
    reason: Annotated[str, typer.Argument(help="Why, in one word that the town knows.")], home: Home
) -> None:
    """Count somebody who rides without a card."""
    _ask(home, do="free_ride", reason=reason)


@reader.command()
def taps(home: Home) -> None:
    """Print how many taps are how far, and those of which nobody knows whether they happened."""
    _ask(home, do="taps")


def _ask(home: Path, **asked: Any) -> None:  # noqa: ANN401  what each command asks
    typer.echo(encode(ask_driver(DeviceHome(home).run, asked)).decode())


def _sealed_keys(said: dict[str, object], identity: Identity) -> dict[tuple[int, int], bytes]:
    """The tap's keys as the hub sealed them to this device."""
    written = text(said, "sealed", SEALED_LENGTH_MAX)
    try:
        file = bytes.fromhex(written)
    except ValueError:
        raise InputError("a sealed line is hexadecimal; take it anew from the hub") from None
    store = SoftwareKeys.opened(file, identity.keys.links.up.key, identity.device)
    return {(layout.TAP_KEY, version): key for version, key in store.towns_own(layout.TAP_KEY).items()}


def _key(said: dict[str, object]) -> bytes:
    written = text(said, "key", KEY_HEX_LENGTH)
    try:
        key = bytes.fromhex(written)
    except ValueError:
        key = b""
    if 2 * len(key) != KEY_HEX_LENGTH:
        raise InputError("a key is 16 bytes in hexadecimal; correct the line")
    return key


def _tariff(path: Path) -> Tariff:
    try:
        with path.open("rb") as file:
            tap = Fares.from_data(parse_object(file.read(FARES_BYTES_MAX))).tap
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); correct --fares") from error
    if tap is None:
        raise InputError(f"{path} says nothing of what a tap costs; add `tap`, or leave --fares away")
    return tap
