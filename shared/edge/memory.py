"""What a device must still know after a power cut and is not in its outbox: `identity/memory.json`.

Which start of the machine it is, the hub's highest incarnation that it has heard, and whether it is fenced.
It lies with the identity, apart from the data: a data disk that is rolled back takes no fence with it.

Rules: written whole and fsynced whenever something changes. A memory that is damaged counts as fenced: no new
money until the hub says otherwise.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from shared.adapters.device_keys import BootCounter
from shared.adapters.durable_files import write_whole
from shared.model.errors import InputError
from shared.model.fields import INTEGER_MAX, text, whole
from shared.protocol.parsing import encode, parse_object

_NAME: Final = "memory.json"
_BOOT_ID_LENGTH_MAX: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is remembered.

    Attributes:
        boot_id: the kernel's name of the start that `boot` counts.
        boot: the boot counter; 0 before the first.
        incarnation: the highest of the hub that was heard.
        fenced: the device takes no new money until an acknowledgement clears this.
    """

    boot_id: str = "none"
    boot: int = 0
    incarnation: int = 0
    fenced: bool = False


class DeviceMemory:
    """The memory and its file.

    Attributes:
        now: what is durable.
        started_anew: this is the first life of the owner since the machine started.
    """

    def __init__(self, folder: Path, boot_id: str) -> None:
        """Read the memory and, if the machine has started since, count that, durably.

        Args:
            folder: the identity folder.
            boot_id: what names this start of the machine.

        Raises:
            IdentityDamagedError: the boot counter is lost.
            OSError: the identity folder cannot be written: the device must not speak.
        """
        self._path = folder / _NAME
        self.now = self.read(folder)
        self.started_anew = self.now.boot_id != boot_id or self.now.boot == 0
        if self.started_anew:
            self._write(replace(self.now, boot_id=boot_id, boot=BootCounter(folder).count()))

    @staticmethod
    def read(folder: Path) -> Memory:
        """Look at the memory of a device that may be stopped."""
        path = folder / _NAME
        if not path.exists():
            return Memory()
        try:
            return _parse(path.read_bytes())
        except InputError:
            return Memory(fenced=True)

    def keep(self, *, incarnation: int, fenced: bool) -> None:
        """Remember what the hub said; does nothing if it is known.

        Raises:
            OSError: the identity folder cannot be written; call again later.
        """
        if (incarnation, fenced) != (self.now.incarnation, self.now.fenced):
            self._write(replace(self.now, incarnation=incarnation, fenced=fenced))

    def _write(self, memory: Memory) -> None:
        write_whole(self._path, encode({"v": 1, **asdict(memory)}) + b"\n")
        self.now = memory


def _parse(content: bytes) -> Memory:
    members = parse_object(content.removesuffix(b"\n"))
    return Memory(
        boot_id=text(members, "boot_id", _BOOT_ID_LENGTH_MAX),
        boot=whole(members, "boot", 0, INTEGER_MAX),
        incarnation=whole(members, "incarnation", 0, INTEGER_MAX),
        fenced=members.get("fenced") is not False,
    )
