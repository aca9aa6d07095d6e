"""What is kept of cards' PINs: a digest that only this hub can make.

    pins = PinDigests(TwinFolder(folder, copy_folder))
    pins.digest(subject, pin, salt)

Four digits are ten thousand guesses under any hash. What keeps them from whoever has the database alone is a
secret of the key folder (`card-pins.secret`, drawn once, in both copies); scrypt of the standard library
makes each guess dear for whoever has both. A further library would buy nothing.
"""

import hmac
import threading
from hashlib import scrypt
from secrets import token_bytes
from typing import Final

from hub.keys.files import TwinFolder

SECRET: Final = "card-pins.secret"  # noqa: S105  the name of a file
SALT_BYTES: Final = 16
_SECRET_BYTES: Final = 32
_COST: Final = 2**14
_BLOCK: Final = 8
"""With the cost: 16 MiB, and some 50 ms on a small machine."""
_DIGEST_BYTES: Final = 32


class PinDigests:
    """Makes digests, one at a time, so that many guesses take no memory; any thread may ask.

    Args:
        folder: the key folder and its second copy.
    """

    def __init__(self, folder: TwinFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._secret = b""

    def digest(self, subject: str, pin: str, salt: bytes) -> bytes:
        """Return what is kept of a PIN.

        Args:
            subject: the card's pseudonym: one PIN has another digest on each card.
            pin: as it was typed.
            salt: drawn when it was set.

        Raises:
            SecondCopyError: the secret was to be made, and its second copy cannot be written.
            KeyFileError: the secret is damaged in both copies.
        """
        with self._lock:
            named = hmac.digest(self._towns(), f"{subject}|{pin}".encode(), "sha256")
            return scrypt(named, salt=salt, n=_COST, r=_BLOCK, p=1, dklen=_DIGEST_BYTES)

    def _towns(self) -> bytes:
        """Return the secret; it is made with the first PIN."""
        if not self._secret:
            if not self._folder.has(SECRET):
                self._folder.write(SECRET, token_bytes(_SECRET_BYTES))
            self._secret = self._folder.read(SECRET)
        return self._secret
