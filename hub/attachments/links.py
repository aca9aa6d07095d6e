"""Addresses under which the municipal core fetches a photograph: unguessable, for a time, and revocable.

    https://hub/media/<device>/<sha256>/<until>.<tag>

The tag is an HMAC of all that stands before it, under a key that only the hub has. Nothing is kept for it:
the same photograph has the same address at every attempt and after every restore, so a core that is told
twice is told the same. Revoking marks the body itself.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.model.errors import InputError
from shared.protocol.sealing import HubSealingKey

PATH: Final = "/media"
LIFE_MS: Final = 90 * 86_400_000
"""A core fetches within minutes; one that was down for a season still can."""
_TAG_BYTES: Final = 20
_INFO: Final = b"vt1 media"


class LinkError(InputError):
    """This address of a photograph is not valid, or not any more; ask the town hall for a new one."""


class MediaLinks:
    """Makes and checks addresses.

    Args:
        keys: the hub's sealing keys, newest first; an address made under a retired one holds until its end.
        base_url: the hub's own address, without a slash at its end.
    """

    def __init__(self, keys: Sequence[HubSealingKey], base_url: str) -> None:
        self._base_url = base_url
        self._keys = tuple(
            HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(key.raw) for key in keys
        )

    def url(self, device: str, name: str, until_ms: int) -> str:
        """Return the address of a photograph.

        Args:
            device: whose it is.
            name: SHA-256 of the sealed body, in hex.
            until_ms: when it ends, Unix epoch.
        """
        tag = _tag(self._keys[0], device, name, until_ms)
        return f"{self._base_url}{PATH}/{device}/{name}/{until_ms}.{tag}"

    def named(self, url: str) -> tuple[str, str] | None:
        """Return device and SHA-256 of the photograph that an address of ours names; None for any other."""
        rest = url.removeprefix(f"{self._base_url}{PATH}/")
        match rest.split("/"):
            case [device, name, _] if rest != url:
                return device, name
            case _:
                return None

    def check(self, device: str, name: str, ticket: str, now_ms: int) -> None:
        """See that an address was made here and has not ended.

        Args:
            device: from the address.
            name: from the address.
            ticket: its last part.
            now_ms: the hub's time.

        Raises:
            LinkError: it was not, or has.
        """
        until, _, shown = ticket.partition(".")
        if not (until.isascii() and until.isdecimal() and len(until) < 16 and int(until) >= now_ms):  # noqa: PLR2004 - a date
            raise LinkError(LinkError.__doc__)
        tags = [_tag(key, device, name, int(until)) for key in self._keys]
        if not any(hmac.compare_digest(shown.encode(), tag.encode()) for tag in tags):
            raise LinkError(LinkError.__doc__)


def _tag(key: bytes, device: str, name: str, until_ms: int) -> str:
    said = f"{device}|{name}|{until_ms}".encode()
    return urlsafe_b64encode(hmac.digest(key, said, "sha256")[:_TAG_BYTES]).rstrip(b"=").decode()
