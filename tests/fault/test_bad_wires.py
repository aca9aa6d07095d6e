"""Wires that delay, cut, change, half-close and swallow: device to broker in TLS, forwarder to core without.

What each costs is printed (`pytest -s`) and written down in docs/GUARANTEES.md.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from types import MappingProxyType

import pytest

from tests.support.device_process import DeviceProcess, report, tap
from tests.support.edge import enrol_home
from tests.support.outgoing_work import OutgoingWork, RunningForwarder, connectors_to, effect_key
from tests.support.polling import eventually
from tests.support.proxy import Proxy
from tests.support.reference_core import ReferenceCore
from tests.support.small_hub import SmallHub

EVENTS = 40
TIMES = 3
WAIT_S = 150.0
DELAY_S = 0.15


def delay(proxy: Proxy) -> None:
    proxy.up.delay_s = proxy.down.delay_s = DELAY_S


def cut(proxy: Proxy) -> None:
    proxy.up.cut_in = 3_000


def cut_answers(proxy: Proxy) -> None:
    proxy.down.cut_in = 500


def garble(proxy: Proxy) -> None:
    proxy.up.garble_every = 2_000


def garble_answers(proxy: Proxy) -> None:
    proxy.down.garble_every = 150


def half_close(proxy: Proxy) -> None:
    proxy.up.closes = True


def half_close_answers(proxy: Proxy) -> None:
    proxy.down.closes = True


def black_hole(proxy: Proxy) -> None:
    proxy.up.swallows = proxy.down.swallows = True


def swallow_answers(proxy: Proxy) -> None:
    proxy.down.swallows = True


Fault = Callable[[Proxy], None]
FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "delay": delay,
        "cut at a byte": cut,
        "answers cut at a byte": cut_answers,
        "bytes changed": garble,
        "bytes of answers changed": garble_answers,
        "half-closed": half_close,
        "answers half-closed": half_close_answers,
        "black hole": black_hole,
        "answers swallowed": swallow_answers,
    }
)
LASTING = frozenset({delay})


@dataclass
class Town:
    """A hub, and a device that reaches its broker through a wire of ours."""

    hub: SmallHub
    proxy: Proxy
    device: DeviceProcess
    given: int = 0

    def take(self, count: int) -> None:
        """Have the device take reports and payments."""
        first = self.given
        self.given += count
        self.device.give(
            report("x" * 400) if n % 2 else tap(n, card="04A2") for n in range(first, self.given)
        )
        self.device.wait_for_answers(self.given)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    hub = SmallHub(tmp_path_factory.mktemp("wires") / "town", ())
    proxy = Proxy(hub.town.port)
    enrol_home(hub.town, hub.home("bus-7"), "bus-7", port=proxy.port)
    hub.town.broker.reload()
    with DeviceProcess(hub.home("bus-7")) as device:
        yield Town(hub, proxy, device)
    proxy.close()
    hub.close()


@pytest.mark.guarantee("a frame or acknowledgement lost, doubled, reordered; the broker wiped")
@pytest.mark.parametrize("name", FAULTS)
def test_wire_to_the_broker_that_is_bad_costs_time_alone(town: Town, name: str) -> None:
    fault, proxy, device = FAULTS[name], town.proxy, town.device
    device.wait_for_status(state="streaming", unacknowledged=0)
    dialled, passed = proxy.accepted, proxy.up.passed + proxy.down.passed
    began_s = time.monotonic()
    for _ in range(1 if fault in LASTING else TIMES):
        fault(proxy)
        town.take(EVENTS)
        struck = proxy.accepted
        if fault not in LASTING:
            eventually(lambda struck=struck: felt(proxy, struck), timeout_s=WAIT_S, what="the fault felt")
            proxy.heal()
    healed_s = time.monotonic()
    town.hub.wait_for(device.taken(), timeout_s=WAIT_S)
    eventually(lambda: device.status().get("unacknowledged") == 0, timeout_s=WAIT_S, what="its answers")
    proxy.heal()
    cost = proxy.up.passed + proxy.down.passed - passed
    bad_s, after_s = healed_s - began_s, time.monotonic() - healed_s
    tell(f"{name}: {proxy.accepted - dialled} connections, {cost} bytes, {bad_s:.1f} + {after_s:.1f} s")
    assert (proxy.accepted == dialled) == (fault in LASTING)
    town.hub.nothing_wrong()
    assert not town.hub.town.room.registry.is_fenced("bus-7")


def tell(cost: str) -> None:
    print(f"\n{cost}")  # noqa: T201  for whoever writes the table


def felt(proxy: Proxy, struck: int) -> bool:
    """Whether a bad wire has made the device dial again, or the wire has taken what was to be lost."""
    return proxy.accepted > struck


HTTP_FAULTS = tuple(name for name in FAULTS if name != "bytes changed")
"""Without TLS nobody can tell a request whose bytes were changed; see docs/GUARANTEES.md."""


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceCore]:
    with ReferenceCore(tmp_path_factory.mktemp("core"), "--plain") as core:
        yield core


@pytest.mark.guarantee(
    "core down for days, slow, 500, 409, 429, garbage, 200 after the time-out, without idempotency key"
)
@pytest.mark.parametrize("name", HTTP_FAULTS)
def test_wire_to_the_core_that_is_bad_leaves_one_effect_each(
    core: ReferenceCore, tmp_path: Path, name: str
) -> None:
    fault, proxy = FAULTS[name], Proxy(core.port)
    references, payments = [token_hex(6) for _ in range(12)], [token_hex(6) for _ in range(12)]
    began_s = time.monotonic()
    try:
        with OutgoingWork(tmp_path) as work:
            fault(proxy)
            work.add_reports(references)
            work.add_settlements(payments, aggregates=4)
            with RunningForwarder(work, connectors_to(core, port=proxy.port)) as running:
                if fault not in LASTING:
                    for _ in range(TIMES):
                        struck = proxy.accepted
                        eventually(lambda struck=struck: felt(proxy, struck), timeout_s=WAIT_S, what="felt")
                        fault(proxy)
                    proxy.heal()
                running.wait_until_done(WAIT_S)
        tell(f"{name}: {proxy.accepted} connections, {time.monotonic() - began_s:.1f} s")
    finally:
        proxy.close()
    assert core.effects()["duplicates"] == 0
    assert set(references) <= set(core.counts("requests"))
    assert {str(effect_key(name)) for name in payments} <= set(core.counts("settlements"))
