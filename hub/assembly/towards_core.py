"""From settings to connectors: one for each address that was given; work for the others waits.

Every connector stands behind caution after a restore, and settlements behind the check of signatures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hub.assembly.cards import RingSeals
from hub.attachments.links import MediaLinks
from hub.config import HubConfig
from hub.core import mailbox, notices, settlements
from hub.core.batch import BatchConnector
from hub.core.cloudevents import cloudevents_connector
from hub.core.exchange import Endpoint
from hub.core.mailbox_answers import Answers
from hub.core.media import Media
from hub.core.open311 import Open311Connector, Open311Settings
from hub.core.open311_photographs import PhotographConnector, PhotographSettings
from hub.core.open311_updates import Updates
from hub.core.port import Connector
from hub.db.unit_of_work import Rules
from hub.db.writer import Writer
from hub.fleet.fleet import Fleet
from hub.forwarder.caution import Cautious
from hub.forwarder.worker import Forwarder, ForwarderSettings
from hub.jobs.mailbox_answers import MailboxAnswers
from hub.jobs.media import HubMedia
from hub.jobs.report_updates import ReportUpdates, Telling
from hub.jobs.signatures import SignedSettlements
from hub.keys.room import KeyRoom
from hub.usecases.cloud_events import CLOUDEVENTS
from shared.adapters.mqtt_link import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class TowardsCore:
    """The forwarder, and the check that it stands behind.

    Attributes:
        signed: None where no address for settlements was given.
    """

    forwarder: Forwarder
    signed: SignedSettlements | None


def make_forwarder(
    config: HubConfig,
    writer: Writer,
    room: KeyRoom,
    *,
    api_port: int,
    clock: Callable[[], int],
    is_cautious: Callable[[], bool],
) -> TowardsCore:
    """Make the forwarder with its connectors.

    Args:
        config: the settings.
        writer: the database.
        room: knows every signing key that a device ever had, and the hub's own keys.
        api_port: where photographs are fetched, unless `media_base_url` says otherwise.
        clock: the hub's time, Unix epoch in milliseconds.
        is_cautious: whether the core may know more than the database.
    """
    connectors: list[Connector] = []
    signed: SignedSettlements | None = None
    if config.open311_url:
        media = HubMedia(writer, media_links(config, room, api_port), clock)
        connectors.append(_open311(config, media))
        if tells_photographs(config):
            connectors.append(_photographs(config, media))
    if config.settlements_url:
        core = BatchConnector(
            _endpoint(config, config.settlements_url, config.settlements_key),
            name=settlements.NAME,
            path=settlements.PATH,
            batch_max=config.settlements_batch,
            parallel_max=config.settlements_parallel,
        )
        signed = SignedSettlements(core, writer, room.registry, RingSeals(room.card_keys), clock)
        connectors.append(signed)
    if config.notices_url:
        core = BatchConnector(
            _endpoint(config, config.notices_url, config.notices_key),
            name=notices.NAME,
            path=notices.PATH,
            batch_max=config.notices_batch,
            parallel_max=config.notices_parallel,
        )
        connectors.append(core)
    if config.cloudevents_url:
        endpoint = _endpoint(config, config.cloudevents_url, config.cloudevents_key)
        batch_max, parallel_max = config.cloudevents_batch, config.cloudevents_parallel
        connectors.append(cloudevents_connector(endpoint, batch_max=batch_max, parallel_max=parallel_max))
    if config.mailbox_url:
        core = mailbox.mailbox_connector(
            _endpoint(config, config.mailbox_url, config.mailbox_key),
            batch_max=config.mailbox_batch,
            parallel_max=config.mailbox_parallel,
        )
        connectors.append(core)
    settings = ForwarderSettings(retry_max_ms=round(config.retry_max_s * 1000))
    cautious = [Cautious(connector, is_cautious) for connector in connectors]
    return TowardsCore(forwarder=Forwarder(cautious, writer, settings), signed=signed)


def rules_of(config: HubConfig) -> Rules:
    """Return what the settings decide for every transaction."""
    return Rules(purse_floor_minor=config.purse_floor_minor, publishes=bool(config.cloudevents_url))


def make_updates(config: HubConfig, writer: Writer, fleet: Fleet, clock: Callable[[], int]) -> ReportUpdates:
    """Make what asks how reports stand at the core.

    Args:
        config: the settings.
        writer: the database.
        fleet: tells devices.
        clock: the hub's time, Unix epoch in milliseconds.
    """
    endpoint = _endpoint(config, config.open311_url, config.open311_key)
    return ReportUpdates(
        lambda: Updates(endpoint, config.open311_jurisdiction),
        writer,
        Telling(note=fleet.own.tell_reports, sent=fleet.dispatch.heard),
        clock,
    )


def make_answers(config: HubConfig, writer: Writer, clock: Callable[[], int]) -> MailboxAnswers:
    """Make what asks what the core answers to what citizens wrote.

    Args:
        config: the settings.
        writer: the database.
        clock: the hub's time, Unix epoch in milliseconds.
    """
    endpoint = _endpoint(config, config.mailbox_url, config.mailbox_key)
    return MailboxAnswers(lambda: Answers(endpoint), writer, clock)


def addresses(config: HubConfig) -> Sequence[tuple[str, str]]:
    """Every kind of outgoing work, and the address that it goes to; empty where none was given."""
    return (
        ("open311", config.open311_url),
        (settlements.NAME, config.settlements_url),
        (notices.NAME, config.notices_url),
        (CLOUDEVENTS, config.cloudevents_url),
        (mailbox.NAME, config.mailbox_url),
    )


def media_links(config: HubConfig, room: KeyRoom, api_port: int) -> MediaLinks:
    """Make what makes the addresses of photographs."""
    own = f"https://{Address(host=config.public_host, port=api_port)}"
    return MediaLinks(room.keys.sealing, config.media_base_url or own)


def tells_photographs(config: HubConfig) -> bool:
    """Whether the core is told of photographs that come after their report."""
    return bool(config.open311_url) and config.open311_photographs != "clerk"


def _photographs(config: HubConfig, media: Media) -> Connector:
    settings = PhotographSettings(
        endpoint=_endpoint(config, config.open311_url, config.open311_key),
        jurisdiction_id=config.open311_jurisdiction,
        keyed=config.open311_photographs == "keyed",
    )
    return PhotographConnector(settings, media)


def _open311(config: HubConfig, media: Media) -> Connector:
    return Open311Connector(
        Open311Settings(
            endpoint=_endpoint(config, config.open311_url, config.open311_key),
            jurisdiction_id=config.open311_jurisdiction,
            reference_query=config.open311_reference_query,
            parallel_max=config.open311_parallel,
            settle_s=config.open311_settle_s,
        ),
        media,
    )


def _endpoint(config: HubConfig, url: str, key: str) -> Endpoint:
    return Endpoint(base_url=url, api_key=key, timeout_s=config.core_timeout_s, ca_file=config.core_ca_file)
