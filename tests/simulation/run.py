"""One seed, from its world to its verdict."""

import functools
import sqlite3
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.db.migrate import upgrade
from shared.protocol.sealing import HubSealingKey
from tests.simulation.mutants import plant
from tests.simulation.oracle import judge
from tests.simulation.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one seed showed."""

    seed: int
    broken: Sequence[str]
    hits: Mapping[str, int]
    excused: Mapping[str, int]
    events: int
    armed: Sequence[str]


def run_seed(job: tuple[int, str | None]) -> Outcome:
    """Run one seed, with a bug planted where one is named."""
    seed, mutant = job
    world_class = World if mutant is None else plant(mutant)
    world = world_class(seed, _sealing_key(), _schema())
    try:
        world.run()
        verdict = judge(world)
        broken, excused = verdict.broken, verdict.excused
    except Exception:
        broken, excused = [traceback.format_exc()], {}
    finally:
        world.close()
    return Outcome(
        seed=seed,
        broken=broken,
        hits={str(name): times for name, times in world.hits.items()},
        excused=dict(excused),
        events=len(world.taken),
        armed=[str(f) for f in world.armed],
    )


@functools.cache
def _sealing_key() -> HubSealingKey:
    return HubSealingKey.generate()


@functools.cache
def _schema() -> sqlite3.Connection:
    """A fresh database after every migration, in memory."""
    image = sqlite3.connect(":memory:")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hub.db"
        upgrade(f"sqlite:///{path}")
        connection = sqlite3.connect(path)
        connection.backup(image)
        connection.close()
    return image
