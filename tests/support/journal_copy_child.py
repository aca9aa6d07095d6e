"""A writer with a journal copy, as a process to be killed: each number is printed once it is committed."""

import sys
import time
from pathlib import Path

from sqlalchemy import text

from hub.db.engine import sqlite_url
from hub.db.journal_copy import JournalCopy
from hub.db.opening import open_database


def main() -> None:
    """Commit numbers until killed."""
    database, folder = Path(sys.argv[1]), Path(sys.argv[2])
    copy = JournalCopy(database, folder, lambda: time.time_ns() // 1_000_000)
    writer = open_database(sqlite_url(database), copy.after_commit)
    writer.run(lambda connection: connection.execute(text("CREATE TABLE bulk (n, x)")) and None)
    copy.keep(lambda: writer.run(lambda _connection: None))
    number = 0
    while True:
        number += 1
        values = [{"n": number, "x": bytes(3_000)} for _ in range(number % 90 + 1)]
        writer.run(
            lambda connection, values=values: (
                connection.execute(text("INSERT INTO bulk VALUES (:n, :x)"), values) and None
            )
        )
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
