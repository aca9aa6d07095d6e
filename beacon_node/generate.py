"""The node's `constants.py`, made from the protocol's own topics and limits.

`python -m beacon_node.generate` writes it; a test compares. MicroPython cannot import `shared`, and what is
said twice by hand comes apart.
"""

from pathlib import Path
from typing import Final

from shared.protocol import limits, topics
from shared.protocol.firmware import FIRMWARE_KEYS, FIRMWARE_PATH
from shared.protocol.frame import SESSION_LENGTH

PATH: Final = Path(__file__).parent / "firmware" / "constants.py"
_HEAD: Final = '''"""What node and hub share. Made by `python -m beacon_node.generate`: change it there."""

'''
_LIMITS: Final = (
    "MICRO_LINE_BYTES_MAX",
    "MICRO_FRAME_LINES_MAX",
    "MICRO_FRAME_BYTES_MAX",
    "HOLD_S_MAX",
    "CREDIT_LINES",
    "LOWEST_LANE_EVERY",
    "BIRTH_TIMEOUT_MS",
    "BIRTHS_UNANSWERED_MAX",
    "RESEND_FIRST_MS",
    "RESEND_MAX_MS",
    "RESENDS_BEFORE_BIRTH",
    "KEEPALIVE_MS",
    "KEEPALIVE_JITTER",
    "BACKOFF_FIRST_MS",
    "BACKOFF_MAX_MS",
    "BACKOFF_UNRECOGNISED_MS",
    "PUBACK_TIMEOUT_MS",
    "CLOCK_AGREE_MS",
    "CONFIRM_S_MAX",
    "TRIAL_S_MAX",
    "TRIAL_STARTS_MAX",
    "VERSIONS_REVERTED_MAX",
    "COMMANDS_REMEMBERED",
    "COMMAND_BYTES_MAX",
    "FIRMWARE_BYTES_MAX",
    "FIRMWARE_MANIFEST_BYTES_MAX",
    "FIRMWARE_FILES_MAX",
    "FIRMWARE_LINE_BYTES_MAX",
    "FIRMWARE_ASK_FIRST_MS",
    "FIRMWARE_ASK_EVERY_MS",
    "FIRMWARE_ASK_AGAIN_MS",
)


def constants() -> str:
    """Return the text of the node's constants."""
    named: dict[str, object] = {
        "TOPIC_UP": topics.up("%s", "%s"),  # pyright: ignore[reportArgumentType]  a form, filled on the node
        "TOPIC_ACK": topics.ack("%s"),
        "TOPIC_DESIRED": topics.desired("%s"),
        "TOPIC_COMMAND": topics.command("%s"),
        "SESSION_LENGTH": SESSION_LENGTH,
        "FIRMWARE_PATH": FIRMWARE_PATH,
        "FIRMWARE_KEYS": FIRMWARE_KEYS,
        **{name: getattr(limits, name) for name in _LIMITS},
    }
    rows = (f"{name} = {_written(value)}\n" for name, value in named.items())
    return _HEAD + "".join(rows)


def _written(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    PATH.write_text(constants())
