"""`ventanilla device`: a device without a face, for integrators, technicians and the demonstration.

Exit status: 0 done or told to stop, 1 failed with a sentence, 2 not understood, 75 to be started again.
"""

import os
import select
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.adapters.enrolment_client import enrol as enrol_machine
from shared.edge.ending import until_told
from shared.edge.faceless import Faceless
from shared.edge.home import DeviceHome
from shared.edge.line_input import LineInput
from shared.edge.log import log_to_standard_error
from shared.edge.main import Device, look_at, open_device
from shared.edge.operations import RecentLog
from shared.edge.options import BACKOFF_CAP_S, BackoffCap, Home
from shared.model.errors import DeviceError, InputError, TransientError
from shared.protocol.enrolment import Token, is_address
from shared.protocol.parsing import encode

EMPTY_POLL_S = 0.05

app = typer.Typer(
    no_args_is_help=True, help="A street device: enrol it, run it without a face, ask how it does."
)


class NotEmptyError(TransientError):
    """Not everything was acknowledged in time; it is safe on the device. Look at its network and the hub."""


class AnswersUnheardError(DeviceError):
    """Nobody reads the answers any more; what was taken is safe. Start the reader, then the device, again."""


@app.command()
def enrol(
    home: Home,
    token: Annotated[
        str, typer.Option(help="What `ventanilla hub enrol` printed; - reads it from standard input.")
    ],
    hub: Annotated[
        str | None,
        typer.Option(help="host:port or https://host:port where the hub is reached, if not as printed."),
    ] = None,
) -> None:
    """Make this machine the device that a token names. A token lasts 15 minutes and serves once."""
    parsed = Token.parse(sys.stdin.readline() if token == "-" else token)  # noqa: S105 - a dash, no secret
    if hub is not None:
        address = hub.removeprefix("https://").rstrip("/").lower()
        if not is_address(address):
            raise InputError("a hub's address is host:port, e.g. hub.example.org:8443; correct --hub")
        parsed = replace(parsed, hub=address)
    with DeviceHome(home).locked():
        identity = enrol_machine(DeviceHome(home).identity, parsed)
    said = {
        "enrolled": identity.device,
        "site": identity.answer.site,
        "brokers": list(identity.answer.brokers),
    }
    typer.echo(encode(said).decode())


@app.command()
def status(home: Home) -> None:
    """Print how a device stands, as one JSON object; a stopped one is looked at in a copy."""
    typer.echo(encode(look_at(DeviceHome(home))).decode())


@app.command()
def run(
    home: Home,
    events: Annotated[
        str, typer.Option(help="File with one event a line, as JSON; - is standard input. See the manual.")
    ] = "-",
    per_second: Annotated[
        float | None, typer.Option(min=0.001, help="Take at most so many events a second.")
    ] = None,
    until_empty: Annotated[
        bool, typer.Option(help="After the last event, wait until the hub has everything, then end.")
    ] = False,
    timeout_s: Annotated[
        float, typer.Option(min=0, help="With --until-empty: how long to wait; then end with status 1.")
    ] = 300.0,
    status_every_s: Annotated[
        float | None,
        typer.Option(min=0.05, help="Write the status to standard error so often, a JSON object a line."),
    ] = None,
    backoff_cap_s: BackoffCap = BACKOFF_CAP_S,
) -> None:
    """Run a device: take events as JSON lines, answer each with a line, deliver them to the hub.

    It goes on delivering after the last event, until SIGTERM or, with --until-empty, until the hub has all.
    """
    recent = RecentLog()
    log_to_standard_error(recent)
    with ExitStack() as closing:
        ending = closing.enter_context(until_told())
        source = 0 if events == "-" else _open(events, closing)
        device = closing.enter_context(
            open_device(
                DeviceHome(home),
                backoff_cap_ms=int(backoff_cap_s * 1000),
                recent=recent,
                restart=ending.start_again,
            )
        )
        if status_every_s is not None:
            closing.callback(_tell_status(device, status_every_s))
        lines = LineInput(source, ending.told, per_second)
        with Faceless(
            device.teller, device.reader, device.clock, device.attaching, device.admission
        ) as faceless:
            for batch in lines.batches():
                _write(faceless.take(batch))
        if until_empty:
            _wait_until_empty(device, ending.told, timeout_s)
        else:
            select.select([ending.told], [], [])
    raise typer.Exit(ending.status)


def _open(path: str, closing: ExitStack) -> int:
    try:
        return closing.enter_context(Path(path).open("rb", buffering=0)).fileno()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); correct --events") from error


def _write(answers: bytes) -> None:
    try:
        while answers:
            answers = answers[os.write(1, answers) :]
    except OSError as error:
        raise AnswersUnheardError(AnswersUnheardError.__doc__) from error


def _wait_until_empty(device: Device, told: int, timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while (left := _left(device)) is not None and not select.select([told], [], [], EMPTY_POLL_S)[0]:
        if time.monotonic() > deadline_s:
            raise NotEmptyError(f"{NotEmptyError.__doc__} ({left})")


def _left(device: Device) -> str | None:
    """Say what the hub lacks; None where it has everything."""
    standing = device.look()
    lines, photographs = standing["unacknowledged"], standing["attachments"]["waiting"]
    return f"lines left: {lines}, photographs left: {photographs}" if lines or photographs else None


def _tell_status(device: Device, every_s: float) -> Callable[[], None]:
    """Write the status to standard error until the returned function is called."""
    done = threading.Event()

    def tell() -> None:
        while not done.wait(every_s):
            try:
                members: dict[str, Any] = device.look()
            except TimeoutError:
                members = {"state": "busy"}
            sys.stderr.write(encode({"status": members}).decode() + "\n")
            sys.stderr.flush()

    thread = threading.Thread(target=tell, name="live-view", daemon=True)
    thread.start()

    def end() -> None:
        done.set()
        thread.join()

    return end


if __name__ == "__main__":
    app()
