"""Every figure of the manual moves under its fault: one real hub, its core, its broker, and devices by hand.

The cases follow one another on one hub, in the order of this page. A figure that no case moves fails the last
test, which reads this page itself.
"""

import ast
import os
import re
import shutil
import signal
import sqlite3
import stat
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub.broker.nats import find_binary
from hub.ingest.apply import Incoming
from shared.adapters import device_keys
from shared.adapters.enrolment_client import enrol
from shared.edge.home import DeviceHome
from shared.model.attachment import Attachment, Envelope
from shared.model.event import Stream
from shared.model.ids import new_event_id, new_reference
from shared.protocol import firmware, limits, topics
from shared.protocol.bundle import authorization
from shared.protocol.enrolment import Token
from shared.protocol.keys import derive
from shared.protocol.mac import seal_message
from shared.protocol.relay import Answer, Begin, Failed, mac_topic, talks_path
from tests.architecture.tree import document
from tests.simulation.device import secret_of
from tests.support.edge import running
from tests.support.firmware import BOARD, manifest, parts, town_key
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually
from tests.support.puppet import Puppet, puppets
from tests.support.reference_core import ReferenceCore

FIGURE = re.compile(r"`(ventanilla_[a-z_]+)")
PATIENCE_S = 60.0
WRAPPER = """#!/bin/sh
[ -e "{gate}" ] && exit 1
exec "{binary}" "$@"
"""
OLD_REPORT = """
INSERT INTO service_request (reference, device, event_id, service_code, description, channel, contact, status,
    requested_ms, received_ms) VALUES ('old', 'kiosk-1', '{event}', 'farola', 'Apagada', 'kiosk',
    '{{"phone":"600123456"}}', 'open', 1, 1);
INSERT INTO outgoing (effect_key, connector, aggregate, device, event_id, body, state, created_ms)
    VALUES ('old', 'open311', 'old', 'kiosk-1', '{event}', '{{"contact":{{}}}}', 'done', 1);
INSERT INTO attachment (device, sha256, event_id, size, media_type, state, reason, revoked, announced_ms)
    VALUES ('kiosk-1', 'old', '{event}', 1, 'image/jpeg', 'lost', 'expired', false, 1);
INSERT INTO sealing_context (device, context, sealed) VALUES ('kiosk-1', 'c9', 'sealed');
INSERT INTO inbox (device, event_id, stream, epoch, seq, type, body_hash, line, received_ms) VALUES
    ('kiosk-1', '{event}', 'cases', '0000000a', 1, 'incident.reported', x'00',
    CAST('{{"seq":1,"id":"{event}","type":"incident.reported","sealed":"c9.1.AA"}}' AS BLOB), 1);
"""
"""A report that was taken long ago and that nobody closes, with a photograph and the key of its session."""
Holds = Callable[[float], bool]


def above(least: float) -> Holds:
    return lambda value: value > least


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A hub and what it stands among.

    Attributes:
        folder: of all of it.
        gate: while this file is there, the broker cannot start.
    """

    folder: Path
    hub: HubProcess
    core: ReferenceCore
    gate: Path
    devices: Mapping[str, Puppet]

    @contextmanager
    def moves(self, figures: Mapping[str, Holds]) -> Iterator[None]:
        """None of it holds before the block, and all of it comes to hold after what the block does."""
        before = self.hub.metrics()
        assert not [name for name, holds in figures.items() if holds(before.get(name, 0))]
        yield
        missing = dict(figures)

        def look() -> bool:
            now = self.hub.metrics()
            for name in [name for name, holds in missing.items() if holds(now.get(name, 0))]:
                del missing[name]
            return not missing

        try:
            eventually(look, timeout_s=PATIENCE_S, what="figures that move")
        except AssertionError as error:
            error.add_note(f"still: {sorted(missing)}")
            raise

    def kill_broker(self) -> None:
        os.kill([line["pid"] for line in self.hub.log() if line["event"] == "broker_up"][-1], signal.SIGKILL)

    @contextmanager
    def database_held(self) -> Iterator[None]:
        """Somebody else holds the database's lock, as no well-behaved program does."""
        path = self.hub.home / "data" / "hub.db"
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                other.execute("ROLLBACK")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("figures")
    gate, wrapper = folder / "gate", folder / "nats-server"
    wrapper.write_text(WRAPPER.format(gate=gate, binary=find_binary(None)))
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    (folder / "core").mkdir()
    with ExitStack() as stack:
        core = stack.enter_context(ReferenceCore(folder / "core"))
        hub = HubProcess(
            folder / "hub",
            **{f"{name}_url": core.base_url for name in ("open311", "settlements", "notices", "mailbox")},
            open311_settle_s=0,
            open311_updates_every_s=0.3,
            mailbox_answers_every_s=0.3,
            core_timeout_s=2,
            retry_max_s=1,
            journal_copy_dir=folder / "journal",
            broker_binary=wrapper,
        )
        hub.command("init")
        shutil.copytree(hub.home / "data", folder / "backup")
        devices = puppets(hub, folder, ["kiosk-1", "kiosk-2", "kiosk-3"])
        stack.callback(hub.kill)
        hub.start()
        for device in devices.values():
            stack.callback(device.close)
        yield Scene(folder=folder, hub=hub, core=core, gate=gate, devices=devices)


def test_device_comes_and_keeps_its_payments_back(scene: Scene) -> None:
    device = scene.devices["kiosk-1"]
    for _ in range(3):
        device.fee()
    with scene.moves(
        {
            'ventanilla_oldest_unacknowledged_payment_seconds{device="kiosk-1"}': above(0.2),
            'ventanilla_device_last_birth_timestamp_seconds{device="kiosk-1"}': above(0),
            "ventanilla_sessions": above(0),
            "ventanilla_ingest_group_messages_count": above(1),
            "ventanilla_ingest_group_seconds_sum": above(0),
        }
    ):
        device.connect()
        device.enter()


def test_payments_come_that_nobody_has_signed(scene: Scene) -> None:
    device = scene.devices["kiosk-1"]
    commits = scene.hub.metrics()["ventanilla_commits_total"]
    with scene.moves(
        {
            "ventanilla_committed_events_total": above(2),
            "ventanilla_commits_total": above(commits + 1),
            "ventanilla_signatures_refused_total": above(2),
            'ventanilla_outgoing{connector="settlements",state="undecided"}': above(2),
            'ventanilla_outgoing_oldest_seconds{connector="settlements"}': above(0.2),
            'ventanilla_exceptions_open{kind="signature"}': above(0),
        }
    ):
        device.say(*device.frames(Stream.PAYMENTS))
    name = 'ventanilla_oldest_unacknowledged_payment_seconds{device="kiosk-1"}'
    assert scene.hub.metrics()[name] == 0


def test_payment_comes_that_is_signed(scene: Scene) -> None:
    home = DeviceHome(scene.folder / "bus-1")
    wanted = {"device": "bus-1", "kind": "terminal", "site": ""}
    enrol(home.identity, Token.parse(scene.hub.post("/enrolment/tokens", wanted)["token"]))
    judged = 'ventanilla_taps_judged_total{verdict="unsigned"}'
    with (
        scene.moves(
            {
                "ventanilla_signatures_checked_total": above(0),
                judged: above(scene.hub.metrics().get(judged, 0)),
                'ventanilla_forwarded_total{connector="settlements"}': above(0),
            }
        ),
        running(home) as hand,
    ):
        scene.hub.wait_for_fates("bus-1", [hand.take(hand.tap(1))])


def test_desk_asks_about_a_card_that_is_gone_again(scene: Scene) -> None:
    home = DeviceHome(scene.folder / "desk-1")
    wanted = {"device": "desk-1", "kind": "desk", "site": ""}
    enrol(home.identity, Token.parse(scene.hub.post("/enrolment/tokens", wanted)["token"]))
    path, up = talks_path("desk-1"), device_keys.load(home.identity).keys.links.up
    order = {"id": new_event_id(1, bytes(10)), "do": "read", "who": "ana"}

    def post(path: str, body: bytes) -> Mapping[str, Any]:
        return scene.hub.post_bytes(path, seal_message(up, mac_topic(path), body))

    with scene.moves({'ventanilla_card_orders_total{said="removed"}': above(0)}):
        step = post(path, Begin(uid=bytes(7), order=order).to_body())
        post(f"{path}/{step['talk']}", Answer(n=step["n"], heard=Failed.NOT_SENT).to_body())


def test_beacon_fetches_a_firmware(scene: Scene) -> None:
    files = parts()
    signed = firmware.sign(manifest(files, expires_s=1 << 38).unsigned(), town_key())
    body = b"".join(files.values())
    offer = {"manifest": b64encode(signed).decode(), "body": b64encode(body).decode(), "who": "ana"}
    up = derive(secret_of("kiosk-1")).up

    def fetch(path: str) -> bytes:
        status, found = scene.hub.fetch(path, authorization("kiosk-1", up, path))
        assert status == 200
        return found

    with scene.moves({"ventanilla_firmware_fetches_total": above(0)}):
        scene.hub.post("/v1/firmware", offer)
        assert fetch(f"{firmware.FIRMWARE_PATH}/offer?board={BOARD}&sequence=11") == signed
        assert fetch(f"{firmware.FIRMWARE_PATH}/{BOARD}/12") == body


def test_messages_come_that_no_device_of_ours_sends(scene: Scene) -> None:
    device = scene.devices["kiosk-1"]
    topic, up = topics.up("kiosk-1", Stream.CASES), derive(secret_of("kiosk-1")).up
    with scene.moves(
        {
            'ventanilla_refused_messages_total{cause="forged"}': above(0),
            'ventanilla_refused_messages_total{cause="malformed"}': above(0),
            'ventanilla_refused_messages_total{cause="oversized"}': above(0),
            'ventanilla_refused_messages_total{cause="other_session"}': above(0),
        }
    ):
        device.report()
        stranger = device.session
        device.session = "x" * len(stranger)
        device.say(
            Incoming(topic, b"{}\n~hmac-sha256.00000000." + b"A" * 22),
            Incoming(topic, seal_message(up, topic, b"{}\n")),
            Incoming(topic, b"x" * (limits.BIRTH_BYTES_MAX + 1)),
            *device.frames(Stream.CASES),
        )
        device.session = stranger


def test_lines_come_that_cannot_be_taken_and_a_photograph_does_not(scene: Scene) -> None:
    device = scene.devices["kiosk-2"]
    device.connect()
    device.enter()
    sealed = Envelope(sha256="ab" * 32, size=1_000, media_type="image/jpeg")
    device.report(attachments=[Attachment(envelope=sealed, key=bytes(32), plain_sha256="cd" * 32)])
    device.report(7, subject="s" * 32)
    device.fee()
    here = device.epochs[Stream.PAYMENTS][0]
    gap = b'{"seq":1,"gap_to":1,"reason":"corrupt","head":"%s"}' % here.head(1).hex().encode()
    with scene.moves(
        {
            'ventanilla_quarantine_waiting{device="kiosk-2"}': above(0),
            'ventanilla_losses_unresolved{reason="corrupt"}': above(0),
            'ventanilla_attachments_missing{device="kiosk-2"}': above(0),
        }
    ):
        device.say(device.birth(device.session), *device.frames(Stream.CASES))
        device.say(device.frame(Stream.PAYMENTS, lines=(gap,)))


def test_device_does_not_say_that_it_has_what_it_was_sent(scene: Scene) -> None:
    """A device that reports once and then no more: it is sent its settings, and sent them again."""
    before = scene.hub.metrics()
    with scene.moves(
        {
            "ventanilla_guidance_messages_total": above(before["ventanilla_guidance_messages_total"]),
            "ventanilla_devices_behind": above(before["ventanilla_devices_behind"]),
        }
    ):
        wish = {"level": "city", "name": "screen.idle_s", "value": 90, "who": "ana"}
        scene.hub.post("/v1/settings", wish)


def test_core_fails_and_comes_back_with_something_to_say(scene: Scene) -> None:
    device, core = scene.devices["kiosk-1"], scene.core
    with scene.moves(
        {
            'ventanilla_forward_failures_total{connector="open311",failure="unknown"}': above(0),
            'ventanilla_breaker_open{connector="open311"}': above(0),
        }
    ):
        core.order("refuse", reads_too=True)
        device.say(device.birth(device.session), *device.frames(Stream.CASES))
    core.order("ok")

    def at_the_core() -> list[str]:
        items = scene.hub.get("/v1/service-requests")["items"]
        return [item["reference"] for item in items if item["core_ref"]]

    (reference,) = eventually(at_the_core, timeout_s=PATIENCE_S, what="the report at the core")
    with scene.moves({"ventanilla_report_updates_total": above(0)}):
        core.put_status(reference, "closed")
    turns = scene.hub.metrics()["ventanilla_report_turns_failed_total"]
    with scene.moves({"ventanilla_report_turns_failed_total": above(turns)}):
        core.order("garbage", reads_too=True)
    core.order("ok")


def test_citizen_writes_and_the_core_answers(scene: Scene) -> None:
    device, reference = scene.devices["kiosk-1"], new_reference(bytes(16))
    said = {"reference": reference, "kind": "query", "text": "¿Cuándo abren?", "channel": "kiosk"}
    device.take("suggestion.made", said, Stream.CASES)
    device.say(device.birth(device.session), *device.frames(Stream.CASES))
    eventually(scene.core.mail, timeout_s=PATIENCE_S, what="the question at the core")
    with scene.moves({"ventanilla_mailbox_answers_total": above(0)}):
        scene.core.answer_mail(reference, "A las nueve.")
    turns = scene.hub.metrics()["ventanilla_mailbox_turns_failed_total"]
    with scene.moves({"ventanilla_mailbox_turns_failed_total": above(turns)}):
        scene.core.order("garbage", reads_too=True)
    scene.core.order("ok")


def test_database_cannot_be_written_and_answers_find_no_link(scene: Scene) -> None:
    device = scene.devices["kiosk-1"]
    with (
        scene.moves(
            {
                "ventanilla_commit_failures_total": above(0),
                'ventanilla_dropped_messages_total{cause="flooding"}': above(0),
                'ventanilla_dropped_messages_total{cause="database"}': above(0),
            }
        ),
        scene.database_held(),
    ):
        # a job of the hub's own may wait for the database already, so this one is not looked at beforehand
        eventually(lambda: scene.hub.metrics()["ventanilla_writer_jobs_waiting"], what="jobs that wait")
        with scene.moves({"ventanilla_ingest_waiting_messages": above(0)}):
            for _ in range(2 * limits.INBOX_DEVICE_MESSAGES_MAX):
                device.say(device.birth(device.session))
        # what fails first may be a job of the hub's own, alone in its group; the messages' own group follows
        dropped = 'ventanilla_dropped_messages_total{cause="database"}'
        eventually(lambda: scene.hub.metrics().get(dropped, 0) > 0, timeout_s=2 * PATIENCE_S)
    eventually(lambda: not scene.hub.metrics()["ventanilla_ingest_waiting_messages"], what="an empty inbox")
    with scene.moves({"ventanilla_unanswered_total": above(0)}), scene.database_held():
        device.say(device.birth(device.session))
        eventually(lambda: scene.hub.metrics()["ventanilla_ingest_waiting_messages"], what="the message")
        with scene.moves(
            {"ventanilla_link_up": lambda up: up == 0, "ventanilla_broker_restarts_total": above(0)}
        ):
            scene.gate.touch()
            scene.kill_broker()
    scene.gate.unlink()
    eventually(lambda: scene.hub.metrics()["ventanilla_link_up"], timeout_s=PATIENCE_S, what="a link")


def test_disks_of_the_second_copies_go_away(scene: Scene) -> None:
    journal, copy = scene.folder / "journal", scene.folder / "copy"
    eventually(lambda: not scene.hub.metrics()["ventanilla_journal_copy_behind"], timeout_s=PATIENCE_S)
    with scene.moves(
        {
            "ventanilla_journal_copy_behind": above(0),
            "ventanilla_key_copy_behind": above(0),
            'ventanilla_devices{state="revoked"}': above(0),
        }
    ):
        for folder in (journal, copy):
            folder.rename(folder.with_name(folder.name + "-away"))
        scene.hub.post("/v1/devices/kiosk-3/revoke", {"reason": "stolen"})
        scene.hub.post("/v1/settings", {"level": "city", "name": "screen.idle_s", "value": 80, "who": "ana"})
    for folder in (journal, copy):
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_name(folder.name + "-away").rename(folder)


def test_database_is_put_back_with_work_that_the_hub_s_own_code_falls_over(scene: Scene) -> None:
    hub, data = scene.hub, scene.hub.home / "data"
    lives = hub.metrics()["ventanilla_incarnation"]
    with scene.moves(
        {
            "ventanilla_incarnation": above(lives),
            "ventanilla_cautious": above(0),
            "ventanilla_forwarder_restarts_total": above(0),
            "ventanilla_mailbox_forgotten_total": above(0),
            "ventanilla_contacts_forgotten_total": above(0),
            "ventanilla_photographs_forgotten_total": above(0),
            "ventanilla_contexts_forgotten_total": above(0),
        }
    ):
        hub.stop()
        shutil.rmtree(data)
        shutil.copytree(scene.folder / "backup", data)
        with closing(sqlite3.connect(data / "hub.db")) as database, database:
            database.execute(
                "INSERT INTO outgoing (effect_key, connector, aggregate, device, event_id, body, due_ms,"
                " created_ms) VALUES ('no uuid', 'notices', 'a', 'kiosk-1', 'e', '{}', 1, 1)"
            )
            database.execute(
                "INSERT INTO mailbox_entry (device, event_id, kind, said, occurred_ms, received_ms)"
                " VALUES ('kiosk-1', '0190d3c0-0000-7000-8000-000000000001', 'callback',"
                """ '{"phone":"600123456"}', 1, 1)"""
            )
            database.executescript(OLD_REPORT.format(event="0190d3c0-0000-7000-8000-000000000002"))
        hub.start()


def test_every_figure_of_the_manual_is_moved_by_a_case() -> None:
    rows = [line for line in document("OPERATIONS.md").splitlines() if line.startswith("| `ventanilla_")]
    manual = {name for row in rows for name in FIGURE.findall(row.split("|")[1])}
    words = [
        node.value
        for node in ast.walk(ast.parse(Path(__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    moved = {re.sub(r"_(count|sum)$", "", word.partition("{")[0]) for word in words}
    assert len(manual) > 30
    assert not sorted(manual - moved)
