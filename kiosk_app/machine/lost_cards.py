"""A lost card is blocked at once: its printed number and its PIN go to the hub, sealed as every order is.

Nothing is asked twice: where no answer comes the card may be blocked, and asking again does no harm.
"""

from collections.abc import Mapping
from typing import Any, Final

import structlog

from kiosk_app.machine.card_reading import STEP_S, UNREACHED, CardNotReadError
from kiosk_app.machine.far_owner import FarOwner
from kiosk_app.machine.sealed_order import SealedOrder
from shared.model.errors import VentanillaError
from shared.protocol.sealing import HubSealingPublicKey

_DONE: Final = "done"

log = structlog.get_logger(__name__)


class LostCards:
    """Reports lost cards.

    Args:
        device: this kiosk's name.
        sealing: what is sealed to, where the owner has told of no newer key.
        owner: asks the hub.
    """

    def __init__(self, device: str, sealing: HubSealingPublicKey, owner: FarOwner) -> None:
        self._device = device
        self._sealing = sealing
        self._owner = owner

    def block(self, number: str, pin: str) -> Mapping[str, Any]:
        """Have a card blocked.

        Args:
            number: that is printed on it.
            pin: as it was typed.

        Returns:
            What the hub tells of it.

        Raises:
            CardNotReadError: it is not known to be blocked, and why.
        """
        order = SealedOrder(self._device, self._owner.told.sealing or self._sealing)
        asked = order.begin({"do": "lost", "number": number, "pin": pin})
        try:
            said = order.verdict(self._owner.ask_card("", asked).result(STEP_S))
        except (VentanillaError, TimeoutError) as error:
            log.warning("lost_card_not_reported", reason=type(error).__name__)
            raise CardNotReadError(UNREACHED) from error
        word = str(said.get("said"))
        if word != _DONE:
            raise CardNotReadError(word)
        return said
