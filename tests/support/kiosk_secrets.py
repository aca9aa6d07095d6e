"""Citizens who type secrets at a kiosk, and a search for them wherever they might be left."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from secrets import token_hex
from typing import Any

from shared.adapters.mqtt_link import Received
from shared.adapters.photographs import fit_photograph
from shared.protocol.receipts import Receipt, judge
from tests.support.kiosk_process import START_S, KioskProcess
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


class Scan:
    """Looks for many things at once: one pass, however many there are.

    Args:
        wanted: none of them begins with another one.
    """

    def __init__(self, wanted: Iterable[bytes]) -> None:
        each = sorted(set(wanted))
        self.overlap = max(map(len, each))
        self._pattern = re.compile(_tree(each, 0), re.DOTALL)

    def found(self, block: bytes) -> set[bytes]:
        """Which of them are in a block."""
        return set(self._pattern.findall(block))


def _tree(texts: Sequence[bytes], depth: int) -> bytes:
    """Write a pattern in which what begins alike is looked at once; the texts are sorted."""
    if len(texts) == 1:
        return re.escape(texts[0][depth:])
    branches = [list(group) for _, group in groupby(texts, key=lambda text: text[depth])]
    written = [re.escape(group[0][depth : depth + 1]) + _tree(group, depth + 1) for group in branches]
    return written[0] if len(written) == 1 else b"(?:" + b"|".join(written) + b")"


def in_memory(pid: int, scan: Scan) -> int:
    """How many of these bytes are in a process's memory."""
    found: set[bytes] = set()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for area in _WRITABLE.finditer(Path(f"/proc/{pid}/maps").read_text()):
            start, end = int(area[1], 16), int(area[2], 16)
            tail = b""
            with suppress(OSError, ValueError):  # not every area can be read, such as [vvar]
                memory.seek(start)
                while start < end and (block := memory.read(min(_BLOCK, end - start))):
                    seen = tail + block
                    found |= scan.found(seen)
                    tail, start = block[-scan.overlap :], start + len(block)
    return len(found)


def on_disk(folders: Iterable[Path], scan: Scan) -> list[str]:
    """The files in which any of these bytes lie; one that goes meanwhile is nowhere."""
    found: list[str] = []
    for path in (path for folder in folders for path in (folder, *folder.rglob("*"))):
        with suppress(FileNotFoundError):
            if path.is_file() and scan.found(path.read_bytes()):
                found.append(str(path))
    return found


@dataclass
class Found:
    """What a search found; nothing, if all is well.

    Attributes:
        seen_meanwhile: that were in the screen's memory while their citizen was there: the search can see.
        heard: bytes that the broker passed on, in which none of it was.
    """

    owner: int = 0
    screen: int = 0
    disk: list[str] = field(default_factory=list[str])
    broker: int = 0
    seen_meanwhile: int = 0
    heard: int = 0

    def wrong(self) -> str:
        """Say what is wrong; nothing where nothing of them was found by a search that can see."""
        if not (self.seen_meanwhile and self.heard):
            return f"the search sees nothing even where something is: {self}"
        return str(self) if self.owner or self.screen or self.disk or self.broker else ""


class KioskAtHub:
    """A kiosk at a hub of this process, and the wire between them.

    Args:
        folder: an empty folder of the test.

    Attributes:
        hub: ingest and database in this process.
        town: the kiosk's town and home.
        kiosk: the two processes, once they are started.
    """

    kiosk: KioskProcess

    def __init__(self, folder: Path) -> None:
        self.hub = SmallHub(folder / "hub", devices=())
        self.town = KioskTown(folder, town=self.hub.town)
        self.cut()  # the broker admits those whom it knew when it began
        self.mend()

    def close(self) -> None:
        self.kiosk.kill()
        self.hub.close()

    def cut(self) -> None:
        """Take the network away."""
        self.hub.town.broker.stop()

    def mend(self) -> None:
        """Give it back."""
        town = self.hub.town
        town.broker = town.make_broker()
        town.broker.start()

    def places(self) -> list[tuple[str, int]]:
        """Where every report that the hub has stood in its outbox: epoch and number."""
        return [_place(row) for row in self.hub.rows() if row["stream"] == "cases"]


class Citizens(KioskAtHub):
    """A kiosk at a hub, served citizen after citizen.

    Args:
        folder: an empty folder of the test.
        patience_s: for a screen or a page to come.

    Attributes:
        receipts: what the citizens took home.
    """

    def __init__(self, folder: Path, *, patience_s: float = START_S) -> None:
        super().__init__(folder)
        pictures = folder / "pictures"
        pictures.mkdir()
        photographs = [make_photograph(pictures / f"{n}.jpg", seed=n) for n in range(PICTURES)]
        jpegs = [fit_photograph(path.read_bytes()).jpeg for path in photographs]
        self._pieces = [jpeg[len(jpeg) // 2 :][:48] for jpeg in jpegs]
        self._secrets: list[str] = []
        self._ear, self._traffic = self.hub.town.link("hub")
        self._heard: list[bytes] = []
        self.receipts: list[Receipt] = []
        self.kiosk = KioskProcess(self.town.home, "--camera", str(pictures), patience_s=patience_s)
        self._seen = 0

    def serve(self, count: int) -> None:
        """Serve so many citizens, each with words, a telephone number and a photograph."""
        for _ in range(count):
            words, phone = f"secreto {token_hex(12)}", f"6{int(token_hex(8), 16) % 10**11:011}"
            self._secrets += [words, phone]
            screen = self.kiosk.wait_for_screen()
            page = self.kiosk.report(words, phone=phone, photos=1)
            if not self._seen:
                self._seen = in_memory(screen, Scan(needles([words, phone])))
            self.kiosk.press("done")
            self.kiosk.wait_for_screen(other_than=screen)
            self.kiosk.wait_for_page("attract")
            judged = judge(page["qr"], self.town.keys().by_id())
            assert judged.receipt is not None
            self.receipts.append(judged.receipt)

    def search(self) -> Found:
        """Look for every secret: disk, both processes, what the broker passed on."""
        scan = Scan([*needles(self._secrets), *self._pieces])
        screen = self.kiosk.wait_for_screen()
        for event in self._traffic.rest():
            if isinstance(event, Received):
                self._heard.append(event.payload)
                self._ear.acknowledge(event)
        heard = b"".join(self._heard)
        return Found(
            owner=in_memory(self.kiosk.pid, scan),
            screen=in_memory(screen, scan),
            disk=on_disk([self.town.home.path, self.kiosk.log_path], scan),
            broker=len(scan.found(heard)),
            seen_meanwhile=self._seen,
            heard=len(heard),
        )

    def wait_until_arrived(self) -> None:
        """Wait until the hub has every report that was taken, and see that it has each once."""
        wanted = [(one.epoch, one.seq) for one in self.receipts]

        eventually(lambda: set(wanted) <= set(self.places()), timeout_s=60, what="every report at the hub")
        assert sorted(self.places()) == sorted(wanted)


def _place(row: Mapping[str, Any]) -> tuple[str, int]:
    return str(row["epoch"]), int(row["seq"])
