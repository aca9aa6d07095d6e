"""A store that answers before it has synced: what a proof about power cuts must notice.

Run as `python -m tests.support.careless_store FOLDER COUNT`; tells `["told", n]` after each commit.
"""

import json
import os
import sqlite3
import sys
from pathlib import Path


def main() -> None:
    """Take so many numbers."""
    connection = sqlite3.connect(Path(sys.argv[1]) / "careless.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute("CREATE TABLE IF NOT EXISTS taken (n INTEGER PRIMARY KEY)")
    connection.execute("PRAGMA synchronous=NORMAL")
    for n in range(int(sys.argv[2])):
        connection.execute("INSERT INTO taken VALUES (?)", (n,))
        os.write(1, json.dumps(["told", n]).encode() + b"\n")


if __name__ == "__main__":
    main()
