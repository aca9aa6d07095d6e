# pyright: reportMissingImports=false
"""Who publishes events for FastStream's consumer and says which of them the broker has.

Runs with the peers' interpreter: `python faststream_giver.py PORT durable|shipped`; each line of its input is
`NAME COUNT PER_SECOND`, and it answers `done NAME` when the broker has confirmed all of them: each by
JetStream's acknowledgement, or, as shipped, all by a flush.
"""

import asyncio
import json
import sys

import nats

BODY = "x" * 360
AT_ONCE = 100


async def main() -> None:
    """Publish what the input asks for, until it ends."""
    connection = await nats.connect(f"nats://127.0.0.1:{sys.argv[1]}")
    stream = connection.jetstream() if sys.argv[2] == "durable" else None
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        name, count, per_second = line.split()
        for first in range(0, int(count), AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, int(count)))
            bodies = [json.dumps({"id": f"{name}-{n:06d}", "data": BODY}).encode() for n in numbers]
            if stream is not None:
                await asyncio.gather(*(stream.publish("street.events", body) for body in bodies))
            else:
                for body in bodies:
                    await connection.publish("street.events", body)
                await connection.flush()
            await asyncio.sleep(len(bodies) / float(per_second))
        print("done", name, flush=True)
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main())
