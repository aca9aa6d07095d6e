"""The reference core as a real process: started, ordered about, killed and started again by a test."""

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from hub.core.exchange import Endpoint
from tests.support.polling import eventually

START_S = 120.0


class ReferenceCore:
    """One reference core, its database and its port; both outlive a kill.

    Args:
        folder: where its database and its ports file lie.
        options: more words for the command line, e.g. `--plain`.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self._token = secrets.token_hex(16)
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(trust_env=False)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self.client.close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def endpoint(self, *, timeout_s: float = 10.0) -> Endpoint:
        """Where the core listens, also after it was killed."""
        return Endpoint(base_url=self.base_url, timeout_s=timeout_s, connect_timeout_s=min(1.0, timeout_s))

    def start(self) -> None:
        """Start it, the first time on a free port, later on the same one."""
        ports = self._folder / "ports.json"
        ports.unlink(missing_ok=True)
        database = str(self._folder / "core.db")
        places = ["--database", database, "--port", str(self._port), "--ports-file", str(ports)]
        command = [sys.executable, "-m", "hub.core.reference.cli", *places, *self._options]
        environment = {**os.environ, "VENTANILLA_CORE_CONTROL_TOKEN": self._token}
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        eventually(lambda: ports.exists() or self._process_ended(), timeout_s=START_S, what="the core's port")
        self._port = json.loads(ports.read_text())["core"]

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def wait_until_dead(self) -> None:
        """Wait for a crash that was ordered."""
        assert self._process
        self._process.wait(timeout=10)
        self._process = None

    def order(self, mode: object, **order: object) -> None:
        """Tell it to misbehave; see `hub/core/reference/control.py`."""
        self._ask("POST", "/control", {"mode": mode, **order})

    def put_status(self, reference: str, status: str, *, picture: bytes = b"", **more: str) -> str:
        """Do what a clerk of the back office does, and return the request's number."""
        if picture:
            more["picture"] = base64.b64encode(picture).decode()
        said = self._ask("POST", "/requests/status", {"reference": reference, "status": status, **more})
        return str(said["service_request_id"])

    def effects(self) -> Mapping[str, Any]:
        """Its own count of what took effect, once nothing is under way that could still do so."""
        effects = eventually(self._final_effects, what="the core at rest")
        assert effects
        return effects

    def journal(self, kind: str) -> list[Mapping[str, Any]]:
        """What took effect of one kind, in order."""
        rows: list[Mapping[str, Any]] = []
        while page := self._ask("GET", f"/effects/journal?after={rows[-1]['n'] if rows else 0}"):
            rows += page
        return [row for row in rows if row["kind"] == kind]

    def effects_after(self, n: int) -> list[int]:
        """The numbers of what took effect after number `n`, of every kind; so many at most as a page has."""
        return [row["n"] for row in self._ask("GET", f"/effects/journal?after={n}")]

    def counts(self, kind: str) -> Counter[str]:
        """How often each key of one kind took effect."""
        return Counter(row["key"] for row in self.journal(kind))

    def mail(self) -> list[Mapping[str, Any]]:
        """What citizens wrote and said, as it was sent, in order."""
        return [row["body"] for row in self._ask("GET", "/mail")]

    def answer_mail(self, reference: str, answer: str, **more: str) -> None:
        """Answer what a citizen wrote, as a clerk of the back office does."""
        self._ask("POST", "/mail/answers", {"reference": reference, "answer": answer, **more})

    def media(self) -> list[Mapping[str, Any]]:
        """The photographs that its requests name, and what it fetched of them."""
        return self._ask("GET", "/media")

    def photograph(self, number: int) -> bytes:
        """The bytes of one that it fetched."""
        headers = {"authorization": f"Bearer {self._token}"}
        answer = self.client.get(f"{self.base_url}/media/{number}", headers=headers)
        answer.raise_for_status()
        return answer.content

    def _final_effects(self) -> Mapping[str, Any] | None:
        effects = self._ask("GET", "/effects")
        return None if effects["under_way"] else effects

    def _ask(self, method: str, path: str, order: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401  JSON
        headers = {"authorization": f"Bearer {self._token}"}
        content = json.dumps(order) if order else None
        if content:
            headers["content-type"] = "application/json"
        answer = self.client.request(method, self.base_url + path, headers=headers, content=content)
        answer.raise_for_status()
        return answer.json()

    def _process_ended(self) -> bool:
        assert self._process
        assert self._process.poll() is None, "the reference core ended at its start"
        return False
