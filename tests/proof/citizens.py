"""Citizens by the hundred at one kiosk: each types secrets, and none of them is found afterwards."""

from pathlib import Path

from tests.support.kiosk_secrets import Citizens, Found

GROUP = 20
"""Citizens between two cuts of the network."""


def serve(folder: Path, count: int) -> str:
    """Serve so many, the network cut and mended in turns; returns what is wrong, or nothing."""
    citizens = Citizens(folder)
    town = citizens.hub.town
    try:
        for done in range(0, count, GROUP):
            citizens.serve(min(GROUP, count - done))
            if done // GROUP % 2:
                town.broker = town.make_broker()
                town.broker.start()
            else:
                town.broker.stop()
        if (count + GROUP - 1) // GROUP % 2:
            town.broker = town.make_broker()
            town.broker.start()
        citizens.wait_until_arrived()
        found = citizens.search()
    finally:
        citizens.close()
    if not found.seen_meanwhile:
        return "the search sees nothing even where something is"
    return "" if found == Found(seen_meanwhile=found.seen_meanwhile) else str(found)
