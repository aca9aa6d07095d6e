"""iBeacon's frame: for towns whose app knows nothing else. It never changes, so it hides nobody.

Source: Apple, Proximity Beacon Specification R1.
"""

LENGTH = 30
_HEAD = b"\x02\x01\x06\x1a\xff\x4c\x00\x02\x15"
_TAG = b"\x02\x15"
_DATA_LENGTH = 23
REGION_LENGTH = 16


class Region:
    """What a frame says: `uuid` (16 bytes), `major` and `minor` (16 bits each), power at 1 m in dBm."""

    def __init__(self, uuid: bytes, major: int, minor: int, tx_dbm_1m: int) -> None:
        self.uuid = uuid
        self.major = major
        self.minor = minor
        self.tx_dbm_1m = tx_dbm_1m


def write(into: bytearray, region: Region) -> None:
    """Write the whole advertisement.

    Args:
        into: `LENGTH` bytes.
        region: what it says.

    Raises:
        ValueError: The buffer, or the region's number, has another length.
    """
    if len(into) != LENGTH or len(region.uuid) != REGION_LENGTH:
        raise ValueError("the buffer has 30 bytes, the region's number 16")
    into[: len(_HEAD)] = _HEAD
    into[9:25] = region.uuid
    for at, number in ((25, region.major), (27, region.minor)):
        into[at] = number >> 8 & 255
        into[at + 1] = number & 255
    into[29] = region.tx_dbm_1m & 255


def read(data: bytes) -> Region:
    """Read the manufacturer's data of one advertisement, without the company's number.

    Raises:
        ValueError: It is no iBeacon.
    """
    if len(data) != _DATA_LENGTH or data[:2] != _TAG:
        raise ValueError("not an iBeacon: another tag or length")
    power = data[22] - ((data[22] & 0x80) << 1)
    return Region(data[2:18], data[18] << 8 | data[19], data[20] << 8 | data[21], power)
