"""A node's Wi-Fi: the networks of its settings, one after the other."""

import asyncio

from beacon_node.firmware.config import is_network

JOIN_S = 15
"""Joining one Wi-Fi network."""
NETWORKS_MAX = 4
"""Networks in a node's settings."""


class Wifi:
    """The networks of the settings, tried one after the other; the one that was joined last is first."""

    def __init__(self, station, networks) -> None:
        """Begin without one.

        Args:
            station: the radio.
            networks: returns those of the settings in force.
        """
        self._station = station
        self._wanted = networks
        self._networks = networks()
        self._turn = 0

    async def join(self) -> None:
        """Be on one of them; where the settings name others than before, leave the one that was joined.

        Raises:
            OSError: none was joined.
        """
        wanted = self._wanted()
        if wanted != self._networks:
            self._networks, self._turn = wanted, 0
            self._station.disconnect()
        elif self._station.isconnected():
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
    return [each for each in said if is_network(each)][:NETWORKS_MAX] if isinstance(said, list) else []


def wifi_of(node):
    """Return the way onto the networks of a node's settings; None where it has no radio for them."""
    try:
        import network
    except ImportError:
        return None  # a machine that is on a wire
    return Wifi(network.WLAN(network.STA_IF), lambda: networks_of(node.settings))
