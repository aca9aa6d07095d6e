"""A node's Wi-Fi: the networks of its settings, one after the other."""

import asyncio

JOIN_S = 15
"""Joining one Wi-Fi network."""
NETWORKS_MAX = 4
"""Networks in a node's settings."""


class Wifi:
    """The networks of the settings, tried one after the other; the one that was joined last is first."""

    def __init__(self, station, networks: list) -> None:
        self._station = station
        self._networks = networks
        self._turn = 0

    async def join(self) -> None:
        """Be on one of them.

        Raises:
            OSError: none was joined.
        """
        if self._station.isconnected():
            return
        self._station.active(True)
        for _ in self._networks:
            name, word = self._networks[self._turn % len(self._networks)]
            self._station.connect(name, word)
            for _ in range(JOIN_S * 4):
                await asyncio.sleep(0.25)
                if self._station.isconnected():
                    return
            self._station.disconnect()
            self._turn += 1
        raise OSError("no network of the settings was joined")


def networks_of(settings: dict) -> list:
    """Return the networks of the settings, `[name, word]` each; what is none is passed over."""
    said = settings.get("wifi.networks")
    return [each for each in said if _is_network(each)][:NETWORKS_MAX] if isinstance(said, list) else []


def wifi_of(settings: dict):
    """Return the networks of the settings; None where there are none, or no radio for them."""
    networks = networks_of(settings)
    try:
        import network
    except ImportError:
        return None  # a machine that is on a wire
    return Wifi(network.WLAN(network.STA_IF), networks) if networks else None


def _is_network(said) -> bool:
    return isinstance(said, list) and [type(each) for each in said] == [str, str]
