"""A device whose enrolment names another town's signing key, before a hub that signs with its own."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.adapters import device_keys
from shared.adapters.durable_files import PUBLIC, write_whole
from tests.support.device_process import DeviceProcess
from tests.support.hub_process import HubProcess
from tests.support.polling import eventually


@pytest.mark.sentence("W-8")
def test_bundle_that_nobody_signed_whom_the_device_trusts_is_not_taken_and_a_clerk_is_told(
    tmp_path: Path,
) -> None:
    """Link keys alone are no hub: whoever has them, and not the signing key, has a device take nothing."""
    with HubProcess(tmp_path / "hub") as hub:
        home = hub.enrol("bus-1", tmp_path / "bus-1")
        identity = device_keys.load(home.identity)
        stranger = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
        answer = replace(identity.answer, hub_signing=stranger)
        write_whole(identity.folder / "answer.json", answer.to_json(), PUBLIC)
        with DeviceProcess(home) as device:
            eventually(
                lambda: device.status().get("wanted", {}).get("refused", {}).get("bundle:refused"),
                timeout_s=60,
                what="a bundle refused",
            )
            assert device.status()["wanted"]["bundles"] == {}
            told = "/v1/exceptions?kind=device_refused"
            eventually(lambda: hub.get(told)["items"], timeout_s=60, what="a clerk told")
