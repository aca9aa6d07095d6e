"""Who a node is: its name, its town, its secret; and what the air may know of that.

    /identity   {"v": 1, "device": "beacon-17", "town": "Vilanova"}
    /secret     32 bytes, made on the node and never told

A node that nobody has set up yet has no secret. It says the fixed namespace of unnamed nodes, and as
instance what its chip is numbered with, so that a technician finds it.
"""

import hashlib
import json

IDENTITY = "/identity"
SECRET = "/secret"
SECRET_LENGTH = 32
AIR_INFO = b"vt1 air"
UNNAMED = "ventanilla"
_BLOCK = 64


class Identity:
    """One node's.

    Attributes:
        device: its name; empty where nobody has set it up.
        town: the town's, as in its public keys document.
        secret: 32 bytes, or None.
        namespace: 10 bytes, the same for every beacon of the town.
        instance: 6 bytes, of this device.
    """

    def __init__(self, device: str, town: str, secret: "bytes | None", chip: bytes) -> None:
        self.device = device
        self.town = town
        self.secret = secret
        self.namespace = hashlib.sha256((town or UNNAMED).encode()).digest()[:10]
        self.instance = hashlib.sha256(device.encode() if device else chip).digest()[:6]

    def air_key(self) -> "bytes | None":
        """Return the key of its identifiers on the air, 16 bytes; None without a secret."""
        return None if self.secret is None else hkdf(self.secret, AIR_INFO)[:16]


def load(chip: bytes, identity: str = IDENTITY, secret: str = SECRET) -> Identity:
    """Read who this node is; what is missing or spoilt is as not set up.

    Args:
        chip: what the chip is numbered with.
        identity: where its names lie.
        secret: where its secret lies.
    """
    try:
        with open(identity) as file:
            said = json.load(file)
        device, town = said["device"], said["town"]
    except (OSError, ValueError, KeyError, TypeError):
        device = town = ""
    if not isinstance(device, str) or not isinstance(town, str):
        device = town = ""
    try:
        with open(secret, "rb") as file:
            kept = file.read(SECRET_LENGTH + 1)
    except OSError:
        kept = b""
    return Identity(device, town, kept if len(kept) == SECRET_LENGTH else None, chip)


def hkdf(secret: bytes, info: bytes) -> bytes:
    """Return 32 bytes of HKDF-SHA256 with an empty salt. Source: RFC 5869."""
    return hmac(hmac(bytes(32), secret), info + b"\x01")


def hmac(key: bytes, message: bytes) -> bytes:
    """Return HMAC-SHA256, 32 bytes. Source: RFC 2104."""
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    key = key + bytes(_BLOCK - len(key))
    inner = hashlib.sha256(bytes(each ^ 0x36 for each in key))
    inner.update(message)
    outer = hashlib.sha256(bytes(each ^ 0x5C for each in key))
    outer.update(inner.digest())
    return outer.digest()
