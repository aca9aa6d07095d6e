"""`ventanilla device` from outside: as an integrator and a technician use it, against a real hub."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from hub.api.enrolment import enrolment_router
from hub.keys.authority import SERVER_CERTIFICATE, SERVER_KEY
from hub.keys.enrolment import Enrolment, HubAddress, TokenWanted
from shared.edge.home import DeviceHome
from shared.edge.line_input import INPUT_LINE_BYTES_MAX
from shared.model.ids import check_reference
from tests.support.device_process import ROOT, DeviceProcess, command, report, tap
from tests.support.https import https
from tests.support.polling import eventually
from tests.support.small_hub import SmallHub
from tests.support.town import now_ms

GIVEN_ID = "01a20073-9c71-7fc3-8aa3-bfbf6a887a00"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SmallHub]:
    hub = SmallHub(tmp_path / "town")
    yield hub
    hub.close()


def call(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(*words), input=given, cwd=ROOT, capture_output=True, timeout=60, check=False
    )


def run_to_the_end(home: DeviceHome, given: bytes, *options: str) -> tuple[int, list[Mapping[str, Any]], str]:
    words = ("run", "--home", str(home.path), "--backoff-cap-s", "0.3", *options)
    done = call(*words, given=given)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def as_lines(*events: Mapping[str, object]) -> bytes:
    return "".join(json.dumps(event) + "\n" for event in events).encode()


def test_device_enrolled_by_its_token_runs_and_says_who_it_is(hub: SmallHub, tmp_path: Path) -> None:
    town, app = hub.town, FastAPI()
    with https(app, town.keys / SERVER_CERTIFICATE, town.keys / SERVER_KEY) as port:
        address = HubAddress(hub=f"127.0.0.1:{port}", brokers=(f"127.0.0.1:{town.port}",))
        enrolment = Enrolment(town.room, address, clock=now_ms, admit=town.broker.reload)
        app.include_router(enrolment_router(enrolment, town.room.keys, town.room.authority.pem))
        token = str(enrolment.issue(TokenWanted(device="kiosk-3", site="Plaza Mayor")))
        home = DeviceHome(tmp_path / "kiosk-3")
        unreachable = call("enrol", "--home", str(home.path), "--token", token, "--hub", "127.0.0.1:9")
        enrolled = call("enrol", "--home", str(home.path), "--token", "-", given=token.encode())
    assert (unreachable.returncode, enrolled.returncode) == (1, 0), enrolled.stderr
    assert b"repeat with the same token" in unreachable.stderr
    assert json.loads(enrolled.stdout)["enrolled"] == "kiosk-3"
    status, answers, complaints = run_to_the_end(home, as_lines(report("Banco roto")), "--until-empty")
    assert status == 0, complaints
    assert hub.ids() == [answers[0]["taken"]["id"]]


def test_events_of_every_kind_are_taken_answered_in_order_and_delivered(hub: SmallHub) -> None:
    payment = {"concept": "basuras", "amount_minor": 4250, "currency": "EUR", "method": "card"}
    credit = {"counter": 2, "amount_minor": 1000, "currency": "EUR", "method": "cash"}
    notice = {"notice": "padron", "version": 3}
    given = as_lines(
        tap(1),
        {"type": "purse.credited", "data": credit, "subject": {"kind": "card", "value": "04A2"}},
        {"type": "payment.captured", "data": payment, "session": "s-1"},
        {**report("Farola"), "session": "s-1", "id": GIVEN_ID},
        {"type": "notice.consented", "data": notice, "subject": {"kind": "person", "value": "X1"}},
        {"type": "device.state", "data": {"key": "printer", "state": "degraded", "detail": "poco papel"}},
        {"type": "device.counters", "data": {"free_ride": 3}},
    )  # fmt: skip
    status, answers, complaints = run_to_the_end(hub.home("bus-7"), given, "--until-empty")
    assert status == 0, complaints
    assert [answer["taken"]["stream"] for answer in answers] == [
        "payments", "payments", "payments", "cases", "cases", "health", "telemetry",
    ]  # fmt: skip
    assert [answer["line"] for answer in answers] == list(range(1, 8))
    assert answers[3]["taken"]["id"] == GIVEN_ID
    assert [check_reference(answers[n]["reference"]) for n in (2, 3)] == [
        answers[n]["reference"] for n in (2, 3)
    ]
    assert sorted(hub.ids()) == sorted(answer["taken"]["id"] for answer in answers)
    hub.nothing_wrong()


def test_lines_that_are_wrong_are_refused_and_the_rest_goes_on(hub: SmallHub) -> None:
    good = as_lines(tap(1))
    wrong = [
        b"{not json}\n",
        b'{"type":"incident.reported","data":{"description":"\xff\xfe"}}\n',
        b'{"type":"telepathy","data":{}}\n',
        b"x" * (INPUT_LINE_BYTES_MAX + 1) + b"\n",
        as_lines({**report("x" * 20_000)}),
        as_lines({"type": "tap.charged", "data": {"counter": -1}}),
    ]
    given = good + b"".join(line + good for line in wrong)
    status, answers, _ = run_to_the_end(hub.home("bus-7"), given, "--until-empty")
    assert status == 0
    assert ["taken" in answer for answer in answers] == [n % 2 == 0 for n in range(13)]
    for answer in answers[1::2]:
        assert answer["refused"]["reason"]
        assert answer["refused"]["remedy"]
    assert len(hub.ids()) == 7
    hub.nothing_wrong()


def test_events_of_a_file_are_taken_at_their_pace(hub: SmallHub, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_bytes(as_lines(*(tap(n) for n in range(5))))
    options = ("--events", str(events), "--per-second", "20", "--until-empty")
    status, answers, _ = run_to_the_end(hub.home("bus-7"), b"", *options)
    assert (status, len(answers)) == (0, 5)


def test_file_that_is_not_there_ends_with_a_sentence(hub: SmallHub) -> None:
    status, answers, complaints = run_to_the_end(hub.home("bus-7"), b"", "--events", "/nowhere/events")
    assert (status, answers) == (1, [])
    assert "correct --events" in complaints


def test_device_that_is_not_enrolled_ends_with_a_sentence(tmp_path: Path) -> None:
    status, _, complaints = run_to_the_end(DeviceHome(tmp_path / "nobody"), b"")
    assert status == 1
    assert "enrol it" in complaints
    assert "Traceback" not in complaints


def test_second_process_on_one_home_is_refused_with_a_sentence(hub: SmallHub) -> None:
    with DeviceProcess(hub.home("bus-7")) as first:
        first.give([tap(1)])
        first.wait_for_answers(1)
        status, answers, complaints = run_to_the_end(hub.home("bus-7"), as_lines(tap(2)))
        assert (status, answers) == (1, [])
        assert f"process {first.pid}" in complaints
        first.give([tap(3)])
        first.wait_for_answers(2)


def test_status_of_a_running_and_of_a_stopped_device(hub: SmallHub) -> None:
    home = hub.home("bus-7")
    hub.stop()
    with DeviceProcess(home) as device:
        device.give([tap(1), tap(2), report("Farola")])
        device.wait_for_answers(3)
        running = json.loads(call("status", "--home", str(home.path)).stdout)
        assert device.stop() == 0
    stopped = json.loads(call("status", "--home", str(home.path)).stdout)
    hub.start()
    assert (running["running"], running["pid"]) == (True, device.pid)
    assert (stopped["running"], stopped["state"]) == (False, "stopped")
    for status in (running, stopped):
        assert status["unacknowledged"] == 3
        assert status["lanes"]["payments"]["unacknowledged"] == 2
        assert status["lanes"]["payments"]["waiting_ms"] == status["oldest_unacknowledged_payment_ms"] > 0
    assert stopped["boot"] == running["boot"] == 1


def test_device_told_to_stop_ends_cleanly_and_goes_on_where_it_was(hub: SmallHub) -> None:
    home = hub.home("bus-7")
    with DeviceProcess(home) as device:
        device.give([tap(1)])
        device.wait_for_answers(1)
        assert device.stop() == 0
    with DeviceProcess(home) as again:
        again.give([tap(2)])
        again.wait_for_answers(1)
        hub.wait_for([*device.taken(), *again.taken()])
        status = again.wait_for_status(state="streaming", unacknowledged=0)
    assert [lane["epoch"] for lane in status["lanes"]["payments"]["epochs"]] == [
        answer["taken"]["epoch"] for answer in (device.answers[0], again.answers[0])
    ]
    hub.nothing_wrong()


def test_end_of_input_without_a_hub_waits_no_longer_than_it_was_told(hub: SmallHub) -> None:
    hub.stop()
    options = ("--until-empty", "--timeout-s", "0.5")
    status, answers, complaints = run_to_the_end(hub.home("bus-7"), as_lines(tap(1)), *options)
    assert (status, len(answers)) == (1, 1)
    assert "lines left: 1" in complaints
    hub.start()
    status, _, complaints = run_to_the_end(hub.home("bus-7"), b"", "--until-empty")
    assert status == 0, complaints
    assert hub.ids() == [answers[0]["taken"]["id"]]


def test_live_view_is_written_as_it_goes(hub: SmallHub) -> None:
    with DeviceProcess(hub.home("bus-7"), "--status-every-s", "0.1") as device:
        shown = eventually(
            lambda: [
                status
                for line in list(device.complaints)
                if line.startswith('{"status"')
                and (status := json.loads(line)["status"])["state"] == "streaming"
            ],
            what="a status line",
        )
        assert shown[0]["device"] == "bus-7"


def test_reader_of_the_answers_that_went_away_ends_the_device_with_a_sentence(hub: SmallHub) -> None:
    home = str(hub.home("bus-7").path)
    device = subprocess.Popen(
        command("run", "--home", home),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert device.stdin is not None
    assert device.stdout is not None
    assert device.stderr is not None
    device.stdout.close()
    device.stdin.write(as_lines(tap(1)))
    device.stdin.close()
    complaints = device.stderr.read().decode()
    device.stderr.close()
    assert device.wait(30) == 1
    assert "what was taken is safe" in complaints
    assert "Traceback" not in complaints


def test_device_never_loads_the_hub() -> None:
    code = "import sys, shared.edge.cli; print({name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "shared" in done.stdout
    assert not any(f"'{name}'" in done.stdout for name in ("hub", "sqlalchemy", "fastapi"))
