"""Every vector of the phone against our own phone, and the vectors against the plain rules that made them."""

import pytest

from beacon_node.receiver.core.district import District
from beacon_node.receiver.core.history import History
from beacon_node.receiver.core.matching import Reason, decide
from beacon_node.receiver.core.person import Person
from beacon_node.receiver.core.resolver import Aes, Resolver
from shared.beacon_wire.eid import identifier
from shared.model.beacon_keys import BeaconKeys
from shared.model.beacon_notices import BeaconNotices
from tests.support.phone import heard, told
from tests.vectors.make import written
from tests.vectors.receiver_walks import RECEIVER_FOLDER, receiver
from tests.vectors.seeds import Vector, stored

PUBLISHED = {0: "a9b76a71c5f89290", 2_000: "4144413e45fefa58"}
"""Radius Networks, ephemeral_calc."""


@pytest.mark.parametrize(
    "vector", [pytest.param(v, id=v["name"]) for v in stored("decisions", RECEIVER_FOLDER)]
)
def test_phone_decides_what_the_vector_says(vector: Vector) -> None:
    keys, notices = BeaconKeys.from_data(vector["keys"]), BeaconNotices.from_data(vector["notices"])
    decision = decide(
        heard(bytes.fromhex(vector["service_data"]), vector["rssi_dbm"]),
        District(keys, notices, vector["expires_ms"]),
        Person.from_data(vector["person"]),
        History.of(bytes(32), vector["shown"]),
        vector["now_ms"],
    )
    reason, place, proven, verdicts = told(decision)
    must = {"reason": reason, "place": place, "proven": proven, "notices": [list(one) for one in verdicts]}
    assert must == vector["must"]


@pytest.mark.parametrize(
    "vector", [pytest.param(v, id=v["name"]) for v in stored("identifiers", RECEIVER_FOLDER)]
)
def test_identifier_is_what_the_vector_says(vector: Vector) -> None:
    key = bytes.fromhex(vector["period_key"])
    assert identifier(Aes, key, vector["seconds"], vector["exponent"]).hex() == vector["identifier"]
    if vector["name"].startswith("published"):
        assert vector["identifier"] == PUBLISHED[vector["seconds"]]


def test_vectors_show_every_reason() -> None:
    shown: set[str] = set()
    for vector in stored("decisions", RECEIVER_FOLDER):
        shown.add(vector["must"]["reason"])
        shown.update(reason for _, reason in vector["must"]["notices"])
    assert shown == {reason.value for reason in Reason}


def test_receiver_vectors_are_those_that_are_made() -> None:
    for name, made in receiver().items():
        assert (RECEIVER_FOLDER / f"{name}.jsonl").read_text() == written(made)


def test_resolver_of_the_vectors_bundle_finds_all_its_beacons() -> None:
    vector = stored("decisions", RECEIVER_FOLDER)[0]
    keys = BeaconKeys.from_data(vector["keys"])
    for beacon in keys.beacons:
        key = keys.key_of(beacon, vector["now_ms"] // 1000 >> 16)
        assert key is not None
        said = identifier(Aes, key, vector["now_ms"] // 1000, keys.exponent)
        found = Resolver(keys).find_within(said, vector["now_ms"] // 1000, 0)
        assert found is not None
        assert found.beacon == beacon
