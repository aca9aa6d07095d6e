"""What the kit judges: sentences of docs/PROTOCOL.md that a device keeps, or not, in sight of its hub.

A sentence is judged here only if the wire shows it. What a device does at its disk (S-2, L-7 at a power cut,
L-8) or in front of a citizen cannot be seen from outside; the fault tools of the project judge those.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "T-3": "every message ends in a MAC line that holds",
        "T-4": "a forged message has no effect",
        "K-2": "payments and cases are sealed to their place",
        "K-3": "contexts come with the lines that need them, and the hub can open them",
        "K-4": "payments are signed by the device's key",
        "L-1": "messages and lines are strict JSON",
        "L-2": "numbers begin at 1 and have no hole",
        "L-3": "lines are sent in the same bytes again, and the chain runs through them",
        "L-5": "a frame's header says what is in it",
        "L-6": "lines and frames keep to their limits",
        "L-10": "an idle device sends a frame without lines",
        "B-1": "a birth lists every epoch, oldest first, and names the connection's nonce",
        "B-2": "only a welcome with the birth's own nonce is taken up",
        "B-5": "frames name the session; a welcome to an unknown one brings a birth",
        "B-6": "boot and uptime rise from birth to birth",
        "B-7": "a birth without an answer is repeated",
        "B-8": "a birth names the highest incarnation that the device has heard",
        "B-9": "a welcome's pause is kept",
        "A-2": "an older acknowledgement, or one of another session, has no effect",
        "A-4": "an acknowledgement that says less makes the device send again from there",
        "A-5": "an acknowledgement under another chain value is not taken",
        "A-6": "an acknowledgement of an unknown epoch brings a birth",
        "A-7": "an epoch is listed as long as lines of it are not acknowledged",
        "A-8": "a fenced device takes no new money, until it is cleared",
        "A-9": "credit bounds the lines in flight; 0 stops frames",
        "D-1": "at most four batches of a stream are in flight",
        "D-2": "what is not acknowledged is sent again after 5 s",
        "D-3": "a device whose connection was cut comes back within a minute",
    }
)
"""A sentence's number, and what it asks of a device, in a few words."""
