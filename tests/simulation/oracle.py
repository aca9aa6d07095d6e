"""What must hold when everything has arrived: the promises, asked of every single event.

`judge` compares what each device told its citizens with what the hub committed, what reached the core, and
what the loss records say. What the promises leave out (docs/GUARANTEES.md, "Not promised") is counted, not
ignored.
"""

from collections import Counter
from dataclasses import dataclass, field

from shared.protocol import limits
from shared.protocol.delivery import PROMISED
from tests.simulation.device import Taken
from tests.simulation.world import START_MS, World


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss record."""

    first: int
    last: int
    reason: str
    possibly_more: bool
    found: frozenset[int]

    def covers(self, seq: int) -> bool:
        """Whether it speaks of a number."""
        return self.first <= seq <= self.last or (self.possibly_more and seq >= self.first)


@dataclass(slots=True)
class Verdict:
    """What a run showed."""

    broken: list[str] = field(default_factory=list[str])
    excused: Counter[str] = field(default_factory=Counter[str])


def judge(world: World) -> Verdict:
    """Ask every promise of a finished run."""
    verdict = Verdict()
    hub = world.hub
    losses = {place: [Loss(*record) for record in records] for place, records in hub.losses().items()}
    effects = hub.effects()
    for event, times in effects.items():
        if times > 1:
            verdict.broken.append(f"twice in effect: {event}")
    for key, times in hub.core.effects.items():
        if times > 1:
            verdict.broken.append(f"twice in the core: {key}")
    for event in effects.keys() - {(taken.device, taken.id) for taken in world.taken.values()}:
        verdict.broken.append(f"in effect, though nobody said it: {event}")
    for taken in world.taken.values():
        _judge_event(world, taken, effects, losses, verdict)
    _judge_order(world, verdict)
    _judge_money(world, verdict)
    _judge_time(world, verdict)
    verdict.broken += [f"stuck: {what}" for what in world.stuck]
    for device, reason in world.innocent_fences():
        verdict.broken.append(f"innocent device fenced: {device} ({reason})")
    return verdict


def _judge_event(
    world: World,
    taken: Taken,
    effects: Counter[tuple[str, str]],
    losses: dict[tuple[str, str, str], list[Loss]],
    verdict: Verdict,
) -> None:
    records = losses.get((taken.device, taken.stream, taken.epoch), [])
    covering = next((r for r in records if r.covers(taken.seq)), None)
    if (taken.device, taken.id) in effects:
        spurious = covering is not None and taken.seq not in covering.found
        if spurious and taken.stream in PROMISED and taken.device not in world.guilty:
            verdict.broken.append(f"recorded lost, yet here: {taken} {covering}")
        return
    if not taken.told or covering is not None or taken.poison:
        return
    excuse = _excuse(world, taken)
    if excuse is None:
        verdict.broken.append(f"lost without a record: {taken}")
    else:
        verdict.excused[excuse] += 1


def _excuse(world: World, taken: Taken) -> str | None:
    """Why an event may be missing without a record, or None."""
    loose = taken.stream not in PROMISED
    if loose and (taken.evicted or taken.compacted or taken.destroyed or taken.device in world.guilty):
        return "a stream of which not every event counts"
    if taken.destroyed and not taken.heard:
        return "destroyed before the hub had heard of it"
    if taken.destroyed and taken.copies:
        return "on a cloned disk that was destroyed"
    if (taken.device, taken.id) in world.committed_before_restore and (taken.destroyed or taken.expired):
        return "the hub restored and the device's copy gone"
    if world.restores and taken.destroyed:
        return "the hub restored, which had heard of it, and the disk gone"
    if taken.destroyed and taken.device in world.guilty:
        return "a running image rolled back after its number was announced"
    return None


def _judge_order(world: World, verdict: Verdict) -> None:
    newest: dict[tuple[str, str], int] = {}
    numbers = {(t.device, t.id): t for t in world.taken.values()}
    for device, event_id in world.hub.inbox():
        taken = numbers.get((device, event_id))
        if taken is None or taken.device in world.guilty:
            continue
        key = (device, taken.stream.value)
        if newest.get(key, 0) > taken.number and not world.restores:
            verdict.broken.append(f"out of order: {taken}")
        newest[key] = taken.number


def _judge_money(world: World, verdict: Verdict) -> None:
    unbalanced = world.hub.unbalanced()
    if unbalanced is not None:
        verdict.broken.append(f"the ledger does not balance: {unbalanced}")
    waiting = world.hub.waiting()
    if waiting:
        verdict.broken.append(f"{waiting} effects never reached the core")


def _judge_time(world: World, verdict: Verdict) -> None:
    """Whatever the clocks said: after the device was enrolled, not after it happened, and near it if known.

    A clock that is trusted may be ahead by as much as agreement allows. A device with several lives speaks of
    boots and uptimes that were never one machine's; nor does a hub that was restored know all its welcomes.
    """
    happened = {(taken.device, taken.id): taken for taken in world.taken.values()}
    welcomed = world.hub.welcomed()
    for device, event_id, legal_ms, received_ms in world.hub.dated():
        taken = happened.get((device, event_id))
        if taken is None:
            continue
        earliest_ms, latest_ms = START_MS - limits.OFFER_LIFE_MS, received_ms
        if device not in world.guilty:
            latest_ms = min(received_ms, taken.at_ms + limits.CLOCK_AGREE_MS)
            if not world.restores and (device, taken.boot) in welcomed:
                earliest_ms = taken.at_ms - limits.OFFER_LIFE_MS
        if not earliest_ms <= legal_ms <= latest_ms:
            verdict.broken.append(f"dated {legal_ms - taken.at_ms} ms after it happened: {taken}")
