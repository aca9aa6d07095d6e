"""Settings in force on a device without a face: its link, what it takes and risks, how much it logs.

What only a face knows (languages, idle time) is kept and shown, and has no effect here.
"""

import logging
import ssl
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import structlog

from shared.adapters.device_keys import Identity
from shared.adapters.mqtt_link import Address, LinkSettings
from shared.edge.errors import ClosedBySettingsError
from shared.model.event import Stream
from shared.protocol import limits, topics
from shared.protocol.settings import BACKOFF_MAX_S, BROKERS, CASES_TAKEN, OFFLINE_LIMIT, PAYMENTS_TAKEN

_LEVELS: Final = MappingProxyType(
    {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
)


class FacelessSettings:
    """Puts settings in force. Implements `shared.edge.twin_keeper.SettingsPort`.

    Args:
        identity: names the brokers of the enrolment.
        tls: shows the device's certificate; a renewed one is put into it.
        backoff_cap_ms: the longest wait between two dials that whoever started the process allows.
    """

    def __init__(self, identity: Identity, tls: ssl.SSLContext, backoff_cap_ms: int) -> None:
        self._identity = identity
        self._cap_ms = backoff_cap_ms
        self._tls = tls
        self._doc: Mapping[str, Any] = {}

    def apply(self, doc: Mapping[str, Any]) -> bool:
        """Put a document in force; tells whether the link has to be made anew."""
        before, self._doc = self._link_of(self._doc), doc
        level = doc.get("log.level", "info")
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]))
        return self._link_of(doc) != before

    @property
    def in_force(self) -> Mapping[str, Any]:
        """Value by setting, for a face; from any thread."""
        return self._doc

    def link(self) -> LinkSettings:
        """Return the settings of the link."""
        brokers, backoff_max_ms = self._link_of(self._doc)
        return LinkSettings(
            name=self._identity.device,
            addresses=tuple(_address(text) for text in brokers),
            tls=self._tls,
            subscriptions=(topics.down_filter(self._identity.device), topics.HUB_STATE),
            subscription_qos=0,
            backoff_first_ms=min(limits.BACKOFF_FIRST_MS, backoff_max_ms),
            backoff_max_ms=backoff_max_ms,
        )

    def closed(self, stream: Stream) -> str | None:
        """Return why nobody may begin on a stream; from any thread."""
        name = _TAKEN.get(stream)
        is_open = name is None or self._doc.get(name, True)
        return None if is_open else ClosedBySettingsError.__doc__

    def offline_limit_minor(self) -> int:
        """Return what one card may spend while the deny list has expired; from any thread."""
        return int(self._doc.get(OFFLINE_LIMIT, limits.OFFLINE_LIMIT_MINOR))

    def _link_of(self, doc: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
        brokers = tuple(doc.get(BROKERS, self._identity.answer.brokers))
        longest_ms = doc.get(BACKOFF_MAX_S, limits.BACKOFF_MAX_MS // 1000) * 1000
        return brokers, min(longest_ms, self._cap_ms)


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return Address(host=host.strip("[]"), port=int(port))


_TAKEN: Final = MappingProxyType({Stream.PAYMENTS: PAYMENTS_TAKEN, Stream.CASES: CASES_TAKEN})
