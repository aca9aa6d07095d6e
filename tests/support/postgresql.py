"""A PostgreSQL server of the test's own: in a temporary folder, on a free Unix socket, gone afterwards.

PostgreSQL refuses to run as root, so that a root test run starts it as the user `nobody`.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.polling import eventually
from tests.support.programs import find_program

UNPRIVILEGED = "nobody"
START_TIMEOUT_S = 60.0


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Starts a server.

    Yields:
        The URL of its empty database; `new_database` makes more.
    """
    server = find_program("postgres")
    assert server is not None, "mark the test with requires('postgres')"
    folder = Path(tempfile.mkdtemp(prefix="vt-pg-"))  # short: a socket's path has at most 107 bytes
    data = folder / "data"
    user = pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    account = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    here = {"cwd": folder, "env": {"LC_ALL": "C", "PATH": os.defpath}, "start_new_session": True}
    try:
        made = subprocess.run(
            [
                server.resolve().parent / "initdb",
                "-D",
                data,
                "-U",
                "hub",
                "--auth=trust",
                "--no-sync",
                "-E",
                "UTF8",
            ],
            capture_output=True,
            check=False,
            **account,
            **here,
        )
        assert made.returncode == 0, made.stderr.decode()
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [server, "-D", data, *settings], stdout=log, stderr=subprocess.STDOUT, **account, **here
            )
        try:
            yield _wait(folder, process)
        finally:
            process.send_signal(signal.SIGINT)  # "fast": it does not wait for clients to leave
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(url: str) -> str:
    """Makes an empty database on the server and returns its URL."""
    name = f"hub_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return url.replace("/postgres?", f"/{name}?")


def _wait(folder: Path, process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> str:
    url = f"postgresql://hub@/postgres?host={folder}"

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            return False
        return True

    eventually(answers, timeout_s=START_TIMEOUT_S, what="PostgreSQL answers")
    return url
