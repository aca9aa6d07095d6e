"""No payment is settled before its signature was checked.

A device signs each payment line as it appends it; the hub keeps line and signature for the auditor. Of what
was done with a card at a desk there is no line: the card signed that itself. Checking costs more than taking
the line, so it happens here, in front of the connector, in batches and on a thread of its own, and not while
the device waits for its acknowledgement.

Rules: a line that is missing, unsigned, or signed by a key that was never this device's is not settled, nor
is a deed at a desk without its card's signature. Its effect is undecided, and a case is opened for a clerk:
the money did move, and somebody must look why nobody vouches for it. Keys of former enrolments count: the
line may be older than the key in use.

Source: docs/PROTOCOL.md, section Lines and frames (`sig`); docs/CARD.md, section Nothing is charged twice.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from card_reader.citizen_card.sealing import signed_input
from card_reader.desfire.transaction_mac import Committed, is_genuine
from hub.core.port import Connector, Effect, Result, Undecidable
from hub.db.card_deed_repository import SignedDeed, deeds_behind
from hub.db.engine import Connection
from hub.db.payment_lines import PaymentLine, payment_lines
from hub.db.register_repositories import ExceptionRepository
from hub.db.writer import Writer
from hub.domain.cards.taps import SealKeys
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
        self,
        connector: Connector,
        writer: Writer,
        registry: Registry,
        seals: SealKeys,
        clock: Callable[[], int],
    ) -> None:
        """Stand in front of a connector.

        Args:
            connector: who delivers what is vouched for.
            writer: the database.
            registry: knows every signing key that a device ever had.
            seals: keys under which cards sign.
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
        self._seals = seals
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
            deeds = deeds_behind(connection, [key for key in keys if key not in lines])
        vouched = {key for key, line in lines.items() if self._holds(line)}
        vouched |= {key for key, deed in deeds.items() if self._is_sealed(deed)}
        refused = {key: lines.get(key) for key in keys if key not in vouched}
        self.checked += len(keys) - len(refused)
        if refused:
            self.refused += len(refused)
            self._tell_clerk(refused)
        return refused

    def _holds(self, line: PaymentLine) -> bool:
        try:
            signing = self._registry.device(line.device).signing
        except UnknownDeviceError:
            return False
        return any(_is_signed_by(key, line) for key in signing)

    def _is_sealed(self, deed: SignedDeed) -> bool:
        key = self._seals.seal_key(deed.card_uid, deed.seal_version)
        if key is None or deed.mac is None:
            return False
        signed = signed_input(deed.record, deed.holder)
        proof = Committed(counter=deed.record.counter, mac=deed.mac, input=signed)
        return is_genuine(key, deed.card_uid, proof)

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
