"""Ports for servers that come back: below what connections take, each process with its own."""

import socket
import subprocess
import sys
from pathlib import Path

from shared.adapters.ports import BLOCK, FIRST, own_ports

ANOTHER = "from shared.adapters.ports import own_ports; print(*own_ports(3)); input()"


def test_ports_are_below_those_of_connections_and_all_different() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    given = own_ports(20)
    assert len(set(given)) == 20
    assert FIRST <= min(given) <= max(given) < lowest


def test_two_processes_never_give_the_same_port() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ANOTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        theirs = {int(port) for port in other.stdout.readline().split()}
        assert len(theirs) == 3
        assert not theirs & set(own_ports(BLOCK))
        other.communicate("\n")


def test_port_somebody_listens_on_is_passed_over() -> None:
    taken = own_ports(1)[0]
    with socket.create_server(("127.0.0.1", taken)):
        assert taken not in own_ports(BLOCK - 1)
