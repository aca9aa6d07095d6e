"""Receipts of this device: signed where its key is, and only for what this process saw on the disk.

The facts of a receipt come from the stored line and the owner's own word for it; whoever asks names an event
and gives nothing to be signed.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.edge.pseudonyms import Pseudonyms
from shared.edge.seam import Taken
from shared.model.errors import InputError
from shared.protocol.lines import read_line
from shared.protocol.receipts import Receipt, write_receipt

REMEMBERED_MAX: Final = 64
"""Events of which a receipt may be asked for; a screen asks at once."""


class NothingTakenError(InputError):
    """No such event was taken here since the start; its reference still counts."""


class Receipts:
    """Signs receipts; any thread may call.

    Args:
        device: the device's id.
        key: its signing key.
        endorsement: gives the town's word for that key; empty where there is none.
        pseudonyms: make references.
    """

    def __init__(
        self, device: str, key: Ed25519PrivateKey, endorsement: Callable[[], str], pseudonyms: Pseudonyms
    ) -> None:
        self._device = device
        self._key = key
        self._endorsement = endorsement
        self._pseudonyms = pseudonyms
        self._lock = threading.Lock()
        self._taken: OrderedDict[str, Receipt] = OrderedDict()

    def remember(self, taken: Taken, line: bytes) -> None:
        """Take note of an event that is on the disk.

        Args:
            taken: where it stands.
            line: as it was handed in; another number in it does not count.
        """
        found = read_line(line, _number_of(line))
        receipt = Receipt(
            device=self._device,
            reference=self._pseudonyms.reference(self._device, taken.event_id),
            type=found.type,
            time=str(found.members["time"]),
            stream=taken.stream.value,
            epoch=taken.epoch,
            seq=taken.seq,
        )
        with self._lock:
            self._taken[taken.event_id] = receipt
            if len(self._taken) > REMEMBERED_MAX:
                self._taken.popitem(last=False)

    def write(self, event_id: str) -> str:
        """Return the signed receipt of an event; empty where the town has not endorsed this device's key.

        Raises:
            NothingTakenError: it was not taken here, or long ago.
        """
        with self._lock:
            receipt = self._taken.get(event_id)
        if receipt is None:
            raise NothingTakenError(NothingTakenError.__doc__)
        endorsement = self._endorsement()
        return write_receipt(receipt, self._key, endorsement) if endorsement else ""


def _number_of(line: bytes) -> int:
    """Return the number that a line was composed for; the owner's own word says where it stands."""
    return int(line.partition(b",")[0].removeprefix(b'{"seq":'))
