"""What a screen asks of the hub about a card, sealed: nobody between them reads the order or its verdict.

    order = SealedOrder(device, key)
    said = owner.ask_card("", order.begin({"do":"mine"}, uid))
    verdict = order.verdict(said)      # of the last answer

One object for one order: its context is forgotten with it.
"""

import time
from collections.abc import Mapping
from secrets import token_bytes, token_hex
from typing import Any, Final

from shared.model.fields import text
from shared.model.ids import EVENT_ID_RANDOM_BYTES, new_event_id
from shared.protocol.parsing import parse_object
from shared.protocol.relay import VERDICT_LENGTH_MAX, Begin, SealedBegin, order_place, verdict_place
from shared.protocol.sealing import CONTEXT_KEY_BYTES, HubSealingPublicKey, SealingContext

_CONTEXT_ID_BYTES: Final = 6


class SealedOrder:
    """One order.

    Args:
        device: this kiosk's name.
        key: of the hub, that is sealed to.
    """

    def __init__(self, device: str, key: HubSealingPublicKey) -> None:
        self._device = device
        context_id, context_key = token_hex(_CONTEXT_ID_BYTES), token_bytes(CONTEXT_KEY_BYTES)
        self._context = SealingContext(key, device, context_id, context_key)

    def begin(self, asked: Mapping[str, object], uid: bytes = b"") -> Mapping[str, Any]:
        """Return what is sent.

        Args:
            asked: what is to be done, as `hub.domain.cards.orders` reads it, but for its id and who asks.
            uid: the card's number in the air; empty where there is none.
        """
        order = {
            "id": new_event_id(time.time_ns() // 1_000_000, token_bytes(EVENT_ID_RANDOM_BYTES)),
            "who": self._device,
            **asked,
        }
        sealed = self._context.seal(order_place(self._device), Begin(uid=uid, order=order).to_body())
        return SealedBegin(context=self._context.context, sealed=sealed).to_members()

    def verdict(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the hub's verdict.

        Raises:
            InputError: there is none in it, or it is not for this order.
        """
        sealed = text(said, "sealed", VERDICT_LENGTH_MAX)
        return parse_object(self._context.open_answer(verdict_place(self._device), sealed))
