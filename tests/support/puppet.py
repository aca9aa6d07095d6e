"""A device whose every message a test writes by hand, on a real link to a real hub.

Its keys follow from its name, and the hub is told of them; what it takes is sealed to the hub's own key.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from hub.ingest.apply import Incoming
from shared.adapters.mqtt_link import Address, LinkSettings, LinkUp, MqttLink, Received
from shared.adapters.tls import client_context
from shared.protocol import topics
from shared.protocol.acknowledgement import Acknowledgement, Welcome, decode_answer
from shared.protocol.keys import derive
from shared.protocol.mac import open_message
from shared.protocol.sealing import HubSealingPublicKey, SealingContext
from tests.simulation.device import secret_of
from tests.support.herd import Member, enrol_herd
from tests.support.hub_process import HubProcess
from tests.support.street import Kiosk, sealer
from tests.support.town import Inbox

PUBLISHES_MAX = 2_000
"""A puppet may flood."""


class Puppet(Kiosk):
    """One device; it says nothing of itself."""

    def __init__(self, member: Member, key: HubSealingPublicKey, hub: HubProcess) -> None:
        super().__init__(member.name)
        self._member = member
        self._hub = hub
        self._hub_key = key
        self._inbox = Inbox()
        self._link: MqttLink | None = None

    def contexts(self) -> dict[str, str]:
        """The same keys, sealed to the hub that there is."""
        context_key = sha256(self.name.encode()).digest()  # as `sealer` has it
        made = SealingContext(self._hub_key, self.name, sealer(self.name).context.id, context_key)
        return {made.context.id: made.context.sealed}

    def connect(self) -> None:
        """Take up a link, and wait until it stands."""
        certificate = self._member.certificate
        settings = LinkSettings(
            name=self.name,
            addresses=(Address(host="127.0.0.1", port=self._hub.broker_port),),
            tls=client_context(
                ca_pem=(self._hub.home / "keys" / "ca.crt").read_text(),
                certificate=certificate,
                key=certificate,
            ),
            subscriptions=(topics.down_filter(self.name), topics.HUB_STATE),
            subscription_qos=0,
            outstanding_max=PUBLISHES_MAX,
            backoff_first_ms=50,
            backoff_max_ms=200,
        )
        self._link = MqttLink(settings, self._inbox.events.put)
        self._link.start()
        self._inbox.next(LinkUp)

    def close(self) -> None:
        if self._link is not None:
            self._link.close()

    def say(self, *messages: Incoming) -> None:
        """Publish messages, whatever is answered."""
        assert self._link
        for message in messages:
            self._link.publish(message.topic, message.payload)

    def answer(self) -> Welcome | Acknowledgement:
        """The next word of the hub about sessions and frames."""
        down = derive(secret_of(self.name)).down
        while True:
            said = self._inbox.next(Received)
            if said.topic == topics.ack(self.name):
                return decode_answer(open_message({down.id: down.key}, said.topic, said.payload))

    def enter(self) -> None:
        """Begin a session."""
        self.say(self.birth())
        welcome = self.answer()
        assert isinstance(welcome, Welcome)
        self.session = welcome.session
        self.say(self.birth(self.session))
        assert isinstance(self.answer(), Acknowledgement)


def puppets(hub: HubProcess, folder: Path, names: Sequence[str]) -> dict[str, Puppet]:
    """Enrol devices at a hub that is stopped; no link yet."""
    members, key = enrol_herd(hub.home, folder, names, secret_of)
    return {member.name: Puppet(member, key, hub) for member in members}
