"""What a device must do: its outbox, what it hears of the hub, and what it sends then.

What must follow is written here by hand, from the numbered sentences; only the bytes are made.
"""

from tests.vectors.hub_dialogues import NEXT, OTHER, SIX
from tests.vectors.seeds import DEVICE, Epoch, Vector


def device_dialogues() -> list[Vector]:
    """Dialogues that a device must hold."""
    return [*watermarks(), *contradictions(), *pace()]


def watermarks() -> list[Vector]:
    """Forward and back."""
    return [
        device(
            "from the watermark",
            "it begins after what is acknowledged (A-5)",
            [SIX],
            heard(SIX, 4, sends=[sent(SIX, 5, 6)], acked=4),
            heard(SIX, 6, sends=[], acked=6),
        ),
        device(
            "taken back",
            "the newest word is authoritative (A-4)",
            [SIX],
            heard(SIX, 6, sends=[], acked=6),
            heard(SIX, 2, sends=[sent(SIX, 3, 6)], acked=2),
        ),
        device(
            "repeated once",
            "a repeated watermark is answered once (D-2)",
            [SIX],
            heard(SIX, 2, sends=[sent(SIX, 3, 6)], acked=2),
            heard(SIX, 2, sends=[sent(SIX, 3, 6)], acked=2),
            heard(SIX, 2, sends=[], acked=2),
        ),
    ]


def contradictions() -> list[Vector]:
    """Where hub and device do not mean the same."""
    return [
        device(
            "another head",
            "a chain value that is not its own is not taken; it sends what follows (A-5)",
            [SIX],
            heard(SIX, 2, sends=[sent(SIX, 3, 6)], acked=2),
            heard(SIX, 4, head=OTHER.hex(), sends=[sent(SIX, 5, 6)], acked=2),
        ),
        device(
            "another head at the end",
            "where nothing is left it sends an empty frame (A-5)",
            [SIX],
            heard(SIX, 6, sends=[], acked=6),
            heard(SIX, 6, head=OTHER.hex(), sends=[sent(SIX, 7, 6)], acked=6),
        ),
        device(
            "no head",
            "null is not compared (A-5)",
            [SIX],
            heard(SIX, 3, head=None, sends=[sent(SIX, 4, 6)], acked=3),
        ),
        device(
            "an unknown epoch",
            "the device births again (A-6)",
            [SIX],
            heard(NEXT, 1, births=True, sends=[], acked=0),
        ),
        device(
            "more than there is",
            "the device births again (A-6)",
            [SIX],
            heard(SIX, 7, head=None, births=True, sends=[], acked=0),
        ),
    ]


def pace() -> list[Vector]:
    """Credit, order and silence."""
    return [
        device(
            "credit 0 and back",
            "it sends nothing until a word gives credit again (A-9)",
            [SIX],
            heard(SIX, 0, credit=0, sends=[], acked=0),
            heard(SIX, 0, credit=2, sends=[sent(SIX, 1, 2)], acked=0),
        ),
        device(
            "two epochs",
            "a word about an epoch completes the older ones and says that later ones have not begun (A-3)",
            [SIX, NEXT],
            heard(NEXT, 1, sends=[sent(NEXT, 2, 2)], acked=[6, 1]),
            heard(SIX, 4, sends=[sent(SIX, 5, 6), sent(NEXT, 1, 2)], acked=[4, 0]),
        ),
        device(
            "silence",
            "after 5 s it sends again, after 10 s more again, then it births (D-2)",
            [SIX],
            heard(SIX, 0, sends=[sent(SIX, 1, 6)], acked=0),
            waited(4_999, sends=[]),
            waited(1, sends=[sent(SIX, 1, 6)]),
            waited(10_000, sends=[sent(SIX, 1, 1), sent(SIX, 2, 2), sent(SIX, 3, 3), sent(SIX, 4, 4)]),
            waited(20_000, births=True, sends=[]),
        ),
    ]


def device(name: str, why: str, epochs: list[Epoch], *steps: Vector) -> Vector:
    """A device dialogue: what lies in the outbox, then what is heard and what must follow."""
    outbox = [{"epoch": e.epoch, "lines": [line.decode() for line in e.lines]} for e in epochs]
    return {
        "name": name,
        "why": why,
        "device": DEVICE,
        "stream": "payments",
        "outbox": outbox,
        "steps": list(steps),
    }


def heard(
    epoch: Epoch,
    acked_there: int,
    *,
    acked: int | list[int],
    sends: list[Vector],
    head: str | None = "own",
    credit: int = 800,
    births: bool = False,
) -> Vector:
    """The hub says how far it is; then the device's own watermarks, and what it sends."""
    value = epoch.head(acked_there).hex() if head == "own" else head
    return {
        "hear": {"epoch": epoch.epoch, "acked": acked_there, "head": value, "credit": credit},
        "must": {"births": births, "acked": acked if isinstance(acked, list) else [acked], "sends": sends},
    }


def waited(wait_ms: int, *, sends: list[Vector], births: bool = False) -> Vector:
    """Time passes in silence."""
    return {"wait_ms": wait_ms, "must": {"births": births, "sends": sends}}


def sent(epoch: Epoch, first: int, last: int) -> Vector:
    """What a frame's header must say."""
    return {
        "epoch": epoch.epoch,
        "first": first,
        "count": last - first + 1,
        "prev": epoch.head(first - 1).hex(),
        "oldest": epoch.oldest,
        "highest": epoch.last,
    }
