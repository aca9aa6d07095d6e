"""The MQTT topics, spelled here and nowhere else.

`vt/1/{device}/up/…` is what a device may publish, `vt/1/{device}/down/…` what it may read; the broker pins
both to the device's certificate. A message's MAC covers its topic, so a frame moved to another stream or
another device is a forgery.

Source: docs/PROTOCOL.md, section Topics.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.model.errors import InputError
from shared.model.event import Stream

ROOT: Final = "vt/1"
HUB_STATE: Final = f"{ROOT}/hub/state"
UP_FILTER: Final = f"{ROOT}/+/up/#"

_DEVICE = re.compile(r"[a-z0-9-]{1,32}\Z")


class Verb(StrEnum):
    """What a device says, streams aside."""

    BIRTH = "birth"
    DEATH = "death"
    REPORTED = "reported"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class UpTopic:
    """Who speaks, and what about."""

    device: str
    kind: Stream | Verb


class TopicError(InputError):
    """The topic is not one of ours; check the broker's permissions."""


def is_device_id(text: str) -> bool:
    """Tell whether `text` can name a device: 1 to 32 of a-z, 0-9 and hyphen, and not `hub`."""
    return _DEVICE.match(text) is not None and text != "hub"


def up(device: str, kind: Stream | Verb) -> str:
    """Return the topic on which `device` publishes a stream's frames, or its birth or death."""
    return f"{ROOT}/{device}/up/{kind}"


def ack(device: str) -> str:
    """Return the topic of welcomes and acknowledgements."""
    return f"{ROOT}/{device}/down/ack"


def down(device: str, what: str) -> str:
    """Return the topic on which `device` is told `what`."""
    return f"{ROOT}/{device}/down/{what}"


def desired(device: str) -> str:
    """Return the topic of the desired twin."""
    return down(device, "desired")


def command(device: str) -> str:
    """Return the topic of commands."""
    return down(device, "command")


def bundle(device: str, name: str) -> str:
    """Return the topic of a signed bundle's notice."""
    return down(device, f"bundle/{name}")


def down_filter(device: str) -> str:
    """Return the subscription that covers everything the hub says to `device`."""
    return f"{ROOT}/{device}/down/#"


def parse_up(topic: str) -> UpTopic:
    """Read a topic that a device published on.

    Raises:
        TopicError: it is no upward topic of this protocol's version.
    """
    match topic.split("/"):
        case ["vt", "1", device, "up", name] if name in _KINDS and is_device_id(device):
            return UpTopic(device, _KINDS[name])
        case _:
            raise TopicError(TopicError.__doc__)


_KINDS: Final[dict[str, Stream | Verb]] = {**{s.value: s for s in Stream}, **{v.value: v for v in Verb}}
