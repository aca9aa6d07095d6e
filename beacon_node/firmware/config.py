"""The node's settings: read from the flash, checked replaced in one step; the last good copy lies beside.

    /config        what is in force      first line: SHA-256 of the rest, in hexadecimal; then one JSON object
    /config.good   what was confirmed

Rules:
- Whatever lies there, `load` returns settings that a node can advertise with: the file in force, else the
  good one, else the defaults; a single setting that makes no sense is as none.
- Names that are not known here are kept: another part may know them.
"""

import binascii
import hashlib
import json
import os

IN_FORCE = "/config"
GOOD = "/config.good"
BYTES_MAX = 4096
DEFAULTS = {"beacon.eid_exponent": 10, "beacon.interval_ms": 400, "beacon.tx_dbm_0m": -20}
_BOUNDS = {"beacon.eid_exponent": (0, 15), "beacon.interval_ms": (100, 10000), "beacon.tx_dbm_0m": (-100, 20)}


def load(in_force: str = IN_FORCE, good: str = GOOD) -> dict:
    """Return the settings in force, each within its bounds."""
    found = _read(in_force)
    if found is None:
        found = _read(good)
    settings = dict(found or {})
    for name in _BOUNDS:
        lowest, highest = _BOUNDS[name]
        value = settings.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            settings[name] = DEFAULTS[name]
    if not isinstance(settings.get("beacon.url"), str):
        settings.pop("beacon.url", None)
    return settings


def save(settings: dict, path: str = IN_FORCE) -> None:
    """Put settings in force, in one step.

    Raises:
        ValueError: They are larger than a node keeps.
        OSError: The flash is full or broken; what was there is there.
    """
    body = json.dumps(settings).encode()
    if len(body) > BYTES_MAX:
        raise ValueError("settings of a node have at most 4,096 bytes; take something out")
    with open(path + ".new", "wb") as file:
        file.write(binascii.hexlify(hashlib.sha256(body).digest()))
        file.write(b"\n")
        file.write(body)
    os.rename(path + ".new", path)


def confirm() -> None:
    """Keep the settings in force as the good ones."""
    found = _read(IN_FORCE)
    if found is not None and found != _read(GOOD):
        save(found, GOOD)


def revert() -> bool:
    """Put the good settings in force again; return whether there were any."""
    found = _read(GOOD)
    if found is None:
        return False
    save(found)
    return True


def _read(path: str) -> "dict | None":
    try:
        with open(path, "rb") as file:
            text = file.read(BYTES_MAX + 66)
        digest, body = text[:64], text[65:]
        if binascii.hexlify(hashlib.sha256(body).digest()) != digest:
            return None
        found = json.loads(body)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
