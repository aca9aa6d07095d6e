"""`ventanilla hub` as a real process on its own home: started, asked, killed and started again by a test."""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from http.client import HTTPSConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from shared.adapters.enrolment_client import enrol
from shared.edge.home import DeviceHome
from shared.edge.seam import Taken
from shared.protocol.enrolment import Token
from tests.support.polling import eventually
from tests.support.town import free_port

ROOT = Path(__file__).parents[2]
START_S = 120.0
STOP_S = 40.0


class HubProcess:
    """A hub and its home; ports stay the same when it is started again.

    Args:
        home: an empty folder of the test; the second copy of the keys lies beside it.
        settings: by their names in config.toml.
    """

    def __init__(self, home: Path, **settings: object) -> None:
        self.home = home
        self.port = free_port()
        self.broker_port = free_port()
        ports = {"api_port": self.port, "broker_port": self.broker_port}
        chosen = {"key_copy_dir": str(home.parent / "copy"), **ports, **settings}
        self._environment = {
            **os.environ,
            **{f"VENTANILLA_{name.upper()}": str(value) for name, value in chosen.items()},
            "VENTANILLA_HOME": str(home),
        }
        self._log = home.parent / "hub.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._around = False

    def __enter__(self) -> Self:
        self.command("init")
        try:
            self.start()
        except AssertionError:
            self.kill()  # nobody else would: a hub that came too late would stay for ever
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    # ---- the process

    def start(self, *, wait_until_ready: bool = True, around: Sequence[str] = ()) -> None:
        """Start it; return when it takes what devices say.

        Args:
            wait_until_ready: False returns at once.
            around: a command that runs another one and ends with it, such as strace.
        """
        (self.home / "run" / "ports.json").unlink(missing_ok=True)
        self._around = bool(around)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*around, sys.executable, "-m", "shared.cli", "hub", "run"],
                cwd=ROOT,
                env=self._environment,
                stderr=log,
                start_new_session=self._around,
            )
        if wait_until_ready:
            eventually(self._is_ready, timeout_s=START_S, what="the hub's readiness")

    def stop(self) -> None:
        """Stop it as a service manager does."""
        assert self._process
        self._process.terminate()
        assert self._process.wait(STOP_S) == 0, self.log()
        self._process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            if self._around:  # whatever runs it, and the hub: it may just be starting it
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process
        return self._process.pid

    def has_ended(self) -> bool:
        """Whether it ended without having been asked to."""
        return self._process is not None and self._process.poll() is not None

    def is_ready(self) -> bool:
        """Whether it takes what devices say; it may just be starting, or have ended."""
        return not self.has_ended() and self._is_ready()

    def log_text(self) -> str:
        """What it has written to its log."""
        return self._log.read_text() if self._log.exists() else ""

    def log(self) -> list[dict[str, Any]]:
        """The same, line by line; without one that a kill tore, and on which the next life goes on."""
        lines: list[dict[str, Any]] = []
        for line in self.log_text().splitlines():
            with suppress(json.JSONDecodeError):
                lines += [json.loads(line)] if line.startswith("{") else []
        return lines

    # ---- the command line

    def command(self, *words: str) -> str:
        """Run `ventanilla hub …` and return what it prints."""
        done = self.try_command(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def try_command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `ventanilla hub …`, whatever comes of it."""
        return subprocess.run(
            [sys.executable, "-m", "shared.cli", "hub", *words],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def enrol(self, device: str, home: Path, kind: str = "kiosk") -> DeviceHome:
        """Enrol a device into a home, with a printed token."""
        machine = DeviceHome(home)
        enrol(machine.identity, Token.parse(self.command("enrol", device, "--kind", kind)))
        return machine

    # ---- the API

    @property
    def token(self) -> str:
        """The token of its API."""
        return (self.home / "keys" / "api-token").read_text()

    def ask(
        self, method: str, path: str, body: object = None, *, token: str | None = None
    ) -> tuple[int, Any]:
        """Call the API; return the status and the body, JSON where it is."""
        context = ssl.create_default_context(cafile=str(self.home / "keys" / "ca.crt"))
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)
        shown = self.token if token is None else token
        headers = {"Authorization": f"Bearer {shown}"} if shown else {}
        content = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, content, {**headers, "Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        is_json = "json" in answer.headers.get("Content-Type", "")
        return answer.status, json.loads(said) if is_json and said else said.decode()

    def fetch(self, path: str, authorization: str = "") -> tuple[int, bytes]:
        """Get something without the API's token; return the status and the very bytes."""
        context = ssl.create_default_context(cafile=str(self.home / "keys" / "ca.crt"))
        with closing(HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)) as connection:
            connection.request("GET", path, headers={"Authorization": authorization} if authorization else {})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def post_bytes(self, path: str, body: bytes) -> Any:  # noqa: ANN401  JSON
        """Post a body as it is, without a token, and expect that it is done."""
        context = ssl.create_default_context(cafile=str(self.home / "keys" / "ca.crt"))
        with closing(HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)) as connection:
            connection.request("POST", path, body)
            answer = connection.getresponse()
            said = answer.read()
        assert answer.status == 200, said
        return json.loads(said)

    def send_chunks(self, path: str, chunks: Iterable[bytes]) -> int:
        """Post a body of unannounced length, without a token; return the status."""
        context = ssl.create_default_context(cafile=str(self.home / "keys" / "ca.crt"))
        with closing(HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)) as connection:
            with suppress(OSError):  # the hub may hang up while the rest is still on its way
                connection.request("POST", path, chunks, encode_chunked=True)
            return connection.getresponse().status

    def get(self, path: str) -> Any:  # noqa: ANN401  JSON
        """Ask, and expect an answer."""
        status, said = self.ask("GET", path)
        assert status == 200, said
        return said

    def post(self, path: str, body: object = None) -> Any:  # noqa: ANN401  JSON
        """Order, and expect that it is done."""
        status, said = self.ask("POST", path, body)
        assert status == 200, said
        return said

    def metrics(self) -> Mapping[str, float]:
        """Every figure by its name with labels."""
        lines = [line for line in self.get("/metrics").splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def fates(self, device: str, taken: Sequence[Taken]) -> list[str]:
        """What became of events that a device took."""
        events = [
            {
                "device": device,
                "event_id": one.event_id,
                "stream": one.stream,
                "epoch": one.epoch,
                "seq": one.seq,
            }
            for one in taken
        ]
        return [event["fate"] for event in self.post("/v1/reconciliation", events)["events"]]

    def wait_for_fates(self, device: str, taken: Sequence[Taken], fate: str = "committed") -> None:
        """Wait until all of them have met the same fate."""
        eventually(lambda: set(self.fates(device, taken)) == {fate}, timeout_s=90, what=f"all of them {fate}")

    def _is_ready(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self._log.read_text()
        try:
            return self.ask("GET", "/ready")[0] == 200
        except OSError:
            return False
