"""The hub as its parts, and what they say of themselves: counters for Prometheus, statuses for readiness."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from hub.api.parts import Counters, PartStatus
from hub.assembly.beacons import BeaconWork
from hub.assembly.cards import CardWork
from hub.assembly.desks import Desks
from hub.assembly.forgetting import Forgetting
from hub.assembly.towards_core import TowardsCore, addresses
from hub.attachments.service import Attachments
from hub.broker.nats import NatsServer
from hub.config import HubConfig
from hub.db.journal_copy import JournalCopy
from hub.db.writer import Writer
from hub.fleet.fleet import Fleet
from hub.ingest.apply import Ingest
from hub.ingest.worker import IngestWorker
from hub.jobs.life import HubLife
from hub.jobs.mailbox_answers import MailboxAnswers
from hub.jobs.report_updates import ReportUpdates
from hub.jobs.timetable import Timetable
from hub.keys.room import KeyRoom


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The parts of a running hub.

    Attributes:
        journal_copy: None where a city accepts a single copy of its data.
        broker: None where a city runs its own.
    """

    config: HubConfig
    room: KeyRoom
    writer: Writer
    journal_copy: JournalCopy | None
    life: HubLife
    broker: NatsServer | None
    ingest: Ingest
    worker: IngestWorker
    towards_core: TowardsCore
    attachments: Attachments
    timetable: Timetable
    fleet: Fleet
    updates: ReportUpdates
    answers: MailboxAnswers
    desks: Desks
    forgetting: Forgetting
    cards: CardWork
    beacons: BeaconWork

    def counters(self) -> Counters:
        """What has been counted since the start, and how things stand."""
        forwarder, signed = self.towards_core.forwarder, self.towards_core.signed
        steady_ms = time.monotonic_ns() // 1_000_000
        loops = forwarder.loops
        return Counters(
            incarnation=self.life.incarnation,
            cautious=self.life.is_cautious,
            connected=self.worker.connected,
            broker_restarts=0 if self.broker is None else self.broker.restarts,
            sessions=self.ingest.sessions.count,
            events=self.worker.events,
            waiting=self.worker.waiting,
            dropped=dict(self.worker.dropped),
            refused=dict(self.ingest.refused),
            unanswered=self.worker.unanswered,
            commits=self.writer.commits_total,
            commits_failed=self.writer.commits_failed_total,
            jobs_waiting=self.writer.jobs_waiting,
            forwarded={name: loop.forwarded for name, loop in loops.items()},
            forward_failed={
                (name, failure.value): count
                for name, loop in loops.items()
                for failure, count in loop.failed.items()
            },
            breakers={name: loop.breaker.state(steady_ms).value for name, loop in loops.items()},
            forwarder_restarts=forwarder.restarts,
            signatures_checked=0 if signed is None else signed.checked,
            signatures_refused=0 if signed is None else signed.refused,
            devices_behind=self.fleet.dispatch.behind,
            guidance_sent=self.fleet.dispatch.sent,
            report_updates=self.updates.heard,
            report_turns_failed=self.updates.failed,
            mailbox_answers=self.answers.heard,
            mailbox_turns_failed=self.answers.failed,
            mailbox_forgotten=self.forgetting.mailbox.forgotten,
            card_orders=dict(self.desks.relay.verdicts),
            contacts_forgotten=self.forgetting.cases.contacts,
            photographs_forgotten=self.forgetting.cases.photographs,
            contexts_forgotten=self.forgetting.cases.contexts,
            firmware_fetched=self.beacons.firmware.fetched,
            taps_judged=dict(self.cards.seals.judged),
            key_copy_behind=self.room.registry.copy_is_behind,
            journal_copy_behind=self.journal_copy is not None and self.journal_copy.is_behind,
        )

    def statuses(self) -> Sequence[PartStatus]:
        """Every part, and why it does not work; a reason beside a part that works is a warning."""
        return (
            self._keys(),
            self._database(),
            *([] if self.broker is None else [self._broker(self.broker)]),
            self._link(),
            self._jobs(),
            *(self._work(name, url) for name, url in addresses(self.config)),
        )

    def _keys(self) -> PartStatus:
        behind = self.room.registry.copy_is_behind
        reason = "their second copy lacks something; mount its disk (key_copy_dir)" if behind else ""
        return PartStatus(part="keys", ready=True, reason=reason)

    def _database(self) -> PartStatus:
        answers = self.writer.answers()
        behind = self.journal_copy is not None and self.journal_copy.is_behind
        reason = "its journal copy lacks something; look at its disk (journal_copy_dir)" if behind else ""
        if self.writer.failing:
            reason = f"nothing is taken: {self.writer.failing}"
        if not answers:
            reason = "it cannot be read; look at its disk or its server"
        return PartStatus(part="database", ready=answers and not self.writer.failing, reason=reason)

    def _broker(self, broker: NatsServer) -> PartStatus:
        is_up = broker.pid is not None
        reason = "" if is_up else "it is being started again; if this lasts, read broker/nats.log"
        return PartStatus(part="broker", ready=is_up, reason=reason)

    def _link(self) -> PartStatus:
        reason = "" if self.worker.connected else "not connected to the broker; it dials again by itself"
        return PartStatus(part="link", ready=self.worker.connected, reason=reason)

    def _jobs(self) -> PartStatus:
        failing = ", ".join(f"{name} ({error})" for name, error in sorted(self.timetable.failing.items()))
        reason = f"failed at the last turn: {failing}; read the log" if failing else ""
        return PartStatus(part="jobs", ready=True, reason=reason)

    def _work(self, name: str, url: str) -> PartStatus:
        reason = "" if url else f"no address, so its work waits; set VENTANILLA_{name.upper()}_URL"
        return PartStatus(part=name, ready=True, reason=reason)
