"""The desk's side of the relay: the hub's commands go to the card, the card's answers to the hub.

Rules:
- A desk holds no card key. Without the hub it recognises no card, and says so.
- One connection for one talk. Whatever fails on the network ends the talk: nothing is sent twice, and what
  nobody knows then is settled when the card is held there again.

Source: docs/PROTOCOL.md, section Cards at desks.
"""

from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from typing import Any, Final

from card_reader.transport.port import NotSentError, Transport, UnansweredError
from shared.adapters.device_keys import Identity
from shared.adapters.tls import client_context
from shared.model.errors import InputError, TransientError
from shared.model.fields import text, whole
from shared.protocol.mac import seal_message
from shared.protocol.parsing import as_object, parse_object
from shared.protocol.relay import COMMANDS_MAX, Answer, Begin, Failed, mac_topic, talks_path

TIMEOUT_S: Final = 10.0
"""For each step on the network; a hub that thinks longer is as good as away."""
ANSWER_BYTES_MAX: Final = 65_536
NAME_LENGTH_MAX: Final = 64
COMMAND_LENGTH_MAX: Final = 600


class RelayAwayError(TransientError):
    """The hub does not answer, and only it recognises cards; when it is back, hold the card there again."""


class RelayRefusedError(InputError):
    """The hub refused; its own words follow."""


class RelayClient:
    """Speaks to the hub for a desk.

    Args:
        identity: the desk's.
        timeout_s: for each step on the network.
    """

    def __init__(self, identity: Identity, timeout_s: float = TIMEOUT_S) -> None:
        self._identity = identity
        self._timeout_s = timeout_s

    def serve(self, card_uid: bytes, order: Mapping[str, object], transport: Transport) -> dict[str, Any]:
        """Have an order carried out with the card in the field.

        Args:
            card_uid: its number in the air.
            order: as `hub.domain.cards.orders` reads it.
            transport: to the card.

        Returns:
            The hub's verdict.

        Raises:
            RelayAwayError: the hub does not answer, or not sensibly.
            RelayRefusedError: the hub refused.
        """
        host, _, port = self._identity.answer.hub_url.removeprefix("https://").rstrip("/").rpartition(":")
        context = client_context(ca_pem=self._identity.answer.authority)
        connection = HTTPSConnection(host.strip("[]"), int(port), timeout=self._timeout_s, context=context)
        path = talks_path(self._identity.device)
        try:
            said = self._post(connection, path, Begin(uid=card_uid, order=order).to_body())
            for _ in range(COMMANDS_MAX):
                if "verdict" in said:
                    return as_object(said["verdict"], "verdict")
                n, command = whole(said, "n", 1, COMMANDS_MAX), _command(said)
                talk = f"{path}/{text(said, 'talk', NAME_LENGTH_MAX)}"
                said = self._post(connection, talk, Answer(n=n, heard=_heard(transport, command)).to_body())
        finally:
            connection.close()
        raise RelayAwayError(f"{RelayAwayError.__doc__} (a talk without end)")

    def _post(self, connection: HTTPSConnection, path: str, body: bytes) -> dict[str, Any]:
        message = seal_message(self._identity.keys.links.up, mac_topic(path), body)
        try:
            connection.request("POST", path, message)
            response = connection.getresponse()
            answer = response.read(ANSWER_BYTES_MAX)
            said = parse_object(answer)
        except (OSError, HTTPException, InputError) as error:
            raise RelayAwayError(f"{RelayAwayError.__doc__} ({type(error).__name__})") from error
        if response.status != HTTPStatus.OK:
            raise RelayRefusedError(str(said.get("detail") or f"the hub refused with {response.status}"))
        return said


def _command(said: Mapping[str, object]) -> bytes:
    try:
        return bytes.fromhex(text(said, "command", COMMAND_LENGTH_MAX))
    except ValueError:
        raise RelayAwayError(f"{RelayAwayError.__doc__} (a command that is none)") from None


def _heard(transport: Transport, command: bytes) -> bytes | Failed:
    try:
        return transport.transmit(command)
    except NotSentError:
        return Failed.NOT_SENT
    except UnansweredError:
        return Failed.NO_ANSWER
