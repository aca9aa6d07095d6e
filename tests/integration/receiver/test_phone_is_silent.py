"""A phone that passes beacons asks nobody; a beacon is known from its enrolment to its identifier."""

import asyncio
import sys
from json import loads
from pathlib import Path

from beacon_node.firmware import config
from beacon_node.receiver.bundles import Bundles, fetch
from beacon_node.receiver.core.district import District
from beacon_node.receiver.core.heard import Heard
from beacon_node.receiver.core.history import History
from beacon_node.receiver.core.matching import decide
from beacon_node.receiver.core.person import Person
from beacon_node.receiver.core.resolver import Found
from beacon_node.receiver.pocket import Pocket, Town, key_of
from beacon_node.receiver.radio import scanner
from beacon_node.virtual_air.air import Air
from beacon_node.virtual_air.board import VirtualBoard
from tests.support.aired import LIMIT_S, aired, keys_of, listen_until, now_s
from tests.support.hub_process import HubProcess
from tests.support.node_process import enrolled_board
from tests.support.phone import HOUR_MS, beacon_notices, notice
from tests.support.town import now_ms
from tests.support.town_bundles import SigningTown

PLACE = "biblio-3"
VENTANILLA = Path(sys.executable).with_name("ventanilla")


class CountingHub:
    """Counts who knocks, and answers nobody."""

    def __init__(self) -> None:
        self.asked = 0

    async def open(self) -> int:
        """Begin; returns the port."""
        self._server = await asyncio.start_server(self._count, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _count(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        writer.close()

    async def close(self) -> None:
        self._server.close()
        await self._server.wait_closed()


async def _receiver(*words: object) -> str:
    command = (VENTANILLA, "receiver", *map(str, words))
    running = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    out, _ = await asyncio.wait_for(running.communicate(), LIMIT_S)
    return out.decode()


def test_phone_that_passes_beacons_and_shows_notices_makes_no_request(tmp_path: Path) -> None:
    async def walk() -> None:
        hub, signing, folder = CountingHub(), SigningTown(), tmp_path / "phone"
        pocket = Pocket(folder)
        known = signing.known_as()
        address = f"https://127.0.0.1:{await hub.open()}"
        pocket.keep_town(
            Town(hub_url=address, district=known.district, signing=known.signing, authority_pem=None)
        )
        expires_ms = now_ms() + 24 * HOUR_MS
        here = {"from": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z", "places": [PLACE]}
        lies_there = {"link": f"{address}/more", "picture": {"url": f"{address}/p.jpg", "sha256": "0" * 64}}
        said = beacon_notices([notice("concert", **here, **lies_there)])
        bundles = Bundles(folder, pocket.town())
        bundles.take("keys", signing.keys(keys_of(PLACE), expires_ms=expires_ms), now_ms())
        bundles.take("notices", signing.notices(said, expires_ms=expires_ms), now_ms())
        pocket.keep_person(Person(consent_ms=now_ms(), quiet=None, unproven_shown=False))
        async with aired(tmp_path) as (where, put):
            put(PLACE, unix_s=now_s())
            put("elsewhere", unix_s=now_s())
            shown = ""
            for seconds in (10, 60):  # a slow machine takes longer
                shown += await _receiver("listen", "--folder", folder, "--air", where, "--seconds", seconds)
                if "concert" in shown:
                    break
        assert "concert" in shown
        await _receiver("why", "--folder", folder)
        assert hub.asked == 0
        await _receiver("fetch", "--folder", folder)
        assert hub.asked > 0  # it counts
        await hub.close()

    asyncio.run(walk())


def test_beacon_is_recognised_from_its_enrolment_through_the_hubs_bundle_to_its_identifier(
    tmp_path: Path,
) -> None:
    async def hear(flash: Path, district: District) -> Found:
        found: list[Found] = []
        person = Person(consent_ms=now_ms(), quiet=None)

        def decide_about(heard: Heard) -> None:
            decision = decide(heard, district, person, History(bytes(32)), now_ms())
            if decision.found is not None and decision.found.proven:
                found.append(decision.found)

        air = Air()
        where = await air.open()
        board = VirtualBoard(flash, where)
        board.power_on()
        try:
            await listen_until(scanner(where), decide_about, lambda: bool(found))
        finally:
            await asyncio.to_thread(board.power_off)
            await air.close()
        return found[0]

    with HubProcess(tmp_path / "hub") as hub:
        board = enrolled_board(tmp_path / "board", hub.command("enrol", "beacon-1", "--kind", "beacon"))
        config.save({"beacon.interval_ms": 100}, str(board.root / "config"))
        where = ("--district", "centro", "--site", "plaza", "--name", "Biblioteca")
        for place in (PLACE, "parada-12"):
            hub.command("places", "add", place, *where)
        hub.command("places", "assign", PLACE, "beacon-1")
        hub.command("town-keys", str(tmp_path / "town.json"))
        key = loads((tmp_path / "town.json").read_text())["keys"][0]["ed25519"]
        town = Town(
            hub_url=f"https://127.0.0.1:{hub.port}",
            district="centro",
            signing=(key_of(key),),
            authority_pem=(hub.home / "keys" / "ca.crt").read_text(),
        )
        bundles = Bundles(tmp_path / "phone", town)
        for kind in ("keys", "notices"):
            assert bundles.take(kind, fetch(town, kind), now_ms())
        found = asyncio.run(hear(board.root, bundles.district()))
        assert (found.beacon.place, found.proven) == (PLACE, True)
