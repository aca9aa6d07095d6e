"""What the reference core keeps of updates of requests: each whole, once for the sender's id of it."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SCHEMA = """
CREATE TABLE IF NOT EXISTS request_update (
    n INTEGER PRIMARY KEY,
    request_id INTEGER NOT NULL,
    update_id TEXT NOT NULL UNIQUE,
    fields TEXT NOT NULL,
    at_ms INTEGER NOT NULL
);
"""
UPDATES = "updates"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestUpdate:
    """What somebody adds to a request.

    Attributes:
        request_id: the request's number.
        update_id: the sender's own name of it.
        fields: the posted form.
    """

    request_id: int
    update_id: str
    fields: Mapping[str, str]


def keep_update(
    connection: sqlite3.Connection, update: RequestUpdate, now_ms: int
) -> tuple[int | None, bool]:
    """Keep an update, in a transaction of the caller's.

    Returns:
        Its number, or None where there is no such request; and whether it is new.
    """
    known = connection.execute(
        "SELECT n FROM request_update WHERE update_id = ?", (update.update_id,)
    ).fetchone()
    if known:
        return int(known[0]), False
    row = connection.execute(
        "INSERT INTO request_update (request_id, update_id, fields, at_ms)"
        " SELECT id, ?, ?, ? FROM request WHERE id = ? RETURNING n",
        (update.update_id, json.dumps(dict(update.fields)), now_ms, update.request_id),
    ).fetchone()
    return (None, False) if row is None else (int(row[0]), True)


def list_updates(connection: sqlite3.Connection) -> Sequence[tuple[int, RequestUpdate]]:
    """Every update by its number, in the order in which they came."""
    rows = connection.execute("SELECT n, request_id, update_id, fields FROM request_update ORDER BY n")
    return [
        (row[0], RequestUpdate(request_id=row[1], update_id=row[2], fields=json.loads(row[3])))
        for row in rows
    ]
