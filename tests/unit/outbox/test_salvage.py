"""Salvage: what a broken file still gives, and in which order the files change hands."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.outbox import Outbox, OutboxLimits
from shared.adapters.outbox.salvage import every_row, finish_swap, salvage
from shared.adapters.outbox.schema import SEQ_MAX, migrate
from shared.model.event import Stream
from shared.protocol.delivery import LANES
from tests.support.outbox import DEVICE, held, new_context, take, take_many
from tests.unit.outbox.conftest import noting_names

PAGE = 4096
PAGE_COUNT = range(28, 32)
"""Where the file says how many pages it has (sqlite.org/fileformat2.html#in_header_database_size)."""


def opened(file: Path) -> Outbox:
    return Outbox(file, DEVICE, OutboxLimits(ballast_bytes=0))


def lines_of(outbox: Outbox) -> int:
    return sum(len(held(outbox, Stream.CASES, v.epoch).lines) for v in outbox.epochs(Stream.CASES))


def stopped(file: Path) -> Mapping[str, bytes]:
    """The files of an owner that ended in order."""
    with opened(file) as outbox:
        take_many(outbox, Stream.CASES, 60, "x" * 300)
    return {file.name: file.read_bytes()}


def killed(file: Path) -> Mapping[str, bytes]:
    """The files of an owner that was killed with a log that it had begun anew."""
    stopped(file)
    with opened(file) as outbox:
        take_many(outbox, Stream.CASES, 3)
        return {each.name: each.read_bytes() for each in file.parent.iterdir()}


@pytest.mark.sentence("L-9")
@pytest.mark.parametrize("state", [stopped, killed])
def test_flipped_bit_in_the_files_count_of_its_pages_costs_no_line(
    file: Path, state: Callable[[Path], Mapping[str, bytes]]
) -> None:
    files = state(file)
    with opened(file) as outbox:
        there = lines_of(outbox)
    low, high = PAGE_COUNT[-1], PAGE_COUNT[0]
    for at, bit in [*((low, bit) for bit in range(8)), (high, 7)]:
        for each in file.parent.iterdir():
            each.unlink()
        for name, content in files.items():
            file.with_name(name).write_bytes(content)
        spoilt = bytearray(files[file.name])
        spoilt[at] ^= 1 << bit
        file.write_bytes(spoilt)
        with opened(file) as outbox:
            assert outbox.salvaged
            assert lines_of(outbox) == there, f"bit {bit} of byte {at}"
        with opened(file) as outbox:
            assert not outbox.salvaged


# ---- every row that makes sense, and no other

TABLES = ("owner", "epoch", *(f"line_{stream.value}" for stream in LANES), "context", "gap", "acknowledged")


def rows_in(file: Path) -> dict[str, int]:
    with closing(sqlite3.connect(file)) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 (ours)
            for table in TABLES
        }


def of_every_kind(file: Path) -> dict[str, int]:
    """A stopped file with rows in each table; how many."""
    with opened(file) as outbox:
        for n in range(8):
            take(outbox, Stream.CASES, "c" * 300, context=new_context(f"c{n}"))
            take(outbox, Stream.PAYMENTS, "p" * 300)
            take(outbox, Stream.HEALTH, key="k")
            take(outbox, Stream.TELEMETRY)
        outbox.acknowledge(Stream.CASES, outbox.epochs(Stream.CASES)[0].epoch, 3, now_ms=1)
    found = rows_in(file)
    assert all(found.values())
    return found


@pytest.mark.parametrize("spoil", [None, b"", b"spoilt header!!!"])
def test_salvage_says_how_many_rows_it_saved_and_leaves_nothing_behind(
    file: Path, spoil: bytes | None
) -> None:
    """A header that is garbage is the worst: the definitions stand on the same page."""
    before = of_every_kind(file)
    content = bytearray(file.read_bytes())
    if spoil is not None:
        content[:PAGE] = (spoil or bytes(16)) + bytes(PAGE - len(spoil or bytes(16)))
        file.write_bytes(content)
    for leftover in (".part", ".part-journal", ".mended"):
        file.with_name(file.name + leftover).write_bytes(b"of a salvage that was cut")
    assert salvage(file) == sum(before.values())
    assert rows_in(file) == before
    assert {each.name for each in file.parent.iterdir()} == {file.name, f"{file.name}.damaged"}


def spoilt(file: Path, pages: int, *, at: Callable[[int], list[int]]) -> set[bytes]:
    """Put garbage on some of the pages that hold lines; return the marks of the lines on the others."""
    content = bytearray(file.read_bytes())
    with_lines = [
        n for n in range(1, len(content) // PAGE) if content.count(b"mark-", n * PAGE, (n + 1) * PAGE)
    ]
    assert len(with_lines) > pages
    for n in (with_lines[place] for place in at(len(with_lines))):
        content[n * PAGE : (n + 1) * PAGE] = b"\xa5" * PAGE
    file.write_bytes(content)
    return {bytes(content[at : at + 9]) for at in range(len(content)) if content.startswith(b"mark-", at)}


@pytest.mark.parametrize(
    "at",
    [
        lambda _: [2],
        lambda count: [3, count - 4],
        lambda count: [2, 7, 8, 15, count - 2],
    ],
    ids=["one", "two", "several"],
)
def test_pages_of_garbage_cost_their_own_lines_and_no_other(
    file: Path, at: Callable[[int], list[int]]
) -> None:
    with opened(file) as outbox:
        for n in range(200):
            take(outbox, Stream.CASES, f"mark-{n:04d}" + "x" * 300)
    left = spoilt(file, 16, at=at)
    saved = salvage(file)
    assert saved == sum(rows_in(file).values())
    with opened(file) as outbox:
        (view,) = outbox.epochs(Stream.CASES)
        lines = held(outbox, Stream.CASES, view.epoch).lines.values()
    assert {line[line.index(b"mark-") :][:9] for line in lines} == left


def written(file: Path, **rows: list[tuple[object, ...]]) -> None:
    """A file with tables that take anything, as a broken one may seem to."""
    with (
        closing(sqlite3.connect(file, isolation_level=None)) as loose,
        closing(sqlite3.connect(":memory:")) as ours,
    ):
        ours.isolation_level = None
        migrate(ours)
        for table in TABLES:
            columns = [column[1] for column in ours.execute(f"PRAGMA table_info({table})")]
            loose.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
            for row in rows.get(table, []):
                loose.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(columns))})", row)  # noqa: S608


EPOCH = (1, "cases", "0123abcd", 0, bytes(8))
GAP = (1, 2, "evicted", bytes(8), bytes(8))
POINT = (1, "cases", 1, 1, 1)
LINE = (1, 1, b"id", 1, None, None, bytes(8), bytes(8), b"{}")


def but(row: tuple[object, ...], **change: object) -> tuple[object, ...]:
    """A row with one column changed; `c3` is the fourth."""
    ((name, value),) = change.items()
    place = int(name.removeprefix("c"))
    return (*row[:place], value, *row[place + 1 :])


@pytest.mark.parametrize(
    ("table", "sound", "wrong"),
    [
        (
            "epoch",
            [EPOCH, but(but(EPOCH, c0=2), c3=SEQ_MAX)],
            [
                but(EPOCH, c0=3.5),
                but(EPOCH, c1="log"),
                but(EPOCH, c2="0123ABCD"),
                but(EPOCH, c3=-1),
                but(EPOCH, c3=SEQ_MAX + 1),
                but(EPOCH, c3="0"),
                but(EPOCH, c4=bytes(7)),
                but(EPOCH, c4="0" * 8),
            ],
        ),
        ("gap", [GAP], [but(GAP, c2="bored"), but(GAP, c1="2"), but(GAP, c4="x"), but(GAP, c3=None)]),
        ("acknowledged", [POINT], [but(POINT, c1="log"), but(POINT, c2=None), but(POINT, c4="1")]),
        (
            "line_cases",
            [LINE, but(but(LINE, c0=2), c4=7), but(but(LINE, c0=3), c5="k")],
            [but(LINE, c0="x"), but(LINE, c2="id"), but(LINE, c4="7"), but(LINE, c5=7), but(LINE, c8=None)],
        ),
        ("context", [(1, "c1", "sealed")], [(2, b"c1", "sealed"), (3, "c1", None)]),
        ("owner", [(DEVICE,)], [(7,), (None,)]),
    ],
)
def test_row_of_the_wrong_kind_is_left_out_and_the_others_are_saved(
    file: Path, table: str, sound: list[tuple[object, ...]], wrong: list[tuple[object, ...]]
) -> None:
    written(file, **{table: [*wrong, *sound]})
    assert salvage(file) == len(sound)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() == sound  # noqa: S608


def test_one_definition_that_is_broken_costs_no_row_that_is_still_in_the_log(file: Path) -> None:
    def put(files: Mapping[str, bytes]) -> None:
        for each in file.parent.iterdir():
            each.unlink()
        for name, content in files.items():
            file.with_name(name).write_bytes(content)

    put(killed(file))
    with closing(sqlite3.connect(file, isolation_level=None)) as loose:
        loose.execute("PRAGMA wal_autocheckpoint=0")
        loose.execute("PRAGMA writable_schema=ON")
        loose.execute("UPDATE sqlite_master SET sql = 'CREATE TABLE gap (' WHERE name = 'gap'")
        broken = {name: file.with_name(name).read_bytes() for name in (file.name, f"{file.name}-wal")}
    put(broken)
    salvage(file)
    assert rows_in(file)["line_cases"] == 63


def test_table_with_a_column_too_many_costs_no_row(file: Path) -> None:
    before = of_every_kind(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("ALTER TABLE gap ADD COLUMN more INT")
    salvage(file)
    found = rows_in(file)
    assert {table: found[table] for table in before if table != "owner"} == {
        table: count for table, count in before.items() if table != "owner"
    }


def test_large_file_without_its_first_page_gives_every_row(file: Path) -> None:
    with opened(file) as outbox:
        take_many(outbox, Stream.CASES, 150, "x" * 9_000)
    content = bytearray(file.read_bytes())
    assert len(content) > 1 << 20
    content[:PAGE] = bytes(PAGE)
    file.write_bytes(content)
    salvage(file)
    assert rows_in(file)["line_cases"] == 150


def test_count_of_pages_is_put_right_and_nothing_else_of_the_header(file: Path) -> None:
    sound = dict(stopped(file))[file.name]
    wrong = bytearray(sound)
    wrong[PAGE_COUNT[0] : PAGE_COUNT[-1] + 1] = bytes(3) + b"\x02"
    file.write_bytes(wrong)
    salvage(file)
    assert file.with_name(f"{file.name}.damaged").read_bytes() == sound
    wrong[:16] = b"no database file"
    file.write_bytes(wrong)
    salvage(file)
    assert file.with_name(f"{file.name}.damaged").read_bytes() == wrong


def test_text_that_is_garbled_costs_no_other_row(file: Path) -> None:
    written(file, owner=[(DEVICE,)])
    with closing(sqlite3.connect(file, isolation_level=None)) as loose:
        loose.execute("INSERT INTO owner VALUES (CAST(x'ff6b' AS TEXT))")
    assert salvage(file) == 2


# ---- the swap


def test_log_of_the_broken_file_is_not_read_into_the_new_one(file: Path) -> None:
    files = killed(file)
    for each in file.parent.iterdir():
        each.unlink()
    stopped(file)
    file.rename(file.with_name(f"{file.name}.salvaged"))
    for name, content in files.items():
        file.with_name(name).write_bytes(content)
    finish_swap(file)
    with opened(file) as outbox:
        assert (outbox.salvaged, lines_of(outbox)) == (False, 60)


def test_new_file_is_durable_before_the_old_log_goes_and_its_name_before_it_is_used(file: Path) -> None:
    stopped(file)
    with noting_names() as notes:
        salvage(file)
    log = file.with_name(f"{file.name}-wal")
    told = [(what, path) for what, path in notes if what == "rename" or path in (file.parent, log)]
    assert told == [
        ("rename", file.with_name(f"{file.name}.part")),
        ("open", file.parent),
        ("remove", log),
        ("rename", file.with_name(f"{file.name}.salvaged")),
        ("open", file.parent),
    ]


def test_newest_broken_file_is_kept_for_a_technician(file: Path) -> None:
    stopped(file)
    for n in (1, 2):
        broken = bytearray(file.read_bytes())
        broken[:16] = b"broken-%d" % n + bytes(8)
        file.write_bytes(broken)
        salvage(file)
        assert file.with_name(f"{file.name}.damaged").read_bytes() == broken


# ---- around bad pages

BAD_LEAVES = (3, 4, 9)
READS_EACH_MAX = 6
"""Rows that cannot be read are closed in on by halves, each from both ends: about four reads a row."""


def leaves(content: bytes) -> list[int]:
    """The pages of a table's rows, in the file's order (sqlite.org/fileformat2.html#b_tree_pages)."""
    return [at for at in range(PAGE, len(content), PAGE) if content[at] == 0x0D]


def test_rows_around_pages_that_cannot_be_read_are_each_read_once_and_in_few_reads(tmp_path: Path) -> None:
    file = tmp_path / "rows.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT)")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO row VALUES (?, ?)", ((n, "x" * 300) for n in range(1, 201)))
        connection.execute("COMMIT")
    content = bytearray(file.read_bytes())
    found = leaves(bytes(content))
    for leaf in BAD_LEAVES:
        content[found[leaf]] = 0xFF
    file.write_bytes(content)
    reads: list[str] = []
    with closing(sqlite3.connect(file, isolation_level=None)) as broken:
        broken.set_trace_callback(reads.append)
        read = [row[0] for row in every_row(broken, "row")]
    each_leaf = 200 / len(found)
    assert len(read) == len(set(read)) > 200 - (len(BAD_LEAVES) + 1) * (each_leaf + 1)
    assert len(reads) < READS_EACH_MAX * (200 - len(read)), reads[-4:]
