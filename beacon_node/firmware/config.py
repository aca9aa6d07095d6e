"""The node's settings: read from the flash, checked, replaced in one step; the last good copy lies beside.

    /config        what it was set up with   first line: SHA-256 of the rest, in hex; then one JSON object
    /config.good   that, once a session was confirmed

What the hub wants lies over it (`twin`).

Rules:
- Whatever lies there, a node can advertise with what `load` and `over` return: the file, else the good one,
  else the defaults; a single setting that makes no sense is as none.
- Names that are not known here are kept: another part may know them.
"""

import binascii
import hashlib
import json
import os

SET_UP = "/config"
GOOD = "/config.good"
BYTES_MAX = 4096
_PORT_MAX = 65535
DEFAULTS = {"beacon.eid_exponent": 10, "beacon.interval_ms": 400, "beacon.tx_dbm_0m": -20}
_BOUNDS = {"beacon.eid_exponent": (0, 15), "beacon.interval_ms": (100, 10000), "beacon.tx_dbm_0m": (-100, 20)}


def load(set_up: str = SET_UP, good: str = GOOD) -> dict:
    """Return what the node was set up with, each setting within its bounds."""
    found = read(set_up)
    if found is None:
        found = read(good)
    return over(found or {}, {})


def over(settings: dict, doc: dict) -> dict:
    """Return what the node was set up with under a document of the hub, each setting within its bounds."""
    settings = dict(settings)
    settings.update(doc)
    for name in _BOUNDS:
        lowest, highest = _BOUNDS[name]
        value = settings.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            settings[name] = DEFAULTS[name]
    if not isinstance(settings.get("beacon.url"), str):
        settings.pop("beacon.url", None)
    return settings


def fault(doc: dict) -> str:
    """Return what is wrong with a document of the hub, empty where nothing is; the unknown is passed over."""
    for name in _BOUNDS:
        lowest, highest = _BOUNDS[name]
        if name in doc and not (type(doc[name]) is int and lowest <= doc[name] <= highest):
            return "%s is a whole number from %d to %d; give it such a value" % (name, lowest, highest)
    try:
        if "beacon.url" in doc:
            from shared.beacon_wire.eddystone import write_url

            write_url(0, doc["beacon.url"])
    except (AttributeError, TypeError, ValueError):
        return "beacon.url has at most 17 encoded bytes; shorten it"
    for name in ("link.brokers", "wifi.networks"):
        if name in doc and not (type(doc[name]) is list and doc[name] and all(map(_CHECKS[name], doc[name]))):
            return name + " is a list as the settings' table has it; correct it"
    return ""


def is_network(said) -> bool:
    """Return whether this is a network, `[name, word]`."""
    return isinstance(said, list) and [type(each) for each in said] == [str, str]


def save(settings: dict, path: str = SET_UP, bytes_max: int = BYTES_MAX) -> None:
    """Replace a file of the node in one step.

    Raises:
        ValueError: They are larger than a node keeps.
        OSError: The flash is full or broken; what was there is there.
    """
    body = json.dumps(settings).encode()
    if len(body) > bytes_max:
        raise ValueError("such a file of a node has at most %d bytes; take something out" % bytes_max)
    with open(path + ".new", "wb") as file:
        file.write(binascii.hexlify(hashlib.sha256(body).digest()))
        file.write(b"\n")
        file.write(body)
    os.rename(path + ".new", path)


def confirm() -> None:
    """Keep what the node was set up with as good; where the flash takes nothing, at the next session."""
    found = read(SET_UP)
    if found is not None and found != read(GOOD):
        try:
            save(found, GOOD)
        except OSError:
            pass


def read(path: str, bytes_max: int = BYTES_MAX) -> "dict | None":
    """Return what `save` has written; None where it is missing, torn or foreign."""
    try:
        with open(path, "rb") as file:
            text = file.read(bytes_max + 66)
        digest, body = text[:64], text[65:]
        if binascii.hexlify(hashlib.sha256(body).digest()) != digest:
            return None
        found = json.loads(body)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _is_broker(said) -> bool:
    host, _, port = said.rpartition(":") if type(said) is str else ("", "", "")
    return bool(host) and port.isdigit() and 0 < int(port) <= _PORT_MAX


_CHECKS = {"link.brokers": _is_broker, "wifi.networks": is_network}
