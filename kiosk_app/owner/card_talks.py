"""Talks with cards, on a screen's behalf: the owner alone has the key to ask with, and reads none of it.

The order and the verdict are sealed between the screen and the hub; what passes between them are the bytes
that the card sees. One connection for one talk: a citizen holds a card there meanwhile.

Source: docs/PROTOCOL.md, section Cards at desks.
"""

import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from typing import Any, Final

from shared.adapters.device_keys import Identity
from shared.adapters.enrolment_client import HubUnreachableError
from shared.adapters.tls import client_context
from shared.model.errors import InputError
from shared.protocol.mac import seal_message
from shared.protocol.parsing import encode, parse_object
from shared.protocol.relay import BODY_BYTES_MAX, mac_topic, talks_path

TIMEOUT_S: Final = 8.0
"""For each step on the network: a citizen stands there."""
ANSWER_BYTES_MAX: Final = 32_768


class CardTalks:
    """Asks the hub what comes next; any thread may, one at a time.

    Args:
        identity: who asks, and where the hub is.
        timeout_s: for each step on the network.
    """

    def __init__(self, identity: Identity, timeout_s: float = TIMEOUT_S) -> None:
        self._identity = identity
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._connection: HTTPSConnection | None = None

    def ask(self, talk: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask the hub.

        Args:
            talk: its name; empty begins one.
            body: what is sent.

        Raises:
            InputError: it is longer than a body may be, or the hub refuses it.
            HubUnreachableError: no answer, or none that can be read.
        """
        path = talks_path(self._identity.device) + (f"/{talk}" if talk else "")
        message = seal_message(self._identity.keys.links.up, mac_topic(path), encode(body) + b"\n")
        if len(message) > BODY_BYTES_MAX:
            raise InputError("a screen sends less than that of a card; install one version")
        with self._lock:
            if not talk:
                self._hang_up()
            return self._post(path, message)

    def _post(self, path: str, message: bytes) -> Mapping[str, Any]:
        connection = self._connection = self._connection or self._connect()
        is_over = True
        try:
            connection.request("POST", path, message)
            response = connection.getresponse()
            said = parse_object(response.read(ANSWER_BYTES_MAX))
            is_over = "command" not in said
        except (OSError, HTTPException, InputError) as error:
            raise HubUnreachableError(f"{HubUnreachableError.__doc__} ({type(error).__name__})") from error
        finally:
            if is_over:
                self._hang_up()
        if response.status != HTTPStatus.OK:
            raise InputError(f"the hub refused to speak to a card ({response.status}); look at its log")
        return said

    def _connect(self) -> HTTPSConnection:
        host, _, port = self._identity.answer.hub_url.removeprefix("https://").rstrip("/").rpartition(":")
        context = client_context(ca_pem=self._identity.answer.authority)
        return HTTPSConnection(host.strip("[]"), int(port), timeout=self._timeout_s, context=context)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
