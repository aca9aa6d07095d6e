"""No payment is settled before its signature was checked.

A device signs each payment line as it appends it; the hub keeps line and signature for the auditor. Checking
costs more than taking the line, so it happens here, in front of the connector, in batches and on a thread of
its own, and not while the device waits for its acknowledgement.

What was done with a card at a desk has no line: the hub did it itself, in a session in which the card proved
itself, and keeps the card's signature (`hub.db.card_deed_tables`). Such a deed, settled as one that happened,
vouches for its own effect.

Rules: a line that is missing, unsigned, or signed by a key that was never this device's is not settled. Its
effect is undecided, and a case is opened for a clerk: the money did move, and somebody must look why nobody
vouches for it. Keys of former enrolments count: the line may be older than the key in use.

Source: docs/PROTOCOL.md, section Lines and frames (`sig`).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.core.port import Connector, Effect, Result, Undecidable
from hub.db.card_deed_repository import deeds_behind
from hub.db.engine import Connection
from hub.db.payment_lines import PaymentLine, payment_lines
from hub.db.register_repositories import ExceptionRepository
from hub.db.writer import Writer
from hub.keys.registry import Registry, UnknownDeviceError
from shared.model.errors import CapacityError, TransientError
from shared.protocol.signing import SignatureError, verify_line

SIGNATURE: Final = "signature"
"""The kind of the exception that tells of a payment that nobody vouches for."""

log = structlog.get_logger(__name__)


class SignedSettlements:
    """The settlements connector, behind a check of signatures.

    Attributes:
        checked: signatures that held, since the start.
        refused: payments that were kept back.
    """

    def __init__(
        self, connector: Connector, writer: Writer, registry: Registry, clock: Callable[[], int]
    ) -> None:
        """Stand in front of a connector.

        Args:
            connector: who delivers what is vouched for.
            writer: the database.
            registry: knows every signing key that a device ever had.
            clock: the hub's time, Unix epoch in milliseconds.
        """
        self.name = connector.name
        self.batch_max = connector.batch_max
        self.parallel_max = connector.parallel_max
        self.checked = 0
        self.refused = 0
        self._connector = connector
        self._writer = writer
        self._registry = registry
        self._clock = clock

    async def deliver(self, effects: Sequence[Effect]) -> Sequence[Result]:
        """Deliver the effects whose lines are vouched for; the others are undecidable."""
        refused = await asyncio.to_thread(self._check, [str(effect.key) for effect in effects])
        vouched = [effect for effect in effects if str(effect.key) not in refused]
        delivered = iter(await self._connector.deliver(vouched) if vouched else ())
        kept_back = Undecidable(
            reason="the payment's signature is missing or does not hold; call the auditor"
        )
        return [kept_back if str(effect.key) in refused else next(delivered) for effect in effects]

    async def close(self) -> None:
        """Give up the connector's connections."""
        await self._connector.close()

    def _check(self, keys: Sequence[str]) -> Mapping[str, PaymentLine | None]:
        """Return the effects that nobody vouches for, with their lines."""
        with self._writer.read() as connection:
            lines = payment_lines(connection, keys)
            ours = deeds_behind(connection, [key for key in keys if key not in lines])
        wanted = [key for key in keys if key not in ours]
        refused = {key: lines.get(key) for key in wanted if not self._holds(lines.get(key))}
        self.checked += len(keys) - len(refused)
        if refused:
            self.refused += len(refused)
            self._tell_clerk(refused)
        return refused

    def _holds(self, line: PaymentLine | None) -> bool:
        if line is None:
            return False
        try:
            signing = self._registry.device(line.device).signing
        except UnknownDeviceError:
            return False
        return any(_is_signed_by(key, line) for key in signing)

    def _tell_clerk(self, refused: Mapping[str, PaymentLine | None]) -> None:
        log.error("signature_refused", effects=len(refused))

        def job(connection: Connection) -> None:
            exceptions = ExceptionRepository(connection)
            for key, line in refused.items():
                detail = {"effect_key": key, "event_id": line.event_id if line else None}
                exceptions.open(SIGNATURE, line.device if line else None, detail, self._clock())
            exceptions.flush()

        # Where the case cannot be written, the undecided effect itself is before a clerk.
        with suppress(CapacityError, TransientError):
            self._writer.run(job)


def _is_signed_by(raw: bytes, line: PaymentLine) -> bool:
    try:
        verify_line(Ed25519PublicKey.from_public_bytes(raw), line.device, line.stream, line.epoch, line.line)
    except SignatureError:
        return False
    return True
