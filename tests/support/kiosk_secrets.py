"""Citizens who type secrets at a kiosk, and a search for them wherever they might be left."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from shared.adapters.mqtt_link import Received
from shared.adapters.photographs import fit_photograph
from shared.protocol.receipts import Receipt, judge
from tests.support.kiosk_process import KioskProcess
from tests.support.kiosk_town import KioskTown
from tests.support.photographs import make_photograph
from tests.support.polling import eventually
from tests.support.small_hub import SmallHub

ENCODINGS = ("utf-8", "utf-16-le", "utf-32-le")
PICTURES = 3
_BLOCK = 8 << 20
_WRITABLE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw")


def needles(texts: Iterable[str]) -> list[bytes]:
    """The forms in which a text may lie in memory."""
    return [text.encode(encoding) for text in texts for encoding in ENCODINGS]


def in_memory(pid: int, wanted: Sequence[bytes]) -> int:
    """How many of these bytes are in a process's memory."""
    found: set[bytes] = set()
    overlap = max(map(len, wanted))
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for area in _WRITABLE.finditer(Path(f"/proc/{pid}/maps").read_text()):
            start, end = int(area[1], 16), int(area[2], 16)
            tail = b""
            with suppress(OSError, ValueError):  # not every area can be read, such as [vvar]
                memory.seek(start)
                while start < end and (block := memory.read(min(_BLOCK, end - start))):
                    seen = tail + block
                    found |= {each for each in wanted if each in seen}
                    tail, start = block[-overlap:], start + len(block)
    return len(found)


def on_disk(folders: Iterable[Path], wanted: Sequence[bytes]) -> list[str]:
    """The files in which any of these bytes lie."""
    return [
        str(path)
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and any(each in path.read_bytes() for each in wanted)
    ]


@dataclass
class Found:
    """What a search found; nothing, if all is well.

    Attributes:
        seen_meanwhile: that were in the screen's memory while their citizen was there: the search can see.
    """

    owner: int = 0
    screen: int = 0
    disk: list[str] = field(default_factory=list[str])
    broker: int = 0
    seen_meanwhile: int = 0


class Citizens:
    """A kiosk at a hub, served citizen after citizen.

    Args:
        folder: an empty folder of the test.

    Attributes:
        hub: ingest and database in this process.
        kiosk: the two processes.
        receipts: what the citizens took home.
    """

    def __init__(self, folder: Path) -> None:
        self.hub = SmallHub(folder / "hub", devices=())
        self.town = KioskTown(folder, town=self.hub.town)
        pictures = folder / "pictures"
        pictures.mkdir()
        photographs = [make_photograph(pictures / f"{n}.jpg", seed=n) for n in range(PICTURES)]
        jpegs = [fit_photograph(path.read_bytes()).jpeg for path in photographs]
        self._pieces = [jpeg[len(jpeg) // 2 :][:48] for jpeg in jpegs]
        self._secrets: list[str] = []
        _, self._traffic = self.hub.town.link("hub")
        self._heard: list[bytes] = []
        self.receipts: list[Receipt] = []
        self.kiosk = KioskProcess(self.town.home, "--camera", str(pictures))
        self._seen = 0

    def close(self) -> None:
        self.kiosk.kill()
        self.hub.close()

    def serve(self, count: int) -> None:
        """Serve so many citizens, each with words, a telephone number and a photograph."""
        for _ in range(count):
            words, phone = f"secreto {token_hex(12)}", f"6{int(token_hex(4), 16) % 10**8:08}"
            self._secrets += [words, phone]
            screen = self.kiosk.wait_for_screen()
            page = self.kiosk.report(words, phone=phone, photos=1)
            if not self._seen:
                self._seen = in_memory(screen, needles([words, phone]))
            self.kiosk.press("done")
            self.kiosk.wait_for_screen(other_than=screen)
            self.kiosk.wait_for_page("attract")
            judged = judge(page["qr"], self.town.keys().by_id())
            assert judged.receipt is not None
            self.receipts.append(judged.receipt)

    def search(self) -> Found:
        """Look for every secret: disk, both processes, what the broker passed on."""
        wanted = [*needles(self._secrets), *self._pieces]
        screen = self.kiosk.wait_for_screen()
        self._heard += [event.payload for event in self._traffic.rest() if isinstance(event, Received)]
        heard = b"".join(self._heard)
        log = self.kiosk.log_text().encode()
        return Found(
            owner=in_memory(self.kiosk.pid, wanted),
            screen=in_memory(screen, wanted),
            disk=on_disk([self.town.home.path], wanted) + ["log"] * any(each in log for each in wanted),
            broker=sum(each in heard for each in wanted),
            seen_meanwhile=self._seen,
        )

    def wait_until_arrived(self) -> None:
        """Wait until the hub has every report that was taken, and see that it has each once."""
        wanted = [(one.epoch, one.seq) for one in self.receipts]

        def arrived() -> bool:
            return set(wanted) <= {_place(row) for row in self.hub.rows()}

        eventually(arrived, timeout_s=60, what="every report at the hub")
        places = [_place(row) for row in self.hub.rows() if row["stream"] == "cases"]
        assert sorted(places) == sorted(wanted)


def _place(row: Mapping[str, Any]) -> tuple[str, int]:
    return str(row["epoch"]), int(row["seq"])
