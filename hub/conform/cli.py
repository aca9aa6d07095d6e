"""`ventanilla conform`: does a device keep the protocol? Enrol it here, let it take events, read the report.

Exit status: 0 every sentence that was seen held, 5 one was broken, 1 failed with a sentence.
"""

import json
import logging
import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer
from rich.console import Console
from rich.table import Table

from hub.conform.counterpart import Counterpart
from hub.conform.listener import Listener
from hub.conform.stand import Stand, open_stand
from hub.conform.trials import TRIALS, cut, restarted
from hub.conform.verdicts import Outcome, Verdict, Verdicts
from hub.ingest.opening import Opener
from hub.keys.registry import UnknownDeviceError
from shared.adapters.durable_files import write_whole
from shared.model.errors import InputError, TransientError
from shared.protocol import limits

BROKEN: Final = 5
POLL_S: Final = 0.2
COLOURS: Final = {Outcome.HELD: "green", Outcome.BROKEN: "red", Outcome.NOT_SEEN: "yellow"}

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


class NotEnrolledError(TransientError):
    """No device was enrolled with the token in time; start the kit again and enrol it within 15 minutes."""


@app.callback(invoke_without_command=True)
def conform(
    device: Annotated[str, typer.Option(help="The name that the device gets.")] = "device-1",
    host: Annotated[str, typer.Option(help="Where the device reaches this machine.")] = "127.0.0.1",
    start: Annotated[
        str | None,
        typer.Option(help="Command that starts the device; {token} is the token. The kit also kills it."),
    ] = None,
    long: Annotated[bool, typer.Option("--long", help="Also what takes more than a minute.")] = False,
    report: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the verdicts there, as JSON.")
    ] = None,
) -> None:
    """Judge a device against the protocol's sentences, in about a minute.

    The device needs to take an event of payments and one of cases about every second, by itself.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="ventanilla-conform-") as folder,
        open_stand(Path(folder), device, host) as stand,
        _machine(start, stand.token) as machine,
    ):
        if start is None:
            console.print("Enrol the device with this token within 15 minutes, and let it take events:")
            console.print(stand.token, soft_wrap=True)
        verdicts = _judge(console, stand, device, machine, long=long)
    _print(console, verdicts)
    if report is not None:
        write_whole(report, json.dumps([asdict(verdict) for verdict in verdicts], indent=1).encode())
    if any(verdict.outcome is Outcome.BROKEN for verdict in verdicts):
        raise typer.Exit(BROKEN)


class Machine:
    """The device, where the kit starts it."""

    def __init__(self, command: str, token: str) -> None:
        """Take the command; it does not run yet."""
        self._words = [word.replace("{token}", token) for word in shlex.split(command)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it.

        Raises:
            InputError: the command cannot be run.
        """
        try:
            self._process = subprocess.Popen(self._words, stdout=subprocess.DEVNULL, start_new_session=True)
        except OSError as error:
            raise InputError(f"the device cannot be started ({error.strerror}); correct --start") from error

    def kill(self) -> None:
        """Kill it and all that it started."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def start_again(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()


@contextmanager
def _machine(command: str | None, token: str) -> Generator[Machine | None]:
    if command is None:
        yield None
        return
    machine = Machine(command, token)
    machine.start()
    try:
        yield machine
    finally:
        machine.kill()


def _judge(
    console: Console, stand: Stand, device: str, machine: Machine | None, *, long: bool
) -> Sequence[Verdict]:
    """Wait for the device and put it through every trial."""
    verdicts = Verdicts()
    listener = Listener(device, verdicts, Opener(stand.room.keys.sealing))
    with console.status("Waiting for the device …"):
        listener.signing = _signing_keys(stand, device)
    hub = Counterpart(stand, stand.room.registry, listener, verdicts)
    for trial in TRIALS:
        if long or not trial.long:
            with console.status(f"{trial.title} …"):
                trial.run(hub)
            console.print(f"  {trial.title}")
    with console.status("The connection is cut …"):
        cut(hub, stand.cut)
    console.print("  The connection is cut")
    if machine is not None:
        with console.status("It is killed and started again …"):
            restarted(hub, machine.start_again)
        console.print("  It is killed and started again")
    return verdicts.all()


def _signing_keys(stand: Stand, device: str) -> Sequence[bytes]:
    deadline_s = time.monotonic() + limits.ENROLMENT_TOKEN_LIFE_MS / 1000
    while time.monotonic() < deadline_s:
        try:
            return stand.room.registry.device(device).signing
        except UnknownDeviceError:
            time.sleep(POLL_S)
    raise NotEnrolledError(NotEnrolledError.__doc__)


def _print(console: Console, verdicts: Sequence[Verdict]) -> None:
    table = Table("sentence", "asks that", "verdict", "times", "seen")
    for verdict in verdicts:
        colour = COLOURS[verdict.outcome]
        times = str(verdict.times) if verdict.times else ""
        outcome = f"[{colour}]{verdict.outcome}[/]"
        table.add_row(verdict.sentence, verdict.asks, outcome, times, "\n".join(verdict.evidence))
    console.print(table)
    counts = {outcome: sum(verdict.outcome is outcome for verdict in verdicts) for outcome in Outcome}
    console.print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
