"""The forwarder and a real core that fails in every way: in the end each effect took place once.

The property of every test: effects in the core are the effects made, none twice, and the money is equal.
"""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.outgoing_work import OutgoingWork, RunningForwarder, connectors_to, effect_key
from tests.support.polling import eventually
from tests.support.reference_core import ReferenceCore

pytestmark = pytest.mark.guarantee(
    "core down for days, slow, 500, 409, 429, garbage, 200 after the time-out, without idempotency key"
)

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "avisos_madrid_2021_2023.json"
LATE_MS = 1200

FAULTS: dict[str, dict[str, object]] = {
    "late-after-effect": {"mode": "late", "takes": "before", "delay_ms": LATE_MS},
    "late-before-effect": {"mode": "late", "takes": "after", "delay_ms": LATE_MS},
    "500-without-effect": {"mode": "refuse", "takes": "never"},
    "500-after-effect": {"mode": "refuse", "takes": "before"},
    "garbage-without-effect": {"mode": "garbage", "takes": "never"},
    "garbage-after-effect": {"mode": "garbage", "takes": "before"},
    "409-without-effect": {"mode": "conflict", "takes": "never"},
    "409-after-effect": {"mode": "conflict", "takes": "before"},
    "429": {"mode": "too_many"},
    "slow": {"mode": "slow", "delay_ms": 100},
}
BATCH_FAULTS = [name for name in FAULTS if not name.startswith("409")]
"""A core that takes batches says conflict item by item: the same key with another content."""


@pytest.fixture(scope="module")
def whole_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceCore]:
    with ReferenceCore(tmp_path_factory.mktemp("core")) as running:
        yield running


@pytest.fixture(scope="module")
def plain_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceCore]:
    with ReferenceCore(tmp_path_factory.mktemp("plain"), "--plain") as running:
        yield running


@pytest.fixture(params=["whole", "plain"])
def core(request: pytest.FixtureRequest) -> ReferenceCore:
    running: ReferenceCore = request.getfixturevalue(f"{request.param}_core")
    running.order("ok")
    return running


@pytest.fixture
def work(tmp_path: Path) -> Iterator[OutgoingWork]:
    with OutgoingWork(tmp_path) as opened:
        yield opened


def names(count: int) -> list[str]:
    return [secrets.token_hex(6) for _ in range(count)]


def assert_once(core: ReferenceCore, kind: str, keys: list[str]) -> None:
    assert core.effects()["duplicates"] == 0
    counts = core.counts(kind)
    assert {key: counts[key] for key in keys} == dict.fromkeys(keys, 1)


@pytest.mark.parametrize(
    ("core", "fault"),
    [
        *(("plain", fault) for fault in FAULTS),
        *(("whole", fault) for fault in FAULTS if fault.endswith("after-effect")),
    ],
    indirect=["core"],
)
@pytest.mark.sentence("C-3")
def test_reports_reach_a_core_that_fails_once_each(
    core: ReferenceCore, work: OutgoingWork, fault: str
) -> None:
    references = names(6)
    work.add_reports(references)
    core.order(**FAULTS[fault], count=4)
    with RunningForwarder(work, connectors_to(core)) as running:
        running.wait_until_done()
    assert_once(core, "requests", references)
    filed = {row["aggregate"]: row["core_ref"] for row in work.rows()}
    assert len(set(filed.values())) == len(references)


@pytest.mark.parametrize("fault", BATCH_FAULTS)
def test_settlements_reach_a_core_that_fails_once_each(
    whole_core: ReferenceCore, work: OutgoingWork, fault: str
) -> None:
    before = whole_core.effects()["money_minor"].get("EUR", 0)
    settlements = names(250)
    money = work.add_settlements(settlements)
    whole_core.order(**FAULTS[fault], count=2)
    with RunningForwarder(work, connectors_to(whole_core)) as running:
        running.wait_until_done()
    assert_once(whole_core, "settlements", [str(effect_key(name)) for name in settlements])
    assert whole_core.effects()["money_minor"]["EUR"] == before + money


@pytest.mark.sentence("C-6")
@pytest.mark.parametrize("fault", [*FAULTS, "killed-before-effect", "killed-after-effect"])
def test_late_photographs_reach_a_core_that_fails_once_each(
    whole_core: ReferenceCore, work: OutgoingWork, fault: str
) -> None:
    (reference,) = names(1)
    work.add_reports([reference])
    with RunningForwarder(work, connectors_to(whole_core)) as running:
        running.wait_until_done()
    said = {"service_request_id": work.rows()[0]["core_ref"], "status": "open", "at_ms": 1_795_255_200_000}
    photographs = names(4)
    bodies = [{**said, "reference": reference, "media_urls": [f"https://h.example/{n}"]} for n in photographs]
    work.add(
        "open311_photographs", [(n, reference, body) for n, body in zip(photographs, bodies, strict=True)]
    )
    if fault in FAULTS:
        whole_core.order(**FAULTS[fault], count=4)
    else:
        whole_core.order("crash", takes="never" if fault == "killed-before-effect" else "before")
    with RunningForwarder(work, connectors_to(whole_core)) as running:
        if fault not in FAULTS:
            whole_core.wait_until_dead()
            whole_core.start()
        running.wait_until_done()
    assert_once(whole_core, "updates", [str(effect_key(name)) for name in photographs])
    named = [item["url"] for item in whole_core.media()]
    assert [named.count(f"https://h.example/{name}") for name in photographs] == [1] * 4


@pytest.mark.parametrize("takes", ["before", "never"])
def test_core_killed_in_the_middle_has_each_report_once(
    core: ReferenceCore, work: OutgoingWork, takes: str
) -> None:
    references = names(12)
    work.add_reports(references)
    core.order("crash", takes=takes)
    with RunningForwarder(work, connectors_to(core)) as running:
        core.wait_until_dead()
        core.start()
        running.wait_until_done()
    assert_once(core, "requests", references)


def test_core_that_is_down_for_long_is_left_in_peace_and_then_gets_everything(
    plain_core: ReferenceCore, work: OutgoingWork
) -> None:
    references = names(100)
    work.add_reports(references)
    plain_core.kill()
    with RunningForwarder(work, connectors_to(plain_core)) as running:
        loop = running.forwarder.loops["open311"]
        eventually(lambda: loop.failed.total() > 12, what="attempts at a core that is down")
        tried = sum(row["attempts"] > 0 for row in work.rows())
        assert tried < len(references) / 2
        plain_core.start()
        running.wait_until_done()
        eventually(lambda: loop.forwarded == len(references))
    assert_once(plain_core, "requests", references)


def test_storm_of_500_on_every_address_ends_in_one_effect_each(
    core: ReferenceCore, work: OutgoingWork
) -> None:
    references, settlements = names(10), names(150)
    work.add_reports(references)
    work.add_settlements(settlements)
    core.order("refuse", takes="before", for_s=1.5, reads_too=True)
    with RunningForwarder(work, connectors_to(core)) as running:
        running.wait_until_done()
    assert_once(core, "requests", references)
    assert_once(core, "settlements", [str(effect_key(name)) for name in settlements])


@pytest.mark.sentence("C-2")
def test_effects_of_an_aggregate_take_place_in_order_through_every_fault(
    whole_core: ReferenceCore, work: OutgoingWork
) -> None:
    settlements = names(120)
    work.add_settlements(settlements, aggregates=5)
    expected: dict[str, list[str]] = {}
    for number, name in enumerate(settlements):
        expected.setdefault(f"card-{number % 5}", []).append(str(effect_key(name)))
    orders = iter(["refuse", "garbage", "too_many", "late", "refuse"])
    with RunningForwarder(work, connectors_to(whole_core)) as running:
        for mode in orders:
            done = work.states()["done"]
            whole_core.order(mode, count=2, delay_ms=LATE_MS if mode == "late" else 0)
            eventually(lambda done=done: work.states()["done"] >= min(done + 10, 120))
        running.wait_until_done()
    ours = {key for keys in expected.values() for key in keys}
    seen: dict[str, list[str]] = {}
    for row in whole_core.journal("settlements"):
        if row["key"] in ours:
            seen.setdefault(row["aggregate"], []).append(row["key"])
    assert seen == expected


@pytest.mark.sentence("C-4")
def test_core_that_cannot_be_searched_leaves_doubts_to_a_clerk_and_gets_nothing_twice(
    tmp_path: Path, work: OutgoingWork
) -> None:
    references = names(3)
    work.add_reports(references)
    with ReferenceCore(tmp_path, "--plain", "--no-listing") as core:
        core.order("garbage", count=1)
        with RunningForwarder(work, connectors_to(core)) as running:
            eventually(lambda: work.states() == {"done": 2, "undecided": 1})
            (held,) = (row for row in work.rows() if row["state"] == "undecided")
            assert work.replay(held["id"])
            running.forwarder.wake()
            eventually(lambda: len(work.exceptions()) == 2)
        assert_once(core, "requests", references)
    case = work.exceptions()[0]
    assert case["kind"] == "outgoing_undecided"
    assert case["detail"]["outgoing"] == held["id"]


@pytest.mark.sentence("C-4")
def test_effect_that_the_core_refuses_is_a_dead_letter_that_can_be_replayed(
    whole_core: ReferenceCore, work: OutgoingWork
) -> None:
    good = names(3)
    work.add_settlements(good)
    work.add("settlements", [("bad", "card-bad", {"amount_minor": "much", "currency": "EUR"})])
    with RunningForwarder(work, connectors_to(whole_core)) as running:
        eventually(lambda: work.states() == {"done": 3, "dead": 1})
        (dead,) = (row for row in work.rows() if row["state"] == "dead")
        assert "whole number" in dead["last_error"]
        assert work.replay(dead["id"])
        running.forwarder.wake()
        eventually(lambda: work.rows()[3]["attempts"] == 2 and work.rows()[3]["state"] == "dead")
    assert_once(whole_core, "settlements", [str(effect_key(name)) for name in good])


def test_token_core_gets_each_report_once(tmp_path: Path, work: OutgoingWork) -> None:
    references = names(4)
    work.add_reports(references)
    with ReferenceCore(tmp_path, "--plain", "--tokens-after-ms", "200") as core:
        core.order("late", delay_ms=LATE_MS, count=1)
        with RunningForwarder(work, connectors_to(core)) as running:
            running.wait_until_done()
        assert_once(core, "requests", references)
    assert {row["core_ref"] for row in work.rows()} == {"1", "2", "3", "4"}


@pytest.mark.sentence("C-2")
def test_forwarder_that_is_broken_off_leaves_doubts_that_the_next_one_clears(
    plain_core: ReferenceCore, work: OutgoingWork
) -> None:
    references = names(8)
    work.add_reports(references)
    plain_core.order("late", delay_ms=LATE_MS, count=8)
    with RunningForwarder(work, connectors_to(plain_core)) as running:
        eventually(lambda: len(plain_core.counts("requests").keys() & set(references)) == 8)
        running.break_off()
    assert [row["attempts"] for row in work.rows()] == [1] * 8
    assert work.states() == {"waiting": 8}
    with RunningForwarder(work, connectors_to(plain_core)) as running:
        running.wait_until_done()
    assert_once(plain_core, "requests", references)


@pytest.mark.skipif(not DATA.exists(), reason="the real reports are not on this machine")
def test_real_reports_of_a_city_arrive_as_they_were_written(
    plain_core: ReferenceCore, work: OutgoingWork
) -> None:
    real = json.loads(DATA.read_text())[:300]
    references = names(len(real))
    bodies = {
        reference: {
            "reference": reference,
            "service_code": one["service_name"],
            "description": one["description"],
            "lat": one["lat"],
            "long": one["long"],
            "address": one["address"],
        }
        for reference, one in zip(references, real, strict=True)
    }
    work.add("open311", [(reference, reference, body) for reference, body in bodies.items()])
    plain_core.order("garbage", count=20)
    with RunningForwarder(work, connectors_to(plain_core)) as running:
        running.wait_until_done()
    assert_once(plain_core, "requests", references)
    number = {row["aggregate"]: row["core_ref"] for row in work.rows()}
    for reference in references[:50]:
        (row,) = plain_core.client.get(f"{plain_core.base_url}/requests/{number[reference]}.json").json()
        assert row["description"].rpartition("\n")[0] == bodies[reference]["description"].rstrip()
