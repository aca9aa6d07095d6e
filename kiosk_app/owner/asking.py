"""Asking the hub on a screen's behalf: the owner alone has the keys and the way."""

from collections.abc import Mapping
from typing import Any

from kiosk_app.owner.screen_line import AskHub
from shared.adapters.device_keys import Identity
from shared.adapters.question_client import ask


def hub_asker(identity: Identity) -> AskHub:
    """Return what asks the hub as this device; see `shared.adapters.question_client.ask`.

    Args:
        identity: who asks, and where the hub is.
    """

    def ask_hub(what: str, about: str) -> Mapping[str, Any]:
        return ask(identity, what, about)

    return ask_hub
