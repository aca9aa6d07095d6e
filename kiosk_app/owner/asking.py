"""Asking the hub on a screen's behalf: the owner alone has the keys and the way."""

from collections.abc import Mapping
from typing import Any

from kiosk_app.owner.screen_line import AskHub
from shared.adapters.device_keys import Identity
from shared.model.errors import TransientError


class NoAnswerError(TransientError):
    """The hub does not answer this question; try again later."""


def hub_asker(identity: Identity) -> AskHub:
    """Return what asks the hub as this device.

    Args:
        identity: who asks, and where the hub is.
    """
    _ = identity

    def ask(_what: str, _about: str) -> Mapping[str, Any]:
        raise NoAnswerError(NoAnswerError.__doc__)

    return ask
