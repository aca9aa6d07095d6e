# pyright: reportMissingImports=false
"""A consumer as FastStream's documentation draws it: from NATS into a SQLite table.

Runs with the peers' interpreter: `python faststream_app.py DATABASE PORT durable|shipped`.

- *durable*: a JetStream stream, a durable consumer, and a message is confirmed after the handler returned;
  SQLite in WAL with synchronous=FULL.
- *shipped*: a subscriber of a subject, nothing else; SQLite without a pragma.

Source: FastStream documentation, NATS: JetStream, Message Acknowledgement.
"""

import asyncio
import sqlite3
import sys

from faststream import AckPolicy, FastStream
from faststream.nats import JStream, NatsBroker

database, port, settings = sys.argv[1:4]
durable = settings == "durable"
table = sqlite3.connect(database, isolation_level=None)
if durable:
    table.execute("PRAGMA journal_mode=WAL")
    table.execute("PRAGMA synchronous=FULL")
table.execute("CREATE TABLE IF NOT EXISTS event (name TEXT, body TEXT)")

broker = NatsBroker(f"nats://127.0.0.1:{port}")
how = (
    {
        "stream": JStream("STREET", subjects=["street.>"]),
        "durable": "writer",
        "ack_policy": AckPolicy.NACK_ON_ERROR,
    }
    if durable
    else {}
)


@broker.subscriber("street.events", **how)
async def take(event: dict[str, str]) -> None:
    """Put an event into the table."""
    table.execute("INSERT INTO event VALUES (?, ?)", (event["id"], event["data"]))


app = FastStream(broker)


@app.after_startup
async def ready() -> None:
    """Tell who started it."""
    print("ready", flush=True)


if __name__ == "__main__":
    asyncio.run(app.run())
