"""Every vector of settings, commands and bundles against our own device."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.adapters.device_keys import Identity, KeySet
from shared.edge.guidance import Guidance, GuidanceParts
from shared.edge.operations import Operations, RecentLog
from shared.protocol.bundle import Notice
from shared.protocol.command import decode_result
from shared.protocol.enrolment import EnrolmentAnswer
from shared.protocol.keys import derive
from shared.protocol.mac import open_message
from tests.vectors.fleet_messages import fleet, signing
from tests.vectors.make import written
from tests.vectors.seeds import DEVICE, FLEET_FOLDER, TIME_MS, Vector, sealing_key, secret, stored

SESSION = "c2Vzc2lvbg"


def vectors(name: str) -> list[Any]:
    return [pytest.param(vector, id=vector["name"]) for vector in stored(name, FLEET_FOLDER)]


class Machine:
    """A device whose keys are the vectors'."""

    def __init__(self, folder: Path, vector: Vector) -> None:
        assert derive(secret()).down.key.hex() == vector["key"]
        self.uptime_ms = 0
        self.fetched: list[Notice] = []
        self.sessions = 0
        self.folder = folder
        answer = EnrolmentAnswer(
            device=DEVICE,
            kind="kiosk",
            site="",
            certificate="",
            authority="",
            brokers=("127.0.0.1:1",),
            hub_url="https://127.0.0.1:1",
            hub_signing=vector["hub_signing"],
            hub_sealing=sealing_key().public().raw.hex(),
            fleet_key="",
            time_ms=0,
        )
        keys = KeySet(
            links=derive(secret()), signing=signing("device"), tls=ec.generate_private_key(ec.SECP256R1())
        )
        identity = Identity(
            folder=folder,
            keys=keys,
            previous=None,
            answer=answer,
            hub_sealing=sealing_key().public(),
            fleet_key=b"",
            certificate_ends_ms=0,
        )
        self.guidance = Guidance(
            GuidanceParts(
                identity=identity,
                folder=folder,
                settings=self,
                operations=Operations(lambda: self.uptime_ms, RecentLog(), lambda: None),
                fetch=self,
                uptime_ms=lambda: self.uptime_ms,
                wall_ms=lambda: TIME_MS,
                taken=lambda _held, _content: None,
            )
        )

    def apply(self, doc: Mapping[str, Any]) -> bool:
        return False

    def begin(self, notice: Notice, done: Callable[[Notice, bytes], None]) -> None:
        self.fetched.append(notice)

    def hear(self, step: Mapping[str, Any], hub_ms: int | None = TIME_MS) -> None:
        self.guidance.receive(step["topic"], step["message"].encode(), hub_ms)

    @property
    def holds(self) -> dict[str, list[int]]:
        bundles = self.guidance.status()["bundles"]
        return {name: [int(n) for n in item["version"].split("-")] for name, item in bundles.items()}

    def answers(self) -> list[str]:
        up = derive(secret()).up
        said = self.guidance.to_say(SESSION)
        results = [message for message in said if message.topic.endswith("/result")]
        bodies = [open_message({up.id: up.key}, one.topic, one.payload) for one in results]
        return [decode_result(body).state.value for body in bodies]


def test_vectors_that_lie_there_are_the_ones_that_are_made() -> None:
    made = fleet()
    assert {path.stem for path in FLEET_FOLDER.glob("*.jsonl")} == set(made)
    for name, found in made.items():
        assert (FLEET_FOLDER / f"{name}.jsonl").read_text() == written(found)
        assert len({vector["name"] for vector in found}) == len(found)
        assert all(vector["why"] for vector in found)


@pytest.mark.sentence("W-8")
@pytest.mark.sentence("W-12")
@pytest.mark.sentence("W-17")
@pytest.mark.sentence("W-18")
@pytest.mark.parametrize("vector", vectors("bundles"))
def test_bundle_is_taken_fetched_or_has_no_effect(vector: Vector, tmp_path: Path) -> None:
    machine = Machine(tmp_path, vector)
    for step in vector["steps"]:
        before = machine.holds
        machine.hear(step)
        if step["must"] == "fetched":
            assert machine.fetched
        else:
            assert machine.fetched == []
            assert (machine.holds != before) is (step["must"] == "taken")
    assert machine.holds == vector["holds"]


@pytest.mark.sentence("W-1")
@pytest.mark.sentence("W-2")
@pytest.mark.sentence("W-3")
@pytest.mark.parametrize("vector", vectors("twins"))
def test_settings_stand_as_they_must(vector: Vector, tmp_path: Path) -> None:
    machine = Machine(tmp_path, vector)
    for step in vector["steps"]:
        match step.get("happen"):
            case "reach":
                machine.guidance.turn(None)
                machine.sessions += 1
                machine.guidance.turn(f"session-{machine.sessions}")
            case "time":
                machine.guidance.turn(None)
                machine.uptime_ms += step["ms"]
                machine.guidance.turn(None)
            case _:
                machine.hear(step)
    found = machine.guidance.status()["settings"]
    if vector["reported"] is None:
        assert found["version"] is None
    else:
        assert {name: found[name] for name in vector["reported"]} == vector["reported"]


@pytest.mark.sentence("W-5")
@pytest.mark.sentence("W-6")
@pytest.mark.parametrize("vector", vectors("commands"))
def test_command_is_answered_as_it_must_be(vector: Vector, tmp_path: Path) -> None:
    machine = Machine(tmp_path, vector)
    for step in vector["steps"]:
        machine.hear(step, step["now_ms"])
        assert machine.answers() == step["must"]
