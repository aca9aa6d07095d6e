"""What the API stands in front of: the hub's parts, as the routers see them.

The composition root fills this in; a test fills in its own. What the ingest and the forwarder do is behind
small protocols here, because the rooms of the rim do not import one another.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry

from hub.attachments.links import MediaLinks
from hub.attachments.service import Attachments
from hub.db.writer import Writer
from hub.fleet.beacon_desk import BeaconDesk
from hub.fleet.deny_press import DenyPress
from hub.fleet.firmware_desk import FirmwareDesk
from hub.fleet.fleet import Fleet
from hub.fleet.phone_press import PhonePress
from hub.keys.enrolment import Enrolment
from hub.keys.room import KeyRoom
from hub.relay.lost_cards import LostCards
from hub.relay.relay import Relay


class Decided(Protocol):
    """What a clerk's decision did."""

    @property
    def taken(self) -> int:
        """Lines that were taken."""
        ...

    @property
    def waiting(self) -> int:
        """Lines that were looked at and still wait."""
        ...


class Clerk(Protocol):
    """Carries a clerk's decisions out."""

    def release_device(self, device: str) -> Decided:
        """Let a fenced device go on, and take what it sent meanwhile."""
        ...

    def release_line(self, number: int) -> Decided:
        """Take a quarantined line after all."""
        ...

    def discard_line(self, number: int) -> Decided:
        """Decide that a quarantined line has no effect."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStatus:
    """Whether a part of the hub does its work.

    Attributes:
        reason: why not, with the remedy; empty where it does.
    """

    part: str
    ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What the running process has counted since its start, and how it stands.

    Attributes:
        incarnation: this life of the hub.
        cautious: whether the core may know more than the database, after a restore.
        connected: whether the link to the broker is up.
        broker_restarts: how often the embedded broker had to be replaced.
        sessions: devices that speak in a session.
        events: events committed.
        waiting: messages that wait for a transaction.
        dropped: messages dropped, by cause.
        refused: messages refused, by cause.
        unanswered: answers that the link did not take.
        commits: transactions committed.
        commits_failed: transactions that were not.
        jobs_waiting: jobs that wait for the writer.
        forwarded: effects that the core has taken, by connector.
        forward_failed: attempts that did not end well, by connector and class.
        breakers: where each connector's breaker stands.
        forwarder_restarts: loops that had to be started again.
        signatures_checked: payments whose signature held.
        signatures_refused: payments that nobody vouches for.
        devices_behind: connected devices that have yet to report what they were sent.
        guidance_sent: settings, bundles and commands sent.
        report_updates: what the core said of reports that was new.
        report_turns_failed: turns of asking for it that the core did not answer to their end.
        mailbox_answers: what the core answered to what citizens wrote.
        mailbox_turns_failed: turns of asking for it that the core did not answer to their end.
        mailbox_forgotten: entries of the mailbox that lost their words, because it was time.
        card_orders: what came of orders at desks, by its word.
        contacts_forgotten: reports that lost their contact, because they are over.
        photographs_forgotten: photographs that are not kept any more, because their reports are over.
        contexts_forgotten: sessions of citizens whose sealed lines nobody can open any more.
        firmware_fetched: fetches of a firmware that nodes began.
        taps_judged: taps that were held against their cards' signatures, by the verdict.
        key_copy_behind: whether the keys' second copy lacks something.
        journal_copy_behind: whether the second copy of every commit lacks something.
    """

    incarnation: int
    cautious: bool
    connected: bool
    broker_restarts: int
    sessions: int
    events: int
    waiting: int
    dropped: Mapping[str, int]
    refused: Mapping[str, int]
    unanswered: int
    commits: int
    commits_failed: int
    jobs_waiting: int
    forwarded: Mapping[str, int]
    forward_failed: Mapping[tuple[str, str], int]
    breakers: Mapping[str, str]
    forwarder_restarts: int
    signatures_checked: int
    signatures_refused: int
    devices_behind: int
    guidance_sent: int
    report_updates: int
    report_turns_failed: int
    mailbox_answers: int
    mailbox_turns_failed: int
    mailbox_forgotten: int
    card_orders: Mapping[str, int]
    contacts_forgotten: int
    photographs_forgotten: int
    contexts_forgotten: int
    firmware_fetched: int
    taps_judged: Mapping[str, int]
    key_copy_behind: bool
    journal_copy_behind: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The hub behind the API.

    Attributes:
        room: keys and registry.
        writer: the database.
        enrolment: turns tokens into devices.
        clerk: carries decisions out.
        registry: Prometheus's; what is measured where it happens.
        counters: asked at each scrape.
        statuses: asked at each look at readiness.
        work_committed: new outgoing work may be in the database.
        admit: the list of certificates has changed; the broker must know.
        attachments: bodies that devices send apart.
        media_links: addresses of photographs, for the core.
        clock: the hub's time, Unix epoch in milliseconds.
        fleet: settings, bundles and commands.
        deny_press: blocks cards, and publishes the deny list.
        beacons: places, interests and notices, as a clerk changes them.
        phones: what phones get of them.
        firmware: what beacons are to run.
        is_connected: whether a device speaks in a session now.
        town: what the town is called.
        relay: holds talks with cards at desks.
        lost_cards: blocks cards that their holders lost.
    """

    room: KeyRoom
    writer: Writer
    enrolment: Enrolment
    clerk: Clerk
    registry: CollectorRegistry
    counters: Callable[[], Counters]
    statuses: Callable[[], Sequence[PartStatus]]
    work_committed: Callable[[], None]
    admit: Callable[[], None]
    attachments: Attachments
    media_links: MediaLinks
    clock: Callable[[], int]
    fleet: Fleet
    deny_press: DenyPress
    beacons: BeaconDesk
    phones: PhonePress
    firmware: FirmwareDesk
    is_connected: Callable[[str], bool]
    town: str
    relay: Relay
    lost_cards: LostCards
