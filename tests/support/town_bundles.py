"""A town that signs bundles for phones."""

from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from beacon_node.receiver.pocket import Town
from shared.model.beacon_keys import BeaconKeys
from shared.model.beacon_notices import BeaconNotices
from shared.protocol.bundle import encode_notice, make_notice
from shared.protocol.parsing import encode
from shared.protocol.versions import Version
from tests.support.phone import HOUR_MS, NOW_MS

EXPIRES_MS: Final = NOW_MS + 24 * HOUR_MS


class SigningTown:
    """Signs bundles with a key of its own."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()

    def public_hex(self) -> str:
        """As the town hall's QR code has it."""
        return self.key.public_key().public_bytes_raw().hex()

    def known_as(self, hub_url: str = "https://127.0.0.1:1", authority_pem: str | None = None) -> Town:
        """What a phone is told of it."""
        signing = (self.key.public_key().public_bytes_raw(),)
        return Town(hub_url=hub_url, district="centro", signing=signing, authority_pem=authority_pem)

    def signed(
        self, name: str, body: Mapping[str, object], n: int = 1, expires_ms: int = EXPIRES_MS
    ) -> bytes:
        """A bundle as the hub gives it."""
        return encode_notice(make_notice(name, Version(1, n), encode(body), expires_ms, [self.key]))

    def keys(self, keys: BeaconKeys, n: int = 1, expires_ms: int = EXPIRES_MS) -> bytes:
        """The bundle of keys."""
        return self.signed(f"beacon-keys-{keys.district}", keys.to_data(), n, expires_ms)

    def notices(self, notices: BeaconNotices, n: int = 1, expires_ms: int = EXPIRES_MS) -> bytes:
        """The bundle of notices."""
        return self.signed(f"beacon-notices-{notices.district}", notices.to_data(), n, expires_ms)
