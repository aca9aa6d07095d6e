"""The card terminal: how long a tap takes, what the way to the card costs, what is missed, what a list costs.

Everything but the card itself stands as in a bus: pcscd, libpcsclite, a driver; the card is a program. Rounds
of what is compared are interleaved, and the figure is a median of them. On the machine's own disk a sync
takes a tenth of a millisecond, and a card in memory answers at once: so both are made slow where it counts.
"""

import ctypes
import gc
import os
import shutil
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack
from ctypes import byref, c_char_p, c_long, c_ulong, c_void_p
from pathlib import Path
from queue import SimpleQueue
from random import Random
from statistics import median, quantiles
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from card_reader.apdu.conversing import converse
from card_reader.core.tap import Yes, tap
from card_reader.owner.validator import TownRules
from card_reader.transport.pcsc.field import Field
from card_reader.transport.pcsc.reader import Cards, Mishap, Reader, Trouble
from card_reader.transport.pcsc.winscard import UNAWARE, Context
from card_reader.virtual_card.faults import Field as VirtualField
from shared.edge.bundle_shelf import Held as HeldBundle
from shared.edge.contents import Contents
from shared.edge.kept_files import write_kept
from shared.edge.pseudonyms import Pseudonyms
from shared.model.deny_list import SUBJECTS_MAX, PackedSubjects
from shared.model.tariff import Tariff
from shared.protocol.bundle import DENY_LIST, make_notice
from shared.protocol.contents import read_content
from shared.protocol.versions import Version
from tests.support.cards import NOW_S, Held, MemoryBook, Town, desk_of, no_wait, tap_once, tariff, trip
from tests.support.pcsc import SOCKET_NAME, CardProcess, Pcscd, make_driver
from tests.support.polling import eventually
from tests.support.reader_process import ReaderProcess, load_keys, write_fares
from tests.support.small_hub import SmallHub

Row = dict[str, object]
ROUNDS: Final = 7
SELECT: Final = bytes.fromhex("00A4040C07D2760000850100")
EXCHANGES: Final = 300
TAPS: Final = 20
INSERTIONS: Final = 1_000
LIGHTS: Final = 30
AIR_S: Final = 0.036
"""What the bytes of a tap take in the air at 106 kbit/s."""
FSYNC_US: Final = 50_000
ANOTHER_S: Final = 1.3
"""The next second is another presentation."""
LOOKUPS: Final = 20_000
SWAPS: Final = 30
WAIT_S: Final = 60.0


def run() -> list[Row]:
    """Measure.

    Returns:
        Rows of `bench.json`: name, value, unit, against, ratio.
    """
    make_driver()
    folder = Path(tempfile.mkdtemp(prefix="vt-bench-"))
    os.environ[SOCKET_NAME] = str(folder / "pcscd.comm")
    try:
        with ExitStack() as closing:
            pcscd = Pcscd(folder, "door@5000")
            pcscd.start()
            closing.callback(pcscd.close)
            town, card = Town(), CardProcess(bytes.fromhex("04782E21801D80"))
            closing.callback(card.close)
            card.issue(town, passes=())
            with card.near() as near:
                town.top_up_at(near, card.uid, 9_000)
            return [
                _apdus(),
                *_exchanges(pcscd, card, town),
                *_events(pcscd, card),
                _presented_to_light(folder, pcscd, card, town, closing),
                *_deny_list(folder),
            ]
    finally:
        del os.environ[SOCKET_NAME]
        shutil.rmtree(folder)


def _row(name: str, value: float, unit: str, against: str, ratio: float) -> Row:
    return {
        "name": name,
        "value": round(value, 2),
        "unit": unit,
        "against": against,
        "ratio": round(ratio, 2),
    }


def _apdus() -> Row:
    """Count the commands of the common path."""
    town = Town()
    commands = tap_once(town, town.issue(balance_minor=1_000), MemoryBook()).commands
    return _row("tap.apdus", commands, "commands", "8", commands / 8)


# ---- the way to the card


def _exchanges(pcscd: Pcscd, card: CardProcess, town: Town) -> list[Row]:
    """A whole tap against its commands' bare way, and our way against the library's own; in turn."""
    taps_ms: list[float] = []
    ways: list[float] = []
    ours: list[float] = []
    whole: list[float] = []
    rules, now_s = tariff(cap_day_minor=None, transfer=None, prices=[_cent(0)]), NOW_S
    card.hold(pcscd.door())
    with Context() as context:
        reader = _reader_with_card(context)
        for _ in range(ROUNDS):
            with context.connect(reader) as connection:
                ours_us = _per_exchange_us(connection.transmit)
                floor_s = _eight_s(connection.transmit)
                spans: list[float] = []
                for _ in range(TAPS):
                    now_s += 20_000
                    desk = desk_of(town, MemoryBook(), rules)
                    talk = tap(card.uid, trip(now_s=now_s), desk)
                    began_s = time.perf_counter()
                    verdict = converse(Field(connection), talk)
                    spans.append(time.perf_counter() - began_s)
                    if verdict.said is not Yes.RIDE:
                        raise AssertionError(verdict)
            with _bare(reader) as bare:
                bare_us = _per_exchange_us(bare.transmit)
            taps_ms.append(min(spans) * 1e3)
            ours.append(ours_us)
            ways.append(ours_us / bare_us)
            whole.append((min(spans) - _thought_s(rules)) / floor_s)
    card.take_away()
    return [
        _row("tap.vs_floor", median(taps_ms), "ms", "8 bare exchanges", median(whole)),
        _row("transmit", median(ours), "µs", "ctypes on libpcsclite", median(ways)),
    ]


def _cent(category: int) -> dict[str, int]:
    return {"category": category, "amount_minor": 1}


def _reader_with_card(context: Context) -> str:
    deadline_s = time.monotonic() + WAIT_S
    while time.monotonic() < deadline_s:
        for reader in context.readers():
            standing = context.wait(reader, UNAWARE, 0)
            if standing.atr:
                return reader
    raise AssertionError("no card in the reader")


def _per_exchange_us(transmit: Callable[[bytes], bytes]) -> float:
    spans: list[float] = []
    for _ in range(EXCHANGES):
        began_s = time.perf_counter()
        transmit(SELECT)
        spans.append(time.perf_counter() - began_s)
    return median(spans) * 1e6


class _Watched(Held):
    """A virtual card in this process whose own computing is timed: on silicon it is the card's."""

    thought_s = 0.0

    def transmit(self, command: bytes) -> bytes:
        """Answer, and count how long that took."""
        began_s = time.perf_counter()
        answer = super().transmit(command)
        self.thought_s += time.perf_counter() - began_s
        return answer


def _thought_s(rules: Tariff) -> float:
    """What of a tap is the virtual card's own computing; the fastest of as many as are measured."""
    town = Town()
    card, spans = town.issue(balance_minor=1_000), [0.0] * TAPS
    for count in range(TAPS):
        held = _Watched(VirtualField(card, no_wait))
        now_s = NOW_S + 20_000 * (count + 1)
        converse(held, tap(card.memory.uid, trip(now_s=now_s), desk_of(town, MemoryBook(), rules)))
        spans[count] = held.thought_s
    return min(spans)


def _eight_s(transmit: Callable[[bytes], bytes]) -> float:
    """Eight bare exchanges on end, as a tap makes them; the fastest, as of the taps: other work only adds."""
    spans: list[float] = []
    for _ in range(TAPS):
        began_s = time.perf_counter()
        for _ in range(8):
            transmit(SELECT)
        spans.append(time.perf_counter() - began_s)
    return min(spans)


class _bare:  # noqa: N801  a context manager, used as a function
    """The library by ctypes, with nothing around it: what each call must cost."""

    def __init__(self, reader: str) -> None:
        self._library = ctypes.CDLL("libpcsclite.so.1")
        self._context, self._card = c_long(), c_long()
        self._check(self._library.SCardEstablishContext(c_ulong(2), None, None, byref(self._context)))
        protocol = c_ulong()
        self._check(
            self._library.SCardConnect(
                self._context,
                c_char_p(reader.encode()),
                c_ulong(1),
                c_ulong(3),
                byref(self._card),
                byref(protocol),
            )
        )
        self._send = (c_ulong * 2)(protocol.value, 16)
        self._answer = ctypes.create_string_buffer(512)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._library.SCardDisconnect(self._card, c_ulong(0))
        self._library.SCardReleaseContext(self._context)

    def transmit(self, command: bytes) -> bytes:
        """Send and hear, and copy the answer: nobody does less."""
        length = c_ulong(512)
        self._check(
            self._library.SCardTransmit(
                self._card,
                byref(self._send),
                command,
                c_ulong(len(command)),
                c_void_p(),
                self._answer,
                byref(length),
            )
        )
        return self._answer.raw[: length.value]

    @staticmethod
    def _check(code: int) -> None:
        if code:
            raise AssertionError(f"{code & 0xFFFFFFFF:08x}")


# ---- cards that come


class _Counted(Cards):
    """Counts cards."""

    def __init__(self) -> None:
        self.served: SimpleQueue[float] = SimpleQueue()
        self.troubles: SimpleQueue[Trouble] = SimpleQueue()

    def serve(self, number: bytes, field: Field) -> None:
        """One more."""
        self.served.put(time.perf_counter())

    def missed(self, mishap: Mishap) -> None:
        """One that was not served, and is missed from the count."""

    def trouble(self, trouble: Trouble) -> None:
        """The reader stands otherwise."""
        self.troubles.put(trouble)


def _events(pcscd: Pcscd, card: CardProcess) -> list[Row]:
    """Kill pcscd with a card to come, several times; and bring a card a thousand times."""
    cards = _Counted()
    reader = Reader("door", cards)
    reader.start()
    try:
        cards.troubles.get(timeout=WAIT_S)
        recovered_s: list[float] = []
        for _ in range(ROUNDS):
            pcscd.kill()
            cards.troubles.get(timeout=WAIT_S)
            card.hold(pcscd.door())
            pcscd.start()
            began_s = time.perf_counter()
            recovered_s.append(max(0.0, cards.served.get(timeout=WAIT_S) - began_s))
            cards.troubles.get(timeout=WAIT_S)
            card.take_away()
        served = 0
        for _ in range(INSERTIONS):
            card.hold(pcscd.door())
            served += cards.served.get(timeout=WAIT_S) > 0
            card.take_away()
    finally:
        reader.stop()
    missed = INSERTIONS - served + cards.served.qsize()
    return [
        _row("card_event.recovered", median(recovered_s), "s", "1 s", median(recovered_s)),
        _row("card_event.missed", missed, f"of {INSERTIONS:,}", "none", missed),
    ]


# ---- the whole terminal


class _Timed(ReaderProcess):
    """A terminal whose syncs are slow, and that notes when each of its lights was seen."""

    wrapped = ("strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync")
    wrapped = (*wrapped, "-e", f"inject=fsync,fdatasync:delay_exit={FSYNC_US}")


def _presented_to_light(folder: Path, pcscd: Pcscd, card: CardProcess, town: Town, closing: ExitStack) -> Row:
    """Hold a card to a terminal until its light, again and again."""
    hub = SmallHub(folder / "hub", ("bus-7",))
    closing.callback(hub.close)
    home = hub.home("bus-7")
    load_keys(home, town)
    fares = write_fares(
        folder / "fares.json", tariff(cap_day_minor=None, transfer=None, prices=[_cent(0)], passback_s=0)
    )
    terminal = _Timed(home, pcscd, "--fares", str(fares), "--name", "door")
    closing.callback(terminal.stop)
    terminal.wait_until_it_serves()
    spans_ms: list[float] = []
    for count in range(1, LIGHTS + 1):
        began_s = time.perf_counter()
        next_s = began_s + ANOTHER_S
        card.hold(pcscd.door(), slow_s=AIR_S / 8)
        line = terminal.next_line(count)
        spans_ms.append((terminal.shown_s[count - 1] - began_s) * 1e3)
        if "Buen viaje" not in line:
            raise AssertionError(line)
        card.take_away()
        eventually(lambda over_s=next_s: time.perf_counter() > over_s)
    p95_ms = quantiles(spans_ms, n=20)[-1]
    return _row("tap.presented_to_light", p95_ms, "ms, p95", "300 ms", p95_ms / 300)


# ---- the deny list


def _deny_list(folder: Path) -> list[Row]:
    """Look cards up in a list of a hundred thousand, and swap it meanwhile."""
    random, key = Random(1), Ed25519PrivateKey.generate()
    body = PackedSubjects.of(random.randbytes(16).hex() for _ in range(SUBJECTS_MAX)).to_bytes()
    contents = Contents(lambda: 0)
    town = TownRules(
        contents=contents,
        pseudonyms=Pseudonyms(bytes(32)),
        tariff=lambda: None,
        closed=lambda: None,
        limit_minor=lambda: 0,
    )

    def swap(count: int) -> None:
        notice = make_notice(DENY_LIST, Version(1, count), body, 1, [key])
        write_kept(folder / "deny-list", body)
        contents.learn(HeldBundle(notice=notice, taken_ms=0), read_content(DENY_LIST, bytes(bytearray(body))))

    gc.collect()
    tracemalloc.start()
    swap(1)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    spans_us = _lookups(town, random)
    delays_ms = [_worst_ms(town, random, swap) - _worst_ms(town, random, None) for _ in range(ROUNDS)]
    p99_us = quantiles(spans_us, n=100)[-1]
    delay_ms = max(0.0, median(delays_ms))
    return [
        _row("denylist.lookup", p99_us, "µs, p99", "20 µs", p99_us / 20),
        _row("denylist.memory", held / 1e6, "MB", "3 MB", held / 3e6),
        _row("denylist.swap", delay_ms, "ms later", "5 ms", delay_ms / 5),
    ]


def _lookups(town: TownRules, random: Random) -> list[float]:
    spans: list[float] = []
    for _ in range(LOOKUPS):
        card_id = random.randbytes(8)
        began_s = time.perf_counter()
        town.is_denied(card_id, 1)
        spans.append((time.perf_counter() - began_s) * 1e6)
    return spans


def _worst_ms(town: TownRules, random: Random, swap: Callable[[int], None] | None) -> float:
    """The longest lookup of some hundred milliseconds, with a list that is swapped all the while, or not."""
    swapper = threading.Thread(target=lambda: [swap(count) for count in range(2, SWAPS) if swap is not None])
    swapper.start()
    longest_us, until_s = 0.0, time.monotonic() + 0.3
    while swapper.is_alive() or time.monotonic() < until_s:
        longest_us = max(longest_us, *_some_lookups(town, random))
    swapper.join()
    return longest_us / 1e3


def _some_lookups(town: TownRules, random: Random) -> list[float]:
    spans: list[float] = []
    for _ in range(50):
        card_id = random.randbytes(8)
        began_s = time.perf_counter()
        town.is_denied(card_id, 1)
        spans.append((time.perf_counter() - began_s) * 1e6)
    return spans


if __name__ == "__main__":
    for row in run():
        print(row)
