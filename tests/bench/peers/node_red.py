"""Node-RED as a process: started on our flow, given events, killed, and asked what it still holds."""

import http.client
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tests.bench.outbox_peers import BODY_BYTES
from tests.bench.peers.node_red_flow import PATH, flow
from tests.support.polling import eventually
from tests.support.town import free_port

START_S = 60.0
START = "start-"
"""What the events are called that ask whether it takes any."""
SETTINGS = """
module.exports = {
    uiPort: %(port)d, uiHost: "127.0.0.1", userDir: %(user)s, flowFile: %(flow)s,
    httpAdminRoot: false, credentialSecret: false, telemetry: { enabled: false, updateNotification: false },
    logging: { console: { level: "info", metrics: false, audit: false } },
};
"""


class NodeRed:
    """One Node-RED with its database.

    Args:
        script: `red.js`.
        folder: an empty folder.
        mqtt_port: of the broker.
        durable: which settings of the flow.
        store: the folder of the database, where it is another one.
        around: a command that runs another one.
    """

    def __init__(
        self,
        script: Path,
        folder: Path,
        mqtt_port: int,
        *,
        durable: bool,
        store: Path | None = None,
        around: Sequence[str] = (),
    ) -> None:
        self.port = free_port()
        self.database = (store or folder) / "outbox.db"
        user, flow_file, settings = folder / "user", folder / "flow.json", folder / "settings.js"
        user.mkdir(exist_ok=True)
        (user / "node_modules").unlink(missing_ok=True)
        (user / "node_modules").symlink_to(script.parents[1])
        (user / "package.json").write_text(
            '{"name": "street", "dependencies": {"node-red-node-sqlite": "*"}}'
        )
        flow_file.write_text(json.dumps(flow(self.database, mqtt_port, durable=durable)))
        settings.write_text(
            SETTINGS % {"port": self.port, "user": json.dumps(str(user)), "flow": json.dumps(str(flow_file))}
        )
        self._log = folder / "node-red.log"
        self._command = [*around, str(shutil.which("node")), str(script), "-s", str(settings)]
        self._process: subprocess.Popen[bytes] | None = None
        self._lives = 0

    def start(self) -> None:
        """Start it, and wait until it takes events."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._lives += 1
        eventually(self._takes, timeout_s=START_S, what=f"Node-RED; see {self._log}")

    def _takes(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self._log.read_text()[-2000:]
        try:
            with closing(self.connect()) as connection:
                return post(connection, f"{START}{self._lives}")
        except OSError:
            return False

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection for `post`."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def kill(self) -> None:
        """End it with -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ended(self) -> str:
        """Say by which signal it ended without being asked to; "" while it lives."""
        status = self._process.poll() if self._process is not None else None
        return "" if status is None else f"signal {-status}" if status < 0 else f"status {status}"

    def waiting(self) -> int:
        """Count the events in its table, from outside."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as database:
            return int(database.execute("SELECT count(*) FROM outbox").fetchone()[0])


def post(connection: http.client.HTTPConnection, name: str) -> bool:
    """Give an event; tell whether it was told as taken.

    Raises:
        OSError: nobody answered; whether it was taken is not known.
    """
    body = json.dumps({"id": name, "data": "x" * (BODY_BYTES - 40)})
    try:
        connection.request("POST", PATH, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
    except http.client.HTTPException as error:
        raise ConnectionResetError from error
    return answer.status == 200
