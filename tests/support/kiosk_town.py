"""A town with a kiosk that was enrolled and holds the town's catalogue; no broker runs by itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub.keys.records import HubKeyRole
from shared.adapters import device_keys
from shared.edge.bundle_shelf import BundleShelf
from shared.edge.home import DeviceHome
from shared.protocol.bundle import make_notice
from shared.protocol.parsing import encode
from shared.protocol.receipts import TownKeys
from shared.protocol.versions import Version
from tests.support.edge import enrol_home
from tests.support.town import Town, now_ms

CATALOGUE = {"services": [{"service_code": "farola", "service_name": {"es": "Farola"}}]}


class KioskTown:
    """Keys of a town, and one kiosk's home.

    Args:
        folder: an empty folder of the test.
        device: the kiosk's name.
        town: whose it is; one of its own where none is given.
    """

    def __init__(self, folder: Path, device: str = "kiosk-9", town: Town | None = None) -> None:
        if town is None:
            (folder / "town").mkdir(parents=True)
        self.town = Town(folder / "town") if town is None else town
        self.home = DeviceHome(folder / device)
        enrol_home(self.town, self.home, device)
        self.give_bundle("catalogue", CATALOGUE)

    def give_bundle(self, name: str, said: Mapping[str, Any]) -> None:
        """Lay a signed bundle on the shelf of the kiosk, which is stopped."""
        body, keys = encode(said), self.town.room.keys
        notice = make_notice(name, Version(1, 1), body, now_ms() + 86_400_000, [keys.signing])
        identity = device_keys.load(self.home.identity)
        BundleShelf(self.home.identity, identity, lambda _held, _content: None).put(notice, body, now_ms())

    def keys(self) -> TownKeys:
        """What the town publishes."""
        listed = self.town.room.registry.hub_keys(HubKeyRole.SIGNING)
        return TownKeys(town="Villafaro", keys=tuple(key.public for key in listed))

    def close(self) -> None:
        self.town.close()
