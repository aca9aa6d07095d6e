"""A lost card is blocked by its holder, without the card and without a clerk: by its printed number and PIN.

Rules:
- One answer for a number that nobody has, a wrong PIN, a locked one, a card without one and a card that is
  out of use: who guesses learns nothing. Each costs the same work and one commit (`pin_book`).
- The tries are the PIN's: what is missed here is missed at a reader too.
- What is right blocks the card in the register with a case for a clerk, in one commit; then the deny list is
  published as after any block. Asked again it is blocked still: no second case, and a receipt again.
- Only a desk unblocks.
"""

from collections.abc import Callable
from secrets import token_bytes
from typing import Final

import structlog

from hub.db.card_number_repository import CardNumberRepository
from hub.db.card_repository import CardRepository
from hub.db.engine import Connection
from hub.db.unit_of_work import UnitOfWork
from hub.db.writer import Writer
from hub.domain.cards.orders import Order, check_may
from hub.domain.cards.ports import Pins
from hub.domain.cards.register import FINAL, CardState
from hub.domain.cards.verdict import Said as Word
from hub.domain.cards.verdict import Verdict
from shared.model.card_pin import PinWord
from shared.model.errors import VentanillaError
from shared.model.ids import REFERENCE_RANDOM_BYTES, new_reference
from shared.model.said import Said

CARD_LOST: Final = "card_lost"
"""The kind of the exception: a card that its holder blocked at a kiosk."""

log = structlog.get_logger(__name__)


class LostCards:
    """Blocks lost cards; any thread may call.

    Args:
        writer: the database.
        pins: of cards.
        clock: the hub's time, Unix epoch in milliseconds.
        publish_denied: publishes which cards ride nowhere, by the name of who changed that.
    """

    def __init__(
        self, writer: Writer, pins: Pins, clock: Callable[[], int], publish_denied: Callable[[str], object]
    ) -> None:
        self._writer = writer
        self._pins = pins
        self._clock = clock
        self._publish_denied = publish_denied

    def reported(self, device: str, kind: str, order: Order) -> Verdict:
        """Block the card of a number and a PIN.

        Args:
            device: the kiosk.
            kind: as what it was enrolled.
            order: with both.

        Raises:
            InputError: the device may not.
            TransientError, CapacityError, DeviceError: it was not kept, and nothing is blocked.
        """
        check_may(kind, order)
        with self._writer.read() as connection:
            subject = CardNumberRepository(connection).subject_of(order.number) or ""
        if self._pins.tried(subject, order.pin).word is not PinWord.RIGHT:
            return Verdict(said=Word.NO_MATCH)
        reference, now_ms = new_reference(token_bytes(REFERENCE_RANDOM_BYTES)), self._clock()
        said = Said(who=device, why=f"lost, by its holder, receipt {reference}", now_ms=now_ms)
        if not self._writer.run(lambda connection: _blocked(connection, subject, said, reference)):
            return Verdict(said=Word.NO_MATCH)
        try:
            self._publish_denied(device)
        except VentanillaError as error:  # it is blocked; the list follows with the next one
            log.warning("deny_list_not_published", reason=str(error))
        return Verdict(said=Word.DONE, state=CardState.BLOCKED, words={"reference": reference})


def _blocked(connection: Connection, subject: str, said: Said, reference: str) -> bool:
    """Block a card, and tell a clerk where it was not; returns whether it is one in use."""
    cards = CardRepository(connection)
    card = cards.find(subject)
    if card is None or card.state in FINAL:
        return False
    if not cards.set_state(subject, CardState.BLOCKED, said):
        cards.note(subject, said)
        return True
    uow = UnitOfWork(connection)
    uow.exceptions.open(CARD_LOST, said.who, {"subject": subject, "receipt": reference}, said.now_ms)
    uow.flush()
    return True
