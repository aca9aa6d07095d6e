"""`ventanilla device run` as a real process: fed, listened to, stopped, frozen and killed by a test."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from shared.edge.home import DeviceHome
from shared.edge.status_socket import OwnerSilentError, ask_owner
from tests.support.polling import eventually

ROOT = Path(__file__).parents[2]
END_S = 30.0


def command(*words: str) -> list[str]:
    """The command line of `ventanilla device`."""
    return [sys.executable, "-m", "shared.cli", "device", *words]


def tap(counter: int, card: str = "04A2", **more: object) -> dict[str, object]:
    """A card that was held to the reader, as an integrator writes it."""
    data = {"counter": counter, "amount_minor": 150, "currency": "EUR", "product": "sencillo"}
    return {"type": "tap.charged", "data": data, "subject": {"kind": "card", "value": card}, **more}


def report(text: str, **more: object) -> dict[str, object]:
    """An incident, as an integrator writes it."""
    data = {"service_code": "aceras", "description": text, "channel": "kiosk"}
    return {"type": "incident.reported", "data": data, **more}


class DeviceProcess:
    """One process on one home.

    Args:
        home: of an enrolled device.
        options: more words for the command line.
        around: a command that runs another one, such as strace.
        program: what is run in place of `ventanilla device run`.

    Attributes:
        answers: what it has answered so far, in order.
    """

    def __init__(
        self,
        home: DeviceHome,
        *options: str,
        around: Sequence[str] = (),
        program: Sequence[str] | None = None,
    ) -> None:
        self.home = home
        self.answers: list[Mapping[str, Any]] = []
        usual = command("run", "--home", str(home.path), "--backoff-cap-s", "0.3", *options)
        self._process = subprocess.Popen(
            [*around, *(usual if program is None else program)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.complaints: list[str] = []
        self._listeners = [
            threading.Thread(target=self._listen),
            threading.Thread(target=self._hear_complaints),
        ]
        for listener in self._listeners:
            listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        return self._process.pid

    def give(self, events: Iterable[Mapping[str, object]], *, end: bool = False) -> None:
        """Write events; `end` says that there are no more."""
        self.write(
            "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events).encode(), end=end
        )

    def write(self, raw: bytes, *, end: bool = False) -> None:
        """Write bytes; what a process that is being killed no longer reads is lost."""
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.write(raw)
            self._process.stdin.flush()
            if end:
                self._process.stdin.close()

    def taken(self) -> list[str]:
        """The ids that it said it took."""
        return [answer["taken"]["id"] for answer in list(self.answers) if "taken" in answer]

    def wait_for_answers(self, count: int, *, timeout_s: float = 40.0) -> Sequence[Mapping[str, Any]]:
        """Wait until it has answered so often."""
        eventually(
            lambda: len(self.answers) >= count or self._process.poll() is not None,
            timeout_s=timeout_s,
            what=f"{count} answers",
        )
        assert len(self.answers) >= count, self.complaints
        return self.answers

    def status(self) -> Mapping[str, Any]:
        """Ask its socket; empty while it does not answer."""
        try:
            return ask_owner(self.home.run)
        except OwnerSilentError:
            return {}

    def wait_for_status(self, **wanted: object) -> Mapping[str, Any]:
        """Wait until it says so."""

        def look() -> Mapping[str, Any]:
            status = self.status()
            return status if all(status.get(name) == value for name, value in wanted.items()) else {}

        return eventually(look, timeout_s=20, what=str(wanted))

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process.poll() is None:
            self._process.kill()
        self._end()

    def stop(self) -> int:
        """Ask it to end, and return its status."""
        self._process.terminate()
        return self.wait()

    def has_ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def wait(self) -> int:
        """Wait for its end and return its status."""
        self._process.wait(END_S)
        self._end()
        return self._process.returncode

    def _end(self) -> None:
        self._process.wait(END_S)
        for listener in self._listeners:
            listener.join(END_S)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.endswith(b"\n"):  # half an answer was not given
                self.answers.append(json.loads(line))

    def _hear_complaints(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            self.complaints.append(line.decode())
