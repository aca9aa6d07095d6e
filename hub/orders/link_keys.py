"""New link keys of a device: it is asked to draw them, and heard of when the registry has them.

The registry's word counts, not the command's: a device that is killed in the middle says that the command
failed, and takes its new keys up all the same when it comes back.
"""

import time
from getpass import getuser
from typing import Any, Final

from hub.api.client import ApiClient
from shared.model.errors import TransientError

LINK: Final = "link"
WAIT_S: Final = 120.0
POLL_S: Final = 0.2
_LIFE_S: Final = 300


class NotRotatedError(TransientError):
    """The device has not taken up new link keys yet; it goes on by itself. Look again at its `link_key`."""


def rotate_link_keys(client: ApiClient, device: str, *, wait_s: float = WAIT_S) -> str:
    """Have a device change its link keys, and wait until the hub has them.

    Args:
        client: of the hub that runs.
        device: its name.
        wait_s: for how long; what comes later is done all the same.

    Returns:
        What has come of it, for the operator.

    Raises:
        InputError: there is no such device, or it cannot do that.
        NotRotatedError: it was not seen in time.
    """
    before = client.get(f"/v1/devices/{device}")["link_key"]
    wanted: dict[str, Any] = {"op": "rotate_keys", "args": {}, "life_s": _LIFE_S, "who": getuser()}
    client.post(f"/v1/devices/{device}/commands", wanted)
    deadline_s = time.monotonic() + wait_s
    while (now := client.get(f"/v1/devices/{device}")["link_key"]) == before:
        if time.monotonic() >= deadline_s:
            raise NotRotatedError(NotRotatedError.__doc__)
        time.sleep(POLL_S)
    return f"{device} has link keys {now}; those before ({before}) are honoured for the keep window."
