"""The town hall's two processes, hub and core, on free ports that stay the same after a restart."""

import json
import secrets
import shutil
import subprocess
import time
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.config import CONFIG_FILE
from hub.demo import processes
from hub.demo.asking import AwayError, Door
from hub.demo.town import BEACONS, SITES
from hub.keys.authority import CA_CERTIFICATE
from hub.keys.hub_keys import API_TOKEN
from shared.adapters.enrolment_client import enrol
from shared.adapters.ports import own_ports
from shared.adapters.tls import client_context
from shared.edge.home import DeviceHome
from shared.model.errors import DeviceError
from shared.protocol.enrolment import TOKENS_PATH, Token
from shared.protocol.receipts import TownKeys

SHORT: Final = "/tmp"  # noqa: S108  whatever TMPDIR says; what is made there is private
START_S: Final = 60.0
HOLD_S: Final = 8
BUNDLE_S: Final = 86_400
WHO: Final = "demo"
TOWN_HALL: Final = "Ayuntamiento"
STAND_IN: Final = "device"
"""What speaks for a beacon here: a program without an air key, so not of a beacon's kind."""
BROKER: Final = "nats-server"


class NotStartedError(DeviceError):
    """A part of the demonstration did not start; its log says why."""


class TownHall:
    """Hub and core.

    Attributes:
        folder: of the demonstration; logs lie in `log`.
        sockets: a folder with a short name, because that of a socket is short; it goes at the end.
        hub: the hub's door.
        core: the core's door, with the token for orders.
    """

    def __init__(self, folder: Path) -> None:
        """Make both homes; nothing runs yet."""
        self.folder = folder
        self.sockets = Path(mkdtemp(prefix="ventanilla-", dir=SHORT))
        for name in ("core", "copy", "log", "devices"):
            (folder / name).mkdir()
        self._core_token = folder / "core" / "control-token"
        self._core_token.touch(mode=0o600)
        self._core_token.write_text(secrets.token_hex(16))
        self._ports = own_ports(3)
        self.core = Door(port=self._ports[0], token=self._core_token.read_text())
        self.hub = Door(port=self._ports[1])
        self._core_process: subprocess.Popen[bytes] | None = None
        self._hub_process: subprocess.Popen[bytes] | None = None

    @property
    def hub_home(self) -> Path:
        """The hub's folder."""
        return self.folder / "hub"

    @property
    def backup(self) -> Path:
        """The copy of the hub's database."""
        return self.folder / "copy" / "hub.db"

    @property
    def api_token_path(self) -> Path:
        """Where the API's token lies."""
        return self.hub_home / "keys" / API_TOKEN

    def prepare(self) -> None:
        """Set the hub up, with the shipped settings and limits but for addresses, ports and `hold_s`."""
        self.hub_home.mkdir(mode=0o700)
        core = json.dumps(f"http://127.0.0.1:{self._ports[0]}")
        settings = (
            f"key_copy_dir = {json.dumps(str(self.folder / 'copy'))}",
            f"api_port = {self._ports[1]}",
            f"broker_port = {self._ports[2]}",
            *(f"{name}_url = {core}" for name in ("open311", "settlements", "notices", "mailbox")),
            f"hold_s = {HOLD_S}",
        )
        (self.hub_home / CONFIG_FILE).write_text("\n".join(settings) + "\n")
        done = processes.start(["hub", "init", "--home", str(self.hub_home)], self.log_of("hub"))
        if done.wait(START_S) != 0:
            raise NotStartedError(f"{NotStartedError.__doc__} ({self.log_of('hub')})")
        authority = (self.hub_home / "keys" / CA_CERTIFICATE).read_text()
        self.hub = Door(
            port=self._ports[1],
            token=self.api_token_path.read_text().strip(),
            context=client_context(ca_pem=authority),
        )

    def publish(self, bundle: str, said: Mapping[str, Any]) -> None:
        """Tell every device what can be reported (`catalogue`), what a ride costs (`fares`), or the like."""
        body = b64encode(json.dumps(said).encode()).decode()
        self.hub.post(f"/v1/bundles/{bundle}", {"body": body, "expires_s": BUNDLE_S, "who": WHO})

    def keys(self) -> Mapping[str, Ed25519PublicKey]:
        """Return the town's public keys, with which anybody can judge a receipt."""
        return TownKeys.from_body(self.hub.ask("GET", "/verify/keys")).by_id()

    def enrol(self, name: str) -> DeviceHome:
        """Enrol a device: a token from the operator's side, HTTPS from the device's."""
        kind = STAND_IN if name in BEACONS else name.partition("-")[0]
        answer = self.hub.post(
            TOKENS_PATH, {"device": name, "kind": kind, "site": SITES.get(name, TOWN_HALL)}
        )
        home = DeviceHome(self.folder / "devices" / name)
        with home.locked():
            enrol(home.identity, Token.parse(answer["token"]))
        return home

    def make_card_keys(self) -> None:
        """Make the town's card keys."""
        self._run("card-keys", "new")

    def give_card_keys(self, name: str, home: DeviceHome) -> None:
        """Seal the tap's key to a terminal, as a technician carries it there."""
        sealed = self._run("card-keys", "terminal-keys", name)
        words = ["reader", "load-keys", "--home", str(home.path)]
        processes.run(words, self.log_of("operator"), given=sealed)

    def cases(self, kind: str) -> int:
        """Count a clerk's open cases of a kind."""
        return sum(1 for _ in self.hub.pages(f"/v1/exceptions?kind={kind}&unresolved=true"))

    def block_card(self, subject: str) -> None:
        """Put a card on the deny list of every terminal, as a clerk decides."""
        self.hub.post(f"/v1/cards/{subject}/block", {"who": WHO, "why": "copied"})

    # ---- processes

    def start_core(self) -> None:
        """Start the core: a plain GeoReport server that ignores idempotency keys."""
        words = ["core", "--plain", "--database", str(self.folder / "core" / "core.db")]
        words += ["--port", str(self._ports[0]), "--control-token-file", str(self._core_token)]
        self._core_process = processes.start(words, self.log_of("core"))

    def start_hub(self) -> None:
        """Start the hub; `is_ready` tells when it takes."""
        self._hub_process = processes.start(["hub", "run", "--home", str(self.hub_home)], self.log_of("hub"))

    def kill_core(self) -> None:
        """End the core with -9."""
        if self._core_process is not None:
            processes.kill(self._core_process)
            self._core_process = None

    def kill_hub(self) -> None:
        """End the hub with -9; the broker on its leash ends too."""
        if self._hub_process is not None:
            processes.kill(self._hub_process)
            self._hub_process = None

    def kill_broker(self) -> None:
        """End the broker with -9; the hub replaces it."""
        if self._hub_process is not None:
            pid = processes.child_named(self._hub_process.pid, BROKER)
            if pid is not None:
                processes.kill_pid(pid)

    def stop(self) -> None:
        """Stop both, the hub first; their callers are gone."""
        for process in (self._hub_process, self._core_process):
            if process is not None:
                processes.stop(process)
        shutil.rmtree(self.sockets, ignore_errors=True)

    def start_backup(self) -> subprocess.Popen[bytes]:
        """Begin to copy the hub's database, while it runs."""
        return self._order("backup", str(self.backup), "--home", str(self.hub_home))

    def start_restore(self) -> subprocess.Popen[bytes]:
        """Begin to put the copy in its place; the hub does not run."""
        return self._order("restore", str(self.backup), "--home", str(self.hub_home))

    def lose_database(self) -> None:
        """Destroy the disk with the hub's database, which does not run; keys lie on another one."""
        shutil.rmtree(self.hub_home / "data")

    # ---- how they stand

    def is_ready(self) -> bool:
        """Tell whether every part of the hub works."""
        self._look_alive(self._hub_process, "hub")
        try:
            return bool(self.hub.get("/ready")["ready"])
        except AwayError:
            return False

    def core_answers(self) -> bool:
        """Tell whether the core answers."""
        self._look_alive(self._core_process, "core")
        try:
            self.core.get("/effects")
        except AwayError:
            return False
        return True

    def await_start(self) -> None:
        """Wait until both answer.

        Raises:
            NotStartedError: one did not come up.
        """
        deadline_s = time.monotonic() + START_S
        while not (self.core_answers() and self.is_ready()):
            if time.monotonic() > deadline_s:
                raise NotStartedError(f"{NotStartedError.__doc__} ({self.folder / 'log'})")
            time.sleep(0.1)

    def has_done(self, order: subprocess.Popen[bytes]) -> bool:
        """Tell whether a command of the operator's is through.

        Raises:
            NotStartedError: it failed.
        """
        if order.poll():
            raise NotStartedError(f"{NotStartedError.__doc__} ({self.log_of('operator')})")
        return order.returncode == 0

    def log_of(self, name: str) -> Path:
        """Where a process's words are kept."""
        return self.folder / "log" / f"{name}.log"

    def _order(self, *words: str) -> subprocess.Popen[bytes]:
        return processes.start(["hub", *words], self.log_of("operator"))

    def _run(self, *words: str) -> bytes:
        home = ["--home", str(self.hub_home)]
        return processes.run(["hub", *words, *home], self.log_of("operator"))

    def _look_alive(self, process: subprocess.Popen[bytes] | None, name: str) -> None:
        if process is not None and process.poll() is not None:
            raise NotStartedError(f"{NotStartedError.__doc__} ({self.log_of(name)})")
