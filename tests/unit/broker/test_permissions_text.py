"""nats.conf, read as text: who is named, and what nobody is given."""

from dataclasses import replace
from pathlib import Path

import pytest

from hub.broker.permissions import BrokerSettings, BrokerUser, configuration
from shared.protocol.enrolment import is_address

SETTINGS = BrokerSettings(
    host="127.0.0.1",
    port=8883,
    folder=Path('/srv/town "of" quotes/broker'),
    certificate=Path("/k/server.crt"),
    key=Path("/k/server.key"),
    authority=Path("/k/ca.crt"),
    own_certificate=Path("/k/hub.crt"),
    own_key=Path("/k/hub.key"),
)
USERS = [BrokerUser(name="urn:hub", device=None), BrokerUser(name="urn:kiosk-7", device="kiosk-7")]


def lines_about(name: str, text: str) -> list[str]:
    return [line for line in text.splitlines() if f'"{name}"' in line]


def test_device_gets_its_own_topics_and_the_state() -> None:
    (line,) = lines_about("urn:kiosk-7", configuration(SETTINGS, USERS))
    assert 'publish: ["vt.1.kiosk-7.up.>"]' in line
    assert 'subscribe: ["vt.1.kiosk-7.down", "vt.1.kiosk-7.down.>", "vt.1.hub.state"]' in line


def test_hub_hears_every_device_and_speaks_to_every_device() -> None:
    (line,) = lines_about("urn:hub", configuration(SETTINGS, USERS))
    assert 'publish: ["vt.1.*.down.>", "vt.1.hub.state"]' in line
    assert 'subscribe: ["vt.1.*.up", "vt.1.*.up.>", "vt.1.hub.state"]' in line


@pytest.mark.sentence("T-2")
def test_nobody_is_given_the_brokers_own_subjects_or_a_password() -> None:
    text = configuration(SETTINGS, USERS)
    assert "$" not in text
    assert "pass" not in text
    assert text.count("verify_and_map: true") == 2


def test_paths_with_quotes_stay_inside_their_strings() -> None:
    assert r'"/srv/town \"of\" quotes/broker/nats.log"' in configuration(SETTINGS, USERS)


def test_address_of_ipv6_is_bracketed() -> None:
    text = configuration(replace(SETTINGS, host="::1"), USERS)
    assert 'listen: "[::1]:8883"' in text
    assert is_address("[::1]:8883")
