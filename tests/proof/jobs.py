"""A share of a proof, to be done in a process of its own."""

from dataclasses import dataclass

from tests.proof import crashes


@dataclass(frozen=True, slots=True)
class Job:
    """A share of a part, for one process.

    Attributes:
        part: whose.
        run: a generator of `tests.proof.crashes`, by its name.
        states: power cuts of each record.
        seed: which ones.
    """

    part: str
    run: str
    states: int
    seed: int


def run(job: Job) -> tuple[Job, list[crashes.Tried], str]:
    """Do a share in this process; the last is what broke."""
    tried: list[crashes.Tried] = []
    try:
        tried.extend(getattr(crashes, job.run)(job.states, job.seed))
    except AssertionError as error:
        return job, tried, f"{job.run}: {error}"
    return job, tried, ""
