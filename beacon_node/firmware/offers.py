"""Whether a node asks for firmware at all. One that does not saves the memory: some 12 KB on a board.

Not here: when it asks (`updates`), what it takes (`ota`).
"""

import os

from beacon_node.firmware import constants as c
from beacon_node.firmware import slots


def updates_of(node, me, enrolment: dict, context):
    """Return what asks; None on a node that has no key of the town, or does not know its board or its hub.

    Args:
        node: has `board`, `clock` and `guard`.
        me: who asks; is told what runs.
        enrolment: has `hub_url`.
        context: returns a TLS context.
    """
    try:
        os.stat(c.FIRMWARE_KEYS)
    except OSError:
        return None
    if not enrolment.get("hub_url") or not node.board.get("board"):
        return None
    from beacon_node.firmware import updates

    me.firmware = updates.version_of(slots.running(), me.firmware)
    return updates.Updates(enrolment["hub_url"], me, node, context)
