"""The hub's composition root: every part put together, started in order, and stopped in the reverse order.

    keys -> database -> life -> broker -> ingest and link -> forwarder -> jobs -> HTTPS -> run/ports.json

Rules:
- A part that cannot start ends the start with its remedy; what was started before is stopped again.
- SIGTERM and SIGINT stop the hub: nothing new is taken, what is under way is finished, each step has a limit.
- A part that ends by itself ends the hub, with a status that makes a service manager start it again.

Not here: how a part is made (`hub.assembly`), any rule of it, any setting (`hub.config`).
"""

import asyncio
import json
import os
import signal
from collections.abc import Generator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from secrets import token_bytes
from typing import Final

import structlog

from hub import log as hub_log
from hub.api.app import build_app
from hub.api.parts import Parts
from hub.api.server import Server, make_server
from hub.assembly.address import public_address
from hub.assembly.beacons import make_beacon_work
from hub.assembly.bodies import make_attachments
from hub.assembly.cards import make_card_work
from hub.assembly.core_jobs import core_jobs
from hub.assembly.desks import make_desks
from hub.assembly.forgetting import make_forgetting
from hub.assembly.hub import Hub
from hub.assembly.second_copies import copy_jobs, make_journal_copy
from hub.assembly.towards_core import (
    make_answers,
    make_forwarder,
    make_updates,
    media_links,
    rules_of,
)
from hub.assembly.wire import free_port, listen, make_broker, make_link
from hub.attachments.service import Attachments
from hub.broker.nats import NatsServer
from hub.clock import now_ms
from hub.config import FolderError, HubConfig
from hub.db.clerk_listings import is_open
from hub.db.engine import Connection
from hub.db.journal_copy import JournalCopy
from hub.db.opening import open_database
from hub.db.register_repositories import ExceptionRepository
from hub.db.writer import Writer
from hub.fleet.fleet import Fleet, Wire, make_fleet
from hub.forwarder.worker import Forwarder
from hub.ingest.apply import Ingest
from hub.ingest.clerk import Clerk
from hub.ingest.opening import Opener
from hub.ingest.worker import IngestWorker, WorkerHooks
from hub.jobs.day_audit import DayAudit
from hub.jobs.life import BEAT_S, HubLife
from hub.jobs.timetable import Job, Timetable
from hub.keys.authority import paths_of_server
from hub.keys.database_mark import DatabaseMark
from hub.keys.enrolment import Enrolment
from hub.keys.incarnation import Incarnation
from hub.keys.named_vault import vault_at
from hub.keys.room import KeyRoom, set_up
from hub.metrics import Measures
from hub.orders.asking import PORTS_FILE
from shared.adapters.durable_files import make_folder, write_whole
from shared.adapters.mqtt_link import MqttLink
from shared.model.errors import DeviceError, InputError, VentanillaError

WORKER_STOP_S: Final = 10.0
FORWARDER_STOP_S: Final = 15.0
SERVER_STOP_S: Final = 10.0
HINT_EVERY_S: Final = 60.0
HOURLY_S: Final = 3_600.0
AUDIT_EVERY_S: Final = 600.0
REVIEW_EVERY_S: Final = 900.0
FLEET_EVERY_S: Final = 0.5
HUB_KEYS_EVERY_S: Final = 60.0
KEYS_NOTE: Final = "keys"
"""The kind of the exception that tells what opening the key folder had to mend, or what it lacks."""

log = structlog.get_logger(__name__)


class HubFailedError(DeviceError):
    """A part of the hub ended by itself; its log says why. Start the hub again, and report it."""


def run(config: HubConfig) -> None:
    """Run the hub until a signal stops it.

    Raises:
        VentanillaError: a part cannot start, or ended by itself; the sentence ends with the remedy.
    """
    hub_log.configure(config.log_level)
    try:
        asyncio.run(_serve(config))
    except OSError as error:
        log.exception("hub_failed")
        raise FolderError(f"{FolderError.__doc__} ({error.filename}: {error.strerror})") from error


async def _serve(config: HubConfig) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listen(config.api_host, config.api_port))
        api_port = int(listener.getsockname()[1])
        broker_port = config.broker_port or free_port(config.broker_host)
        hub = await _open(config, stack, api_port, broker_port)
        forwarder = hub.towards_core.forwarder
        forwarding = asyncio.create_task(forwarder.run(), name="forwarder")
        stack.push_async_callback(_stop_forwarder, forwarder, forwarding)
        timed = asyncio.create_task(hub.timetable.run(), name="jobs")
        stack.push_async_callback(_cancel, timed)
        certificate, key, _ = paths_of_server(config.keys_dir)
        server = make_server(build_app(_parts(hub, api_port, broker_port)), certificate, key)
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="api")
        stack.push_async_callback(_stop_server, server, serving)
        ports = {"api": api_port, "broker": broker_port, "pid": os.getpid()}
        stack.enter_context(_told(config.run_dir, ports))
        log.info("hub_started", incarnation=hub.life.incarnation, version=version("ventanilla"), **ports)
        # Without an address the forwarder has nothing to do, and its end says nothing.
        await _wait_for_the_end(stopped, timed, serving, *([forwarding] if forwarder.loops else []))
        log.info("hub_stopping")
    log.info("hub_stopped")


async def _wait_for_the_end(stopped: asyncio.Event, *parts: "asyncio.Task[None]") -> None:
    """Wait for the signal; a part that ends before it is a failure of the hub.

    Raises:
        HubFailedError: a part ended by itself.
    """
    signalled = asyncio.create_task(stopped.wait())
    ended, _ = await asyncio.wait([signalled, *parts], return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    for part in parts:
        if part in ended:
            log.error("part_ended", part=part.get_name(), exc_info=part.exception())
            raise HubFailedError(f"{HubFailedError.__doc__} ({part.get_name()})")


# ---- the start, in its order


async def _open(config: HubConfig, stack: AsyncExitStack, api_port: int, broker_port: int) -> Hub:
    """Start all that devices need; whatever was started is stopped by the stack."""
    room, incarnation = _open_keys(config, stack)
    journal_copy = make_journal_copy(config, now_ms)
    writer = _open_database(config, stack, journal_copy)
    life = HubLife(writer, DatabaseMark(room.folder), incarnation, now_ms)
    life.begin()
    stack.push_async_callback(asyncio.to_thread, _beat_once_more, life)
    _note_keys(room, writer)
    towards_core = make_forwarder(
        config, writer, room, api_port=api_port, clock=now_ms, is_cautious=lambda: life.is_cautious
    )
    attachments = make_attachments(config, room, writer, now_ms, towards_core.forwarder.wake)
    broker = await _open_broker(config, room, broker_port, stack)
    opener = Opener(room.keys.sealing)
    ingest = Ingest(room.registry, incarnation, opener, token_bytes, hold_s_max=config.hold_s)
    wire = Wire(publish=lambda topic, body: _send(link, topic, body), connected=ingest.sessions.devices)
    fleet = make_fleet(room, incarnation, writer, wire, now_ms)
    fleet.press.publish_hub_keys()
    updates = make_updates(config, writer, fleet, now_ms)
    answers = make_answers(config, writer, now_ms)
    forgetting = make_forgetting(config, writer, attachments, now_ms)
    cards = make_card_work(room, writer, fleet, now_ms)
    beacons = make_beacon_work(config, room, writer, fleet, now_ms)
    desks = make_desks(config, room, writer, towards_core.forwarder.wake, cards.deny_press.publish)
    worker = IngestWorker(
        ingest,
        writer,
        incarnation,
        WorkerHooks(
            work_committed=towards_core.forwarder.wake,
            incarnation_jumped=life.know_that_behind,
            words_committed=fleet.dispatch.heard,
        ),
        Measures(),
        clock=now_ms,
        rules=rules_of(config),
    )
    link = make_link(config, broker_port, worker.deliver, incarnation=lambda: incarnation.value, clock=now_ms)
    worker.attach(link)
    stack.push_async_callback(asyncio.to_thread, link.close)
    stack.push_async_callback(asyncio.to_thread, worker.stop, WORKER_STOP_S)
    link.start()
    return Hub(
        config=config,
        room=room,
        writer=writer,
        journal_copy=journal_copy,
        life=life,
        broker=broker,
        ingest=ingest,
        worker=worker,
        towards_core=towards_core,
        attachments=attachments,
        timetable=Timetable(
            [
                *_jobs(room, writer, life, worker, attachments),
                *copy_jobs(config, writer, journal_copy, now_ms),
                *_fleet_jobs(fleet),
                *core_jobs(config, writer, towards_core.forwarder.wake, updates, answers),
                *(job for part in (cards, beacons, desks, forgetting) for job in part.jobs),
            ]
        ),
        fleet=fleet,
        updates=updates,
        answers=answers,
        desks=desks,
        forgetting=forgetting,
        cards=cards,
        beacons=beacons,
    )


def _open_keys(config: HubConfig, stack: AsyncExitStack) -> tuple[KeyRoom, Incarnation]:
    """Renew certificates that end soon, open the key folder, and count this start."""
    if not config.keys_dir.is_dir():
        raise InputError(f"there is no hub in {config.home}: `ventanilla hub init` makes one")
    set_up(config.keys_dir, config.key_copy_dir, names=config.server_names, now_ms=now_ms())
    vault = vault_at(config.card_token_module, config.card_token_label, config.card_token_pin_file)
    room = KeyRoom.open(config.keys_dir, config.key_copy_dir, clock=now_ms, vault=vault)
    stack.callback(room.close)
    if room.incarnation is None:
        raise HubFailedError(HubFailedError.__doc__)
    return room, room.incarnation


def _open_database(config: HubConfig, stack: AsyncExitStack, journal_copy: JournalCopy | None) -> Writer:
    """Bring the schema up to date, and start the one thread that writes."""
    if config.database_url is None:
        make_folder(config.data_dir)
    if journal_copy is not None:
        stack.callback(journal_copy.close)
    writer = open_database(config.database, None if journal_copy is None else journal_copy.after_commit)
    stack.push_async_callback(asyncio.to_thread, writer.close)
    return writer


async def _open_broker(
    config: HubConfig, room: KeyRoom, port: int, stack: AsyncExitStack
) -> NatsServer | None:
    """Start the hub's own broker; None where the city runs one."""
    broker = make_broker(config, room, port)
    if broker is not None:
        stack.push_async_callback(asyncio.to_thread, broker.stop)
        await asyncio.to_thread(broker.start)
    return broker


def _note_keys(room: KeyRoom, writer: Writer) -> None:
    """Put before a clerk what the key folder lacks, each thing once."""

    def job(connection: Connection) -> None:
        exceptions = ExceptionRepository(connection)
        for note in room.notes:
            if not is_open(connection, KEYS_NOTE, {"note": note}):
                exceptions.open(KEYS_NOTE, None, {"note": note}, now_ms())
        exceptions.flush()

    writer.run(job)


def _jobs(
    room: KeyRoom, writer: Writer, life: HubLife, worker: IngestWorker, attachments: Attachments
) -> Sequence[Job]:
    return (
        Job(name="beat", every_s=BEAT_S, run=life.beat),
        Job(name="hint", every_s=HINT_EVERY_S, run=worker.say_state),
        Job(name="keys", every_s=HOURLY_S, run=room.registry.forget_expired),
        Job(name="audit", every_s=AUDIT_EVERY_S, run=DayAudit(writer, now_ms).run),
        Job(name="attachments", every_s=REVIEW_EVERY_S, run=attachments.review),
    )


def _send(link: MqttLink, topic: str, body: bytes) -> None:
    link.publish(topic, body)


def _fleet_jobs(fleet: Fleet) -> Sequence[Job]:
    return (
        Job(name="fleet", every_s=FLEET_EVERY_S, run=fleet.dispatch.run),
        Job(name="hub-keys", every_s=HUB_KEYS_EVERY_S, run=partial(_renew_hub_keys, fleet)),
    )


def _renew_hub_keys(fleet: Fleet) -> None:
    """Tell devices of the hub's keys, if they are others since."""
    if fleet.press.publish_hub_keys():
        fleet.dispatch.changed()


def _parts(hub: Hub, api_port: int, broker_port: int) -> Parts:
    """Show the API what it stands in front of."""
    wake = hub.towards_core.forwarder.wake
    admit = hub.broker.reload if hub.broker is not None else _nothing_to_reload
    address = public_address(hub.config, api_port, broker_port)
    return Parts(
        room=hub.room,
        writer=hub.writer,
        enrolment=Enrolment(hub.room, address, clock=now_ms, admit=admit),
        clerk=Clerk(
            hub.room.registry,
            hub.writer,
            Opener(hub.room.keys.sealing),
            clock=now_ms,
            work_committed=wake,
            rules=rules_of(hub.config),
            released=hub.worker.tell,
        ),
        registry=hub.worker.measures.registry,
        counters=hub.counters,
        statuses=hub.statuses,
        work_committed=wake,
        admit=admit,
        attachments=hub.attachments,
        media_links=media_links(hub.config, hub.room, api_port),
        clock=now_ms,
        fleet=hub.fleet,
        deny_press=hub.cards.deny_press,
        beacons=hub.beacons.desk,
        phones=hub.beacons.phones,
        firmware=hub.beacons.firmware,
        is_connected=lambda device: hub.ingest.sessions.current(device) is not None,
        town=hub.config.town,
        relay=hub.desks.relay,
        lost_cards=hub.desks.lost_cards,
    )


# ---- the stop


async def _stop_forwarder(forwarder: Forwarder, task: "asyncio.Task[None]") -> None:
    """Let what is under way end; after the limit its outcome is in doubt, which its row says."""
    forwarder.stop()
    await asyncio.wait([task], timeout=FORWARDER_STOP_S)
    await _cancel(task)


async def _stop_server(server: Server, task: "asyncio.Task[None]") -> None:
    server.should_exit = True
    await asyncio.wait([task], timeout=SERVER_STOP_S)
    await _cancel(task)


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])


def _beat_once_more(life: HubLife) -> None:
    """Note how far the database has come; without it the next start knows what the last beat knew."""
    with suppress(VentanillaError, OSError):
        life.beat()


def _nothing_to_reload() -> None:
    """An external broker's permissions are the city's own to change."""


@contextmanager
def _told(folder: Path, ports: Mapping[str, int]) -> Generator[None]:
    """Say where this hub listens, while it does."""
    make_folder(folder)
    path = folder / PORTS_FILE
    write_whole(path, json.dumps(dict(ports)).encode())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
