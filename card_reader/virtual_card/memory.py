"""What a virtual card holds without power: applications, keys, files. All of it can be copied: a clone.

A file that takes part in a transaction has two faces, what counts and what would; a commit makes one of them.
What a file holds is put in its place, never changed where it lies.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final

FREE: Final = 14
NEVER: Final = 15


@dataclass
class File:
    """One file: its rights and how it travels.

    Attributes:
        mode: 0 plain, 1 signed, 3 encrypted.
        rights: who may read, write, both, change; by key number.
    """

    mode: int
    rights: tuple[int, int, int, int]

    def may(self, key: int, *places: int) -> bool:
        """Whether a key stands at one of these places of the rights."""
        return any(self.rights[place] in (key, FREE) for place in places)


@dataclass
class Backup(File):
    """A data file; written whole at a commit."""

    data: bytes = b""


@dataclass
class Value(File):
    """An amount between two limits."""

    lowest: int = 0
    highest: int = 0
    value: int = 0
    gives_back: bool = False
    taken_last: int = 0


@dataclass
class Cyclic(File):
    """Records of one length, the oldest first; one place stays free for what is being written."""

    length: int = 0
    room: int = 0
    records: list[bytes] = field(default_factory=list[bytes])


@dataclass
class Seal(File):
    """The counter of transactions and the last signature."""

    key: bytes = b""
    version: int = 0
    counter: int = 0
    mac: bytes = bytes(8)


@dataclass
class Application:
    """Keys and files; the card itself has no number."""

    keys: list[bytes]
    versions: list[int]
    number: bytes = b""
    files: dict[int, File] = field(default_factory=dict[int, File])

    def seal(self) -> Seal | None:
        """The file that counts, if there is one."""
        return next((each for each in self.files.values() if isinstance(each, Seal)), None)


@dataclass
class Open:
    """A session as the card sees it."""

    key: int
    secret: bytes
    signing: bytes
    transaction: bytes
    counter: int = 0


@dataclass
class Memory:
    """The whole of it.

    Attributes:
        uid: the card's number in the air.
        applications: by their names; the root's is the card itself.
    """

    uid: bytes
    applications: dict[bytes, Application]

    def clone(self) -> "Memory":
        """Copy every bit, keys included, as nobody can who has only the card."""
        return deepcopy(self)
