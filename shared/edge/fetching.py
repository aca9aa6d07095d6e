"""Fetching bodies in the background, one at a time for each name; what comes is handed to the owner's thread.

A body that does not come is not asked for again from here: the hub offers its bundle again until the device
reports it.
"""

import threading
from collections.abc import Callable

import structlog

from shared.adapters.bundle_client import fetch_body
from shared.adapters.device_keys import Identity
from shared.model.errors import VentanillaError
from shared.protocol.bundle import Notice

log = structlog.get_logger(__name__)


class BackgroundFetch:
    """Brings bodies. Implements `shared.edge.guidance.Fetch`.

    Args:
        identity: who asks, and where the hub is.

    Attributes:
        later: does something on the owner's thread; set when there is an owner.
    """

    def __init__(self, identity: Identity) -> None:
        self.later: Callable[[Callable[[], None]], None] = lambda _act: None
        self._identity = identity
        self._under_way: set[str] = set()
        self._lock = threading.Lock()

    def begin(self, notice: Notice, done: Callable[[Notice, bytes], None]) -> None:
        """Fetch a body, unless one of that name is on its way."""
        with self._lock:
            if notice.name in self._under_way:
                return
            self._under_way.add(notice.name)
        threading.Thread(target=self._fetch, args=(notice, done), name="fetch", daemon=True).start()

    def _fetch(self, notice: Notice, done: Callable[[Notice, bytes], None]) -> None:
        try:
            body = fetch_body(self._identity, notice)
        except VentanillaError as error:
            log.warning("bundle_not_fetched", name=notice.name, reason=str(error))
        else:
            self.later(lambda: done(notice, body))
        finally:
            with self._lock:
                self._under_way.discard(notice.name)
