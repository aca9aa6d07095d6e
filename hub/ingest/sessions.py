"""The hub's half of a session: offers, and which session each device speaks in. Memory only.

A welcome offers a session; it counts once, within a minute, and only the latest one of a device. So a
recorded birth opens nothing: whoever replays it does not know the session that the hub offers in answer. A
hub that was restarted knows no session and asks for a birth.

Source: docs/PROTOCOL.md, section Session.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from enum import StrEnum, auto

from shared.protocol import limits


class Standing(StrEnum):
    """How a session that a birth names stands."""

    OPENED = auto()
    """The birth took up the latest offer: this session is the device's from now on."""
    CURRENT = auto()
    """The device is in this session already; the birth only adds."""
    UNKNOWN = auto()
    """It is none of the device's: offered long ago, used, or never."""


class Sessions:
    """Sessions of all devices, as long as the hub runs."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        """Begin without a session.

        Args:
            random_bytes: `secrets.token_bytes`, or a test's own.
        """
        self._random_bytes = random_bytes
        self._current: dict[str, str] = {}
        self._offers: dict[str, tuple[str, str, int]] = {}
        self._welcomed_ms: dict[str, int] = {}
        self._begun_ms: dict[str, int] = {}
        self._acknowledged = 0

    @property
    def count(self) -> int:
        """How many devices speak in a session."""
        return len(self._current)

    def devices(self) -> list[str]:
        """Return the devices that speak in a session; from any thread."""
        return list(self._current)

    def current(self, device: str) -> str | None:
        """Return the session that `device` speaks in."""
        return self._current.get(device)

    def offer(self, device: str, nonce: str, now_ms: int) -> str:
        """Offer a session to a device; to the same nonce the same one while it lives, else a fresh one.

        Two births of one connection may be under way: a broker that doubles a message is enough. With a fresh
        offer each they would void one another's, and births and welcomes would go to and fro for ever.
        """
        to, offered, until_ms = self._offers.get(device, ("", "", 0))
        if to == nonce and now_ms <= until_ms:
            return offered
        session = urlsafe_b64encode(self._random_bytes(16)).rstrip(b"=").decode()
        self._offers[device] = (nonce, session, now_ms + limits.OFFER_LIFE_MS)
        return session

    def confirm(self, device: str, session: str, now_ms: int) -> Standing:
        """Take the session that a birth names."""
        if session == self._current.get(device):
            return Standing.CURRENT
        _, offered, until_ms = self._offers.get(device, ("", "", 0))
        if session != offered or now_ms > until_ms:
            return Standing.UNKNOWN
        del self._offers[device]
        self._current[device] = session
        self._begun_ms[device] = until_ms - limits.OFFER_LIFE_MS
        return Standing.OPENED

    def begun_ms(self, device: str) -> int:
        """Return when the hub made the welcome that began a device's session; the session must be open."""
        return self._begun_ms[device]

    def may_welcome(self, device: str, now_ms: int) -> bool:
        """Tell whether a frame of no known session may be answered now: once a second per device."""
        since_ms = now_ms - self._welcomed_ms.get(device, -limits.WELCOME_INTERVAL_MS)
        if 0 <= since_ms < limits.WELCOME_INTERVAL_MS:  # below 0 the hub's clock was set back
            return False
        self._welcomed_ms[device] = now_ms
        return True

    def next_number(self) -> int:
        """Return the number of the next acknowledgement; it rises within an incarnation."""
        self._acknowledged += 1
        return self._acknowledged

    def forget(self, devices: Iterable[str]) -> None:
        """Drop the sessions of devices: what was learnt in them was not committed."""
        for device in devices:
            self._current.pop(device, None)
            self._begun_ms.pop(device, None)
            self._offers.pop(device, None)
