"""What the reference core knows of photographs: which requests name them, and what was fetched."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS media (
    n INTEGER PRIMARY KEY,
    request_id INTEGER NOT NULL,
    url TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'wanted',
    media_type TEXT NOT NULL DEFAULT '',
    sha256 TEXT NOT NULL DEFAULT '',
    content BLOB
);
CREATE TABLE IF NOT EXISTS repair (
    request_id INTEGER PRIMARY KEY,
    content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS ix_media_wanted ON media (n) WHERE state = 'wanted';
"""
WANTED_MAX = 16


def name_media(connection: sqlite3.Connection, request_id: int, urls: str) -> None:
    """Note what a request names, in the request's own transaction.

    Args:
        connection: the core's.
        request_id: the request.
        urls: addresses, a line each; empty for none.
    """
    connection.executemany(
        "INSERT INTO media (request_id, url) VALUES (?, ?)", [(request_id, url) for url in urls.split()]
    )


def put_repair(connection: sqlite3.Connection, request_id: int, content: bytes) -> None:
    """Keep the picture of a repair, in the place of an older one."""
    connection.execute(
        "INSERT INTO repair (request_id, content) VALUES (?, ?)"
        " ON CONFLICT (request_id) DO UPDATE SET content = excluded.content",
        (request_id, content),
    )


def repair_of(connection: sqlite3.Connection, request_id: int) -> bytes | None:
    """The picture of a repair; None where there is none."""
    row = connection.execute("SELECT content FROM repair WHERE request_id = ?", (request_id,)).fetchone()
    return None if row is None else bytes(row[0])


class MediaStore:
    """The table of photographs, on a connection of its own."""

    def __init__(self, path: Path) -> None:
        """Open the core's database, which exists."""
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def wanted(self) -> Sequence[tuple[int, str]]:
        """Number and address of what is named and not fetched."""
        rows = self._connection.execute(
            "SELECT n, url FROM media WHERE state = 'wanted' ORDER BY n LIMIT ?", (WANTED_MAX,)
        )
        return [(int(row[0]), str(row[1])) for row in rows]

    def keep(self, number: int, media_type: str, sha256: str, content: bytes) -> None:
        """Keep what was fetched."""
        self._connection.execute(
            "UPDATE media SET state = 'fetched', media_type = ?, sha256 = ?, content = ? WHERE n = ?",
            (media_type, sha256, content, number),
        )

    def give_up(self, number: int) -> None:
        """Ask no more: the address is none, or not any more."""
        self._connection.execute("UPDATE media SET state = 'refused' WHERE n = ?", (number,))

    def listed(self) -> Sequence[dict[str, object]]:
        """What was named, in order, and what came."""
        names = ("n", "request_id", "url", "state", "media_type", "sha256", "size")
        rows = self._connection.execute(
            "SELECT n, request_id, url, state, media_type, sha256, length(content) FROM media ORDER BY n"
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def content(self, number: int) -> tuple[str, bytes] | None:
        """Media type and bytes of what was fetched."""
        row = self._connection.execute(
            "SELECT media_type, content FROM media WHERE n = ? AND state = 'fetched'", (number,)
        ).fetchone()
        return None if row is None else (str(row[0]), bytes(row[1]))
