"""A street in a network namespace of its own, and the wire between it and the town hall, to be cut.

    with a_street() as street:
        home.address: street.hub_host
        DeviceProcess(home, around=street.around)
        street.cut(Cut.SILENT); street.heal()

The kernel carries every packet; nothing of ours stands between. What is swallowed is sent to a machine that
does not exist (a neighbour of another hardware address), so nobody is told: the ends find out by themselves.

The namespace lives as long as the process that holds it, which ends with the test whatever becomes of it; the
wire goes with the namespace.
"""

import os
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import count
from typing import Final

import pytest

NOBODY: Final = "02:00:00:00:00:01"
_NUMBERS: Final = count()


class Cut(StrEnum):
    """How the wire is cut."""

    SILENT = "everything is swallowed"
    DEAF = "what the town hall says is swallowed"
    MUTE = "what the street says is swallowed"
    REJECTED = "a router refuses the way to the town hall"


class Street:
    """A network of its own.

    Args:
        holder: the process whose network it is.

    Attributes:
        hub_host: the town hall's address on the wire.
        around: the command that runs another one in the street.
    """

    def __init__(self, holder: int) -> None:
        number = os.getpid() * 8 + next(_NUMBERS) % 8
        base = f"198.18.{number // 64 % 256}.{number % 64 * 4}".rpartition(".")
        self.hub_host, self._street_host = (f"{base[0]}.{int(base[2]) + end}" for end in (1, 2))
        self.around: Sequence[str] = ("nsenter", f"--net=/proc/{holder}/ns/net")
        self._here = f"vt{number}"
        self._ip(f"link add {self._here} type veth peer name wire netns {holder}")
        for name, host, around in ((self._here, self.hub_host, ()), ("wire", self._street_host, self.around)):
            self._ip(f"address add {host}/30 dev {name}", around)
            self._ip(f"link set {name} up", around)

    def cut(self, how: Cut) -> None:
        """Cut the wire; connections are not told."""
        if how in (Cut.SILENT, Cut.MUTE):
            self._ip(f"neighbour replace {self.hub_host} lladdr {NOBODY} nud permanent dev wire", self.around)
        if how in (Cut.SILENT, Cut.DEAF):
            self._ip(f"neighbour replace {self._street_host} lladdr {NOBODY} nud permanent dev {self._here}")
        if how is Cut.REJECTED:
            self._ip(f"route add unreachable {self.hub_host}/32", self.around)

    def heal(self) -> None:
        """Let everything pass again; what ends made of the cut meanwhile stays."""
        self._ip(f"neighbour flush to {self.hub_host} nud all dev wire", self.around)
        self._ip(f"neighbour flush to {self._street_host} nud all dev {self._here}")
        self._ip("route flush type unreachable", self.around)

    def close(self) -> None:
        """Take the wire away."""
        self._ip(f"link delete {self._here}")

    def _ip(self, words: str, around: Sequence[str] = ()) -> None:
        done = subprocess.run(
            [*around, "ip", *words.split()], capture_output=True, check=False, text=True, timeout=20
        )
        assert done.returncode == 0, f"ip {words}: {done.stderr}"


@contextmanager
def a_street() -> Generator[Street]:
    """Make one; where nobody may, a test is skipped by name on a laptop and fails in CI."""
    holding = ["unshare", "--net", "sh", "-c", "echo there; exec cat"]
    holder = subprocess.Popen(
        holding, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert holder.stdin
    assert holder.stdout
    try:
        if not holder.stdout.readline():
            message = "Only root may make a network of its own: the partition was not tried."
            if os.environ.get("CI"):
                pytest.fail(message, pytrace=False)
            pytest.skip(message)
        street = Street(holder.pid)
        try:
            yield street
        finally:
            street.close()
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()
