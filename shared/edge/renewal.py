"""The device's certificate and link keys, renewed by the device itself over HTTPS.

    keeper = CertificateKeeper(folder, identity, tls, look=..., uptime_ms=...)
    keeper.start(); keeper.stop()

Rules:
- The hub's time decides, which the session knows. Where the hub was not heard in this boot, the machine's own
  clock may ask too, once a day at most: a device that lay in a cupboard until its certificate ended cannot
  reach the broker, and renewal goes by HTTPS under K_up, which has no end.
- A renewal that fails is tried again with the next look: the present certificate serves on.
- The new certificate goes into the TLS context that the link already has: its next connection shows it.
- New link keys are drawn on the hub's word (`rotate`), and the process is started again, to hear the hub
  under them. Only then does the hub learn of them; when it has, the process is started again, to speak
  under them.
- A device that was enrolled before there were receipts has no word of the town for its signing key: it asks
  for it as soon as it has heard the hub, once in the life of its process where the hub has none either.
- A device whose births nobody answers asks too, once a day at most: where its keys were replaced, because its
  disk is an older one, the hub says so here, and the status repeats it.
"""

import random
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from shared.adapters.device_keys import Identity, coming_keys
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
        trouble: why the last attempt came to nothing; None where it did not.
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
        restart: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin without a thread.

        Args:
            folder: the identity folder.
            identity: the newest one in it.
            tls: the context of the link.
            look: how the device stands.
            wall_ms: the machine's clock, Unix epoch.
            uptime_ms: since the machine started.
            restart: ends the process in order, to be started again.
        """
        self.ends_ms = identity.certificate_ends_ms
        self.renewals = 0
        self.trouble: str | None = None
        self._coming = identity.coming
        self._is_unendorsed = not identity.answer.endorsement
        self._restart = restart
        self._folder = folder
        self._tls = tls
        self._look = look
        self._wall_ms = wall_ms
        self._uptime_ms = uptime_ms
        self._asked_blindly_ms: int | None = None
        self._heard = False
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
        if self._coming is not None:
            return True
        if status.hub_offset_ms is not None:
            if self._is_unendorsed:
                return True
            return self.ends_ms - (uptime_ms + status.hub_offset_ms) < limits.CERTIFICATE_RENEW_MS
        asked_ms = self._asked_blindly_ms
        if asked_ms is not None and uptime_ms - asked_ms < limits.CERTIFICATE_BLIND_MS:
            return False
        return not status.recognised if status.link.up else self.ends_ms <= self._wall_ms()

    def turn(self) -> None:
        """Look once, and renew where it is due.

        Raises:
            VentanillaError: the hub cannot be reached or refuses; the sentence says what to do.
            TimeoutError: the owner is busy with its disk.
            OSError: the identity folder cannot be written.
        """
        status = self._look()
        self._heard = status.hub_offset_ms is not None
        if not self.is_due(status):
            return
        if not self._heard:
            self._asked_blindly_ms = self._uptime_ms()
        try:
            identity = renew(self._folder, rotating=self._coming is not None)
        except (VentanillaError, OSError) as error:
            self.trouble = str(error)
            raise
        identity.show_in(self._tls)
        self.ends_ms, self.trouble = identity.certificate_ends_ms, None
        self.renewals += 1
        self._is_unendorsed = False
        log.info("certificate_renewed", until=self.ends_ms, link_key=identity.keys.links.up.id)
        if self._coming is not None:
            self._coming = None
            self._restart()

    def rotate(self) -> str:
        """Draw new link keys and begin again, to take them up; return their id.

        Raises:
            DeviceError: the identity is damaged.
            OSError: the identity folder cannot be written; nothing has changed.
        """
        link_keys = coming_keys(self._folder)
        self._restart()
        return link_keys.up.id

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.turn()
            except (VentanillaError, TimeoutError, OSError) as error:
                log.warning("certificate_not_renewed", until=self.ends_ms, reason=str(error))
            quiet = self._heard and self._coming is None
            pause_ms = limits.CERTIFICATE_LOOK_MS if quiet else limits.CERTIFICATE_LOOK_SOON_MS
            swing = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  no secret
            self._stopping.wait(pause_ms * swing / 1000)
