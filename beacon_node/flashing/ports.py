"""Which serial ports there are, and which one is meant. A board is never guessed among several."""

from pathlib import Path
from typing import Final

from beacon_node.flashing.errors import PortError

DEV: Final = Path("/dev")
_KINDS: Final = ("ttyUSB*", "ttyACM*")


def ports(dev: Path = DEV) -> dict[Path, str]:
    """Return every port that a board can be on, in order, and the name that its cable tells; empty if none.

    Args:
        dev: the folder of devices.
    """
    names = {link.resolve(): link.name for link in sorted((dev / "serial/by-id").glob("*"))}
    found = sorted(path for kind in _KINDS for path in dev.glob(kind))
    return {path: names.get(path.resolve(), "") for path in found}


def meant(port: Path | None, *, every: bool, dev: Path = DEV) -> tuple[Path, ...]:
    """Return the ports that are meant.

    Args:
        port: the one that was named.
        every: all that there are.
        dev: the folder of devices.

    Raises:
        PortError: There is none, or it is not clear which one.
    """
    if port is not None and every:
        raise PortError("a port is named and --all is said; say one of them")
    if port is not None:
        if not port.exists():
            raise PortError(f"{port} is not there; look at the cable, then at `flash.sh list`")
        return (port,)
    found = tuple(ports(dev))
    if not found:
        raise PortError("no board is on a cable; plug one in, with a cable that carries data")
    if len(found) > 1 and not every:
        raise PortError(
            f"there are {len(found)} ports ({', '.join(map(str, found))}); name one with --port, or say --all"
        )
    return found
