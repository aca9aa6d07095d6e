"""A device in this process: real identity, outbox, owner and link; with or without a hub to speak to."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hub.keys.enrolment import Enrolment, HubAddress, TokenWanted
from shared.adapters import device_keys
from shared.adapters.mqtt_link import Address, LinkSettings, MqttLink
from shared.adapters.outbox import Outbox, OutboxLimits
from shared.edge.device_time import DeviceTime, system_time
from shared.edge.faceless_settings import FacelessSettings
from shared.edge.fetching import BackgroundFetch
from shared.edge.guidance import Guidance, GuidanceParts
from shared.edge.happenings import Happening, happening
from shared.edge.home import DeviceHome
from shared.edge.memory import DeviceMemory
from shared.edge.operations import Operations, RecentLog
from shared.edge.parts import Parts
from shared.edge.pseudonyms import Pseudonyms
from shared.edge.runtime import EdgeRuntime
from shared.edge.seam import Taken
from shared.edge.teller import Teller
from shared.model.event import EventType
from shared.protocol import topics
from shared.protocol.enrolment import EnrolmentRequest
from tests.support.town import Town, now_ms

TAKE_S = 10.0


@dataclass(frozen=True, slots=True)
class Hand:
    """Somebody at the device."""

    runtime: EdgeRuntime
    make_teller: Callable[[], Teller]
    teller: Teller
    pseudonyms: Pseudonyms

    def tap(self, counter: int, *, event_id: str | None = None) -> Happening:
        """A card that was held to the reader."""
        data = {"counter": counter, "amount_minor": 150, "currency": "EUR", "product": "sencillo"}
        subject = self.pseudonyms.of("card", "04A2")
        return happening(
            EventType.TAP_CHARGED, data, event_id=event_id or self.teller.new_event_id(), subject=subject
        )

    def report(self, text: str = "Baldosa suelta") -> Happening:
        """An incident that a citizen reports."""
        event_id = self.teller.new_event_id()
        reference = self.pseudonyms.reference("bus-7", event_id)
        data = {"reference": reference, "service_code": "aceras", "description": text, "channel": "kiosk"}
        return happening(EventType.INCIDENT_REPORTED, data, event_id=event_id)

    def take(self, what: Happening) -> Taken:
        """Take it in a session of its own."""
        with self.teller.session() as session:
            return session.take(what, TAKE_S)

    def status(self) -> Mapping[str, Any]:
        """How the device stands."""
        return self.runtime.status().result(TAKE_S).members()


def enrol_home(town: Town, home: DeviceHome, device: str, *, port: int | None = None) -> None:
    """Enrol a device into its home, all but the HTTP; its broker is at another port, if one is given."""
    address = HubAddress(hub="127.0.0.1:1", brokers=(f"127.0.0.1:{port or town.port}",))
    enrolment = Enrolment(town.room, address, clock=now_ms, admit=lambda: None)
    token = enrolment.issue(TokenWanted(device=device))
    keys = device_keys.pending_keys(home.identity)
    request = EnrolmentRequest(
        device=device,
        secret=token.secret.hex(),
        k_up=keys.links.up.key.hex(),
        k_down=keys.links.down.key.hex(),
        signing=keys.signing.public_key().public_bytes_raw().hex(),
        csr=keys.certification_request(device),
    )
    device_keys.accept(home.identity, enrolment.enrol(request))


@contextmanager
def running(
    home: DeviceHome,
    *,
    clock: DeviceTime | None = None,
    bounds: OutboxLimits | None = None,
    open_outbox: Callable[[Path, str], Outbox] | None = None,
    boot_id: str = "boot-1",
    port: int | None = None,
) -> Generator[Hand]:
    """Run a device that was enrolled into a home.

    Args:
        home: its folders.
        clock: its clocks; None for the machine's.
        bounds: of its outbox.
        open_outbox: opens it, where a test has its own.
        boot_id: which start of the machine this is.
        port: where the broker is; None for where enrolment says.
    """
    clock = clock or system_time()
    with home.locked():
        identity = device_keys.load(home.identity)
        broker = int(identity.answer.brokers[0].rpartition(":")[2])
        settings = LinkSettings(
            name=identity.device,
            addresses=(Address(host="127.0.0.1", port=broker if port is None else port),),
            tls=identity.tls_context(),
            subscriptions=(topics.down_filter(identity.device), topics.HUB_STATE),
            subscription_qos=0,
            backoff_first_ms=50,
            backoff_max_ms=200,
        )
        opening = open_outbox or (lambda path, device: Outbox(path, device, bounds))
        guidance = Guidance(
            GuidanceParts(
                identity=identity,
                folder=home.identity,
                settings=FacelessSettings(identity, identity.tls_context(), 200),
                operations=Operations(clock.uptime_ms, RecentLog(), lambda: None),
                fetch=BackgroundFetch(identity),
                uptime_ms=clock.uptime_ms,
                wall_ms=clock.wall_ms,
                taken=lambda _held, _content: None,
            )
        )
        runtime = EdgeRuntime(
            Parts(
                guidance=guidance,
                identity=identity,
                memory=DeviceMemory(home.identity, boot_id),
                clock=clock,
                open_outbox=lambda: opening(home.outbox, identity.device),
                make_link=lambda deliver, will: MqttLink(settings, deliver, will=will),
            )
        )
        runtime.start()
        try:
            teller = partial(Teller, identity.device, identity.hub_sealing, runtime, clock)
            yield Hand(runtime, teller, teller(), Pseudonyms(identity.fleet_key))
        finally:
            runtime.stop()
