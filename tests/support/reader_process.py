"""`ventanilla reader run` as a real process on a real pcscd: shown cards, keyed, killed and started again."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from card_reader.owner.driver import ask_driver
from shared.edge.home import DeviceHome
from shared.edge.status_socket import OwnerSilentError, ask_owner
from shared.model.tariff import Tariff
from tests.support.cards import Town, tariff
from tests.support.pcsc import Pcscd
from tests.support.polling import eventually

ROOT = Path(__file__).parents[2]
END_S = 30.0
START_S = 90.0


def load_keys(home: DeviceHome, town: Town) -> subprocess.CompletedProcess[str]:
    """Give a device the town's tap key, as a technician does."""
    return load_lines(home, json.dumps({"number": 1, "version": 1, "key": town.masters[1].hex()}))


def load_lines(home: DeviceHome, given: str) -> subprocess.CompletedProcess[str]:
    """Give a device keys on the standard input of `load-keys`."""
    return subprocess.run(
        _command("load-keys", "--home", str(home.path)),
        input=given,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


def write_fares(path: Path, rules: Tariff | None = None) -> Path:
    """The fares of the tests, in the form of their bundle."""
    product = {"product": "1", "name": {"es": "Billete"}, "amount_minor": 130, "currency": "EUR"}
    path.write_text(json.dumps({"products": [product], "tap": (rules or tariff()).to_data()}))
    return path


class ReaderProcess:
    """One process on one home.

    Args:
        home: of an enrolled device.
        pcscd: where its reader is.
        options: more words for the command line.

    Attributes:
        shown: the lines of its display.
        shown_s: when each of them was heard, by `time.perf_counter`.
        complaints: its log.
    """

    wrapped: tuple[str, ...] = ()
    """What the command is run by."""

    def __init__(self, home: DeviceHome, pcscd: Pcscd, *options: str) -> None:
        self.home = home
        self.shown: list[str] = []
        self.shown_s: list[float] = []
        self.complaints: list[str] = []
        words = ("run", "--home", str(home.path), "--backoff-cap-s", "0.3", "--language", "es", *options)
        self._process = subprocess.Popen(
            [*self.wrapped, *_command(*words)],
            cwd=ROOT,
            env={**os.environ, **pcscd.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._listeners = [
            threading.Thread(target=self._listen, args=(self._process.stdout, self.shown)),
            threading.Thread(target=self._listen, args=(self._process.stderr, self.complaints)),
        ]
        for listener in self._listeners:
            listener.start()

    def wait_until_it_serves(self) -> None:
        """Wait until it has found its reader."""
        eventually(
            lambda: self.status().get("reader", {}).get("trouble") == "",
            timeout_s=START_S,
            what=lambda: f"a reader: {self.status()} {self.complaints[-5:]}",
        )

    def next_line(self, count: int = 1) -> str:
        """Wait until so many lines were shown; return the last of them."""
        eventually(
            lambda: len(self.shown) >= count,
            timeout_s=START_S,
            what=lambda: f"{count} lines: {self.shown} {self.complaints[-5:]}",
        )
        return self.shown[count - 1]

    def status(self) -> Mapping[str, Any]:
        """How it stands; empty while it does not answer."""
        try:
            return ask_owner(self.home.run)
        except OwnerSilentError:
            return {}

    def ask(self, **asked: object) -> Mapping[str, Any]:
        """Key something, as the driver's commands do."""
        return ask_driver(self.home.run, asked)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._end()

    def stop(self) -> int:
        """Ask it to end; return its status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._end()

    def wait(self) -> int:
        """Wait until it ends by itself."""
        return self._end()

    def _end(self) -> int:
        status = self._process.wait(END_S)
        for listener in self._listeners:
            listener.join(END_S)
        for stream in (self._process.stdout, self._process.stderr):
            assert stream
            stream.close()
        return status

    def _listen(self, stream: IO[str] | None, into: list[str]) -> None:
        for line in stream or ():
            if into is self.shown:
                self.shown_s.append(time.perf_counter())
            into.append(line.rstrip("\n"))


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "shared.cli", "reader", *words]
