"""What the hub says on a node's acknowledgement topic: the form of a welcome and of an acknowledgement.

Source: docs/PROTOCOL.md, sections Session and Acknowledgement.
"""

from binascii import unhexlify

from beacon_node.firmware import constants as c
from beacon_node.firmware.mac import CHAIN

_EPOCH = 4


class MessageError(Exception):
    """The message is forged or malformed; it had no effect."""


class ForgedError(MessageError):
    """The message is under none of the hub's keys; it had no effect."""


def checked_answer(members):
    """Return a welcome's or an acknowledgement's members if it is one.

    Raises:
        MessageError: a member is missing or of another kind.
    """
    try:
        _whole(members, "incarnation", "time_ms")
        if members["v"] != 1 or not _is_token(members["session"]):
            raise ValueError
        if "nonce" in members:
            _whole(members, "hold_s")
            if not _is_token(members["nonce"]):
                raise ValueError
            return members
        _whole(members, "n")
        if type(members["fenced"]) is not bool:
            raise ValueError
        for stands in members["streams"].values():
            _whole(stands, "acked", "credit")
            if type(stands["epoch"]) is not str or len(unhexlify(stands["epoch"])) != _EPOCH:
                raise ValueError
            if stands["head"] is not None and len(unhexlify(stands["head"])) != CHAIN:
                raise ValueError
    except (AttributeError, KeyError, TypeError, ValueError):
        raise MessageError("The message is forged or malformed; it had no effect.")
    return members


def _whole(members, *names: str) -> None:
    for name in names:
        if type(members[name]) is not int or members[name] < 0:
            raise ValueError


def _is_token(value) -> bool:
    return type(value) is str and 0 < len(value) <= c.SESSION_LENGTH
