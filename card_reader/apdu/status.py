"""Status words, and what they say in words.

Source: ISO/IEC 7816-4, 5.6; NXP MF2DLHX0 (DESFire Light), table "Status words": native codes behind 91.
"""

from enum import IntEnum


class Status(IntEnum):
    """The status words that the terminal knows."""

    OK = 0x9100
    MORE = 0x91AF
    ISO_OK = 0x9000
    NO_CHANGES = 0x910C
    OUT_OF_MEMORY = 0x910E
    ILLEGAL_COMMAND = 0x911C
    INTEGRITY = 0x911E
    NO_SUCH_KEY = 0x9140
    LENGTH = 0x917E
    PERMISSION = 0x919D
    PARAMETER = 0x919E
    NO_SUCH_APPLICATION = 0x91A0
    AUTHENTICATION_DELAY = 0x91AD
    AUTHENTICATION = 0x91AE
    BOUNDARY = 0x91BE
    COMMAND_ABORTED = 0x91CA
    DUPLICATE = 0x91DE
    NO_SUCH_FILE = 0x91F0
    ISO_LENGTH = 0x6700
    ISO_NOT_ALLOWED = 0x6982
    ISO_NO_SUCH_FILE = 0x6A82
    ISO_ILLEGAL_COMMAND = 0x6D00
    ISO_CLASS = 0x6E00


def meaning(status: int) -> str:
    """Return a status word in words, such as `authentication (91ae)`."""
    try:
        name = Status(status).name.lower().replace("_", " ")
    except ValueError:
        name = "a status that this version does not know"
    return f"{name} ({status:04x})"
