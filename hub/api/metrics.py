"""Every figure of the hub that Prometheus reads, made when it asks.

The headline is `ventanilla_oldest_unacknowledged_payment_seconds`: how long a device's oldest payment that
the hub has heard of and does not hold has been waiting. It is 0 while a lane flows.

Rules: no label carries a person, a card or a text; a figure costs what is open, not what was.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from hub.api.parts import Counters, Parts
from hub.db.device_listings import Sighting, Unacknowledged, sightings, unacknowledged
from hub.db.gauges import Gauges, read_gauges
from hub.keys.entries import Device
from shared.model.event import Stream

FRESH_BIRTH_MS: Final = 60_000
BREAKER_OPEN: Final = "open"


@dataclass(frozen=True, slots=True)
class _Wait:
    """Numbers up to `heard` wait since `since_ms`."""

    epoch: str
    heard: int
    since_ms: int


class PaymentAges:
    """How long each device's oldest unacknowledged payment has waited, as far as the hub can know.

    What was heard of at one look and is not held at the next has waited at least since the first. A birth
    says how long the device itself has been waiting.
    """

    def __init__(self) -> None:
        """Begin without having looked."""
        self._waits: dict[str, _Wait] = {}

    def look(
        self, behind: Iterable[Unacknowledged], seen: Mapping[str, Sighting], now_ms: int
    ) -> Mapping[str, float]:
        """Return the ages in seconds, of devices that were ever seen.

        Args:
            behind: payment lanes of which more is heard than held.
            seen: the last births.
            now_ms: the hub's clock.
        """
        waits: dict[str, _Wait] = {}
        for lane in behind:
            before = self._waits.get(lane.device)
            goes_on = before is not None and before.epoch == lane.epoch and lane.watermark < before.heard
            if before is not None and goes_on:
                wait = before
            else:
                wait = _Wait(lane.epoch, lane.heard, _since_ms(seen.get(lane.device), now_ms))
            earlier = waits.get(lane.device)
            if earlier is None or wait.since_ms < earlier.since_ms:
                waits[lane.device] = wait
        self._waits = waits
        return {
            name: (now_ms - waits[name].since_ms) / 1000 if name in waits else 0.0
            for name in sorted({*seen, *waits})
        }


def _since_ms(seen: Sighting | None, now_ms: int) -> int:
    if seen is None or seen.last_seen_ms is None or now_ms - seen.last_seen_ms > FRESH_BIRTH_MS:
        return now_ms
    return seen.last_seen_ms - seen.waiting_ms.get(Stream.PAYMENTS, 0)


class HubCollector(Collector):
    """Reads the hub's parts and its database at each scrape."""

    def __init__(self, parts: Parts) -> None:
        """Take the hub."""
        self._parts = parts
        self._ages = PaymentAges()

    def describe(self) -> Iterable[Metric]:
        """Describe nothing ahead: registering must not read the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Make every figure."""
        now_ms = self._parts.clock()
        with self._parts.writer.read() as connection:
            gauges = read_gauges(connection)
            seen = sightings(connection)
            behind = unacknowledged(connection, Stream.PAYMENTS)
        yield from _of_devices(
            self._parts.room.registry.devices(), seen, self._ages.look(behind, seen, now_ms)
        )
        yield from _of_process(self._parts.counters())
        yield from _of_forwarder(self._parts.counters())
        yield from _of_database(gauges, now_ms)


def _of_devices(
    devices: Iterable[Device], seen: Mapping[str, Sighting], ages: Mapping[str, float]
) -> Iterator[Metric]:
    yield _labelled(
        "oldest_unacknowledged_payment_seconds",
        "How long the oldest payment that the hub has heard of and does not hold has waited.",
        "device",
        ages,
    )
    births = {name: one.last_seen_ms / 1000 for name, one in seen.items() if one.last_seen_ms is not None}
    yield _labelled("device_last_birth_timestamp_seconds", "The last confirmed birth.", "device", births)
    states = dict[str, float]()
    for device in devices:
        states[device.state.value] = states.get(device.state.value, 0) + 1
    yield _labelled("devices", "Enrolled devices, by state.", "state", states)


def _of_process(counters: Counters) -> Iterator[Metric]:
    yield _plain("incarnation", "This life of the hub.", counters.incarnation)
    yield _plain("cautious", "1 while the core may know more than the database.", counters.cautious)
    yield _plain("link_up", "1 while the hub is connected to the broker.", counters.connected)
    yield _plain("sessions", "Devices that speak in a session.", counters.sessions)
    yield _plain("ingest_waiting_messages", "Messages that wait for a transaction.", counters.waiting)
    yield _plain("writer_jobs_waiting", "Jobs that wait for the database.", counters.jobs_waiting)
    yield _plain(
        "key_copy_behind", "1 while the keys' second copy lacks something.", counters.key_copy_behind
    )
    yield _plain(
        "journal_copy_behind",
        "1 while the second copy of every commit lacks something.",
        counters.journal_copy_behind,
    )
    yield _plain(
        "devices_behind", "Devices that have yet to report what they were sent.", counters.devices_behind
    )
    yield _counted("guidance_messages", "Settings, bundles and commands sent.", counters.guidance_sent)
    yield _counted("firmware_fetches", "Fetches of a firmware that nodes began.", counters.firmware_fetched)
    yield _counted("broker_restarts", "Embedded brokers that had to be replaced.", counters.broker_restarts)
    yield _counted("committed_events", "Events committed since the start.", counters.events)
    yield _counted("unanswered", "Answers that the link did not take.", counters.unanswered)
    yield _counted("commits", "Transactions committed.", counters.commits)
    yield _counted("commit_failures", "Transactions that were not committed.", counters.commits_failed)
    yield _counted_by("dropped_messages", "Messages dropped.", "cause", counters.dropped)
    yield _counted_by("refused_messages", "Messages refused.", "cause", counters.refused)


def _of_forwarder(counters: Counters) -> Iterator[Metric]:
    yield _counted_by("forwarded", "Effects that the core has taken.", "connector", counters.forwarded)
    yield _counted_by("card_orders", "What came of orders at desks.", "said", counters.card_orders)
    failed = CounterMetricFamily(
        "ventanilla_forward_failures", "Attempts that did not end well.", labels=("connector", "failure")
    )
    for (connector, failure), count in counters.forward_failed.items():
        failed.add_metric((connector, failure), count)
    yield failed
    yield _labelled(
        "breaker_open",
        "1 while a connector's endpoint is left alone.",
        "connector",
        {name: float(state == BREAKER_OPEN) for name, state in counters.breakers.items()},
    )
    yield _counted("report_updates", "What the core said of reports that was new.", counters.report_updates)
    yield _counted(
        "report_turns_failed", "Turns of asking that the core did not answer.", counters.report_turns_failed
    )
    yield _counted(
        "mailbox_answers", "What the core answered to what citizens wrote.", counters.mailbox_answers
    )
    yield _counted(
        "mailbox_turns_failed",
        "Turns of asking for answers that the core did not answer.",
        counters.mailbox_turns_failed,
    )
    yield _counted(
        "mailbox_forgotten", "Entries of the mailbox that lost their words.", counters.mailbox_forgotten
    )
    yield _counted("contacts_forgotten", "Reports that lost their contact.", counters.contacts_forgotten)
    yield _counted(
        "photographs_forgotten", "Photographs that are not kept any more.", counters.photographs_forgotten
    )
    yield _counted(
        "contexts_forgotten",
        "Sessions of citizens whose sealed lines nobody can open any more.",
        counters.contexts_forgotten,
    )
    yield _counted_by(
        "taps_judged", "Taps held against their cards' signatures.", "verdict", counters.taps_judged
    )
    yield _counted("forwarder_restarts", "Loops that had to be started again.", counters.forwarder_restarts)
    yield _counted("signatures_checked", "Payments whose signature held.", counters.signatures_checked)
    yield _counted("signatures_refused", "Payments that nobody vouches for.", counters.signatures_refused)


def _of_database(gauges: Gauges, now_ms: int) -> Iterator[Metric]:
    yield _labelled("quarantine_waiting", "Lines in quarantine.", "device", gauges.quarantine)
    yield _labelled("losses_unresolved", "Unresolved loss records.", "reason", gauges.losses)
    yield _labelled(
        "attachments_missing",
        "Photographs that devices announced and have not sent.",
        "device",
        gauges.attachments_missing,
    )
    yield _labelled("exceptions_open", "Open cases for a clerk.", "kind", gauges.exceptions)
    work = GaugeMetricFamily(
        "ventanilla_outgoing", "Effects that are not done.", labels=("connector", "state")
    )
    for (connector, state), count in gauges.outgoing.items():
        work.add_metric((connector, state), count)
    yield work
    ages = {name: max(0, now_ms - since_ms) / 1000 for name, since_ms in gauges.oldest_outgoing_ms.items()}
    yield _labelled("outgoing_oldest_seconds", "Age of the oldest effect not done.", "connector", ages)


def _plain(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"ventanilla_{name}", words, value=float(value))


def _labelled(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    metric = GaugeMetricFamily(f"ventanilla_{name}", words, labels=(label,))
    for key, value in values.items():
        metric.add_metric((key,), float(value))
    return metric


def _counted(name: str, words: str, value: int) -> Metric:
    return CounterMetricFamily(f"ventanilla_{name}", words, value=value)


def _counted_by(name: str, words: str, label: str, values: Mapping[str, int]) -> Metric:
    metric = CounterMetricFamily(f"ventanilla_{name}", words, labels=(label,))
    for key, value in values.items():
        metric.add_metric((key,), value)
    return metric
