"""The device's certificate, renewed by the device long before it ends, while it goes on working.

    keeper = CertificateKeeper(folder, identity, tls, look=..., uptime_ms=...)
    keeper.start(); keeper.stop()

Rules:
- The hub's time decides, which the session knows. Where the hub was not heard in this boot, the machine's own
  clock may ask too, once a day at most: a device that lay in a cupboard until its certificate ended cannot
  reach the broker, and renewal goes by HTTPS under K_up, which has no end.
- A renewal that fails is tried again with the next look: the present certificate serves on.
- The new certificate goes into the TLS context that the link already has: its next connection shows it.
"""

import random
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from shared.adapters.device_keys import Identity
from shared.adapters.enrolment_client import renew
from shared.edge.standing import Status
from shared.model.errors import VentanillaError
from shared.protocol import limits

JITTER: Final = 0.2
"""A thousand devices that were enrolled on one day do not come back in one second."""

log = structlog.get_logger(__name__)


class CertificateKeeper:
    """Looks now and then, on a thread of its own, and renews in time.

    Attributes:
        ends_ms: when the newest certificate ends, by the hub's clock.
        renewals: how many this process fetched.
    """

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        tls: ssl.SSLContext,
        *,
        look: Callable[[], Status],
        wall_ms: Callable[[], int],
        uptime_ms: Callable[[], int],
        every_ms: int = limits.CERTIFICATE_LOOK_MS,
    ) -> None:
        """Begin without a thread.

        Args:
            folder: the identity folder.
            identity: the newest one in it.
            tls: the context of the link.
            look: how the device stands.
            wall_ms: the machine's clock, Unix epoch.
            uptime_ms: since the machine started.
            every_ms: the pause between two looks.
        """
        self.ends_ms = identity.certificate_ends_ms
        self.renewals = 0
        self._folder = folder
        self._tls = tls
        self._look = look
        self._wall_ms = wall_ms
        self._uptime_ms = uptime_ms
        self._every_ms = every_ms
        self._asked_by_wall_ms: int | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="certificate", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End; a request that is under way is not waited for, its answer is fetched again."""
        self._stopping.set()

    def is_due(self, status: Status) -> bool:
        """Tell whether the certificate must be renewed now."""
        uptime_ms = self._uptime_ms()
        if status.hub_offset_ms is not None:
            return self.ends_ms - (uptime_ms + status.hub_offset_ms) < limits.CERTIFICATE_RENEW_MS
        asked_ms = self._asked_by_wall_ms
        if status.link.up or (asked_ms is not None and uptime_ms - asked_ms < limits.CERTIFICATE_BLIND_MS):
            return False
        return self.ends_ms <= self._wall_ms()

    def turn(self) -> None:
        """Look once, and renew where it is due.

        Raises:
            VentanillaError: the hub cannot be reached or refuses; the sentence says what to do.
            TimeoutError: the owner is busy with its disk.
            OSError: the identity folder cannot be written.
        """
        status = self._look()
        if not self.is_due(status):
            return
        if status.hub_offset_ms is None:
            self._asked_by_wall_ms = self._uptime_ms()
        identity = renew(self._folder)
        identity.show_in(self._tls)
        self.ends_ms = identity.certificate_ends_ms
        self.renewals += 1
        log.info("certificate_renewed", until=self.ends_ms)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.turn()
            except (VentanillaError, TimeoutError, OSError) as error:
                log.warning("certificate_not_renewed", until=self.ends_ms, reason=str(error))
            pause_ms = self._every_ms * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  no secret
            self._stopping.wait(pause_ms / 1000)
