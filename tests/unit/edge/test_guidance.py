"""Settings, commands and bundles on the device: what has an effect, what has none, and what a cut leaves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.adapters import device_keys
from shared.edge.bundle_shelf import read_shelf
from shared.edge.guidance import Anew, Guidance, GuidanceParts
from shared.edge.home import DeviceHome
from shared.edge.kept_files import write_kept
from shared.edge.operations import Operations, RecentLog
from shared.protocol import limits, topics
from shared.protocol.bundle import (
    HUB_KEYS,
    HubPublicKeys,
    Notice,
    encode_notice,
    make_notice,
    make_retirement,
)
from shared.protocol.command import Command, CommandState, Result, decode_result, encode_command
from shared.protocol.keys import LinkKey
from shared.protocol.mac import open_message, seal_message
from shared.protocol.reported import BundleReport, BundleState, Reported, TwinState, decode_reported
from shared.protocol.sealing import HubSealingKey
from shared.protocol.session import Publish
from shared.protocol.twin import Desired, encode_desired
from shared.protocol.versions import Version
from tests.support.town import Town, now_ms

NOW_MS = now_ms() + 3_600_000
"""After the enrolment, by the hub's clock."""
FAR_MS = NOW_MS + 3_600_000


@dataclass
class Machine:
    """What settings are put in force on, and what restarts."""

    docs: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    restarts: int = 0
    uptime_ms: int = 0

    def apply(self, doc: Mapping[str, Any]) -> bool:
        before = self.docs[-1] if self.docs else {}
        self.docs.append(doc)
        return doc.get("link.brokers") != before.get("link.brokers")

    def restart(self) -> None:
        self.restarts += 1


@dataclass
class Postman:
    """Fetches what the test laid ready, when the test says so."""

    waiting: list[tuple[Notice, Callable[[Notice, bytes], None]]] = field(
        default_factory=list[tuple[Notice, Callable[[Notice, bytes], None]]]
    )

    def begin(self, notice: Notice, done: Callable[[Notice, bytes], None]) -> None:
        self.waiting.append((notice, done))


class Desk:
    """One device's guidance, spoken to as the hub speaks, or as somebody else does."""

    def __init__(self, home: DeviceHome, town: Town) -> None:
        self.home = home
        self.identity = device_keys.load(home.identity)
        self.device = self.identity.device
        self.hub_key = town.room.registry.down_key(self.device)
        self.signing = town.room.keys.signing
        self.machine, self.postman = Machine(), Postman()
        self.sessions = 0
        self.start()

    def start(self) -> None:
        """The process begins; what was in memory is gone."""
        self.guidance = Guidance(
            GuidanceParts(
                identity=self.identity,
                folder=self.home.identity,
                settings=self.machine,
                operations=Operations(lambda: self.machine.uptime_ms, RecentLog(), self.machine.restart),
                fetch=self.postman,
                uptime_ms=lambda: self.machine.uptime_ms,
                wall_ms=lambda: NOW_MS,
                taken=lambda _held, _content: None,
            )
        )
        self.guidance.attach(lambda: {"state": "streaming"}, lambda: NOW_MS)

    def tell(
        self, topic: str, body: bytes, *, key: LinkKey | None = None, hub_ms: int | None = NOW_MS
    ) -> None:
        message = seal_message(key or self.hub_key, topic, body)
        self.guidance.receive(topic, message, hub_ms)

    def settings(
        self, n: int, doc: Mapping[str, Any], confirm_s: int = 60, *, key: LinkKey | None = None
    ) -> None:
        desired = Desired(version=Version(1, n), doc=doc, confirm_s=confirm_s)
        self.tell(topics.desired(self.device), encode_desired(desired), key=key)

    def command(
        self,
        name: str,
        op: str = "ping",
        expires_ms: int = FAR_MS,
        *,
        key: LinkKey | None = None,
        hub_ms: int | None = NOW_MS,
    ) -> None:
        body = encode_command(Command(id=name, op=op, args={}, expires_ms=expires_ms))
        self.tell(topics.command(self.device), body, key=key, hub_ms=hub_ms)

    def bundle(self, notice: Notice, *, name: str | None = None, key: LinkKey | None = None) -> None:
        self.tell(topics.bundle(self.device, name or notice.name), encode_notice(notice), key=key)

    def made(
        self, n: int, body: bytes = b"{}", name: str = "content", key: Ed25519PrivateKey | None = None
    ) -> Notice:
        return make_notice(name, Version(1, n), body, FAR_MS, [key or self.signing])

    def connect(self) -> Anew:
        """A session is confirmed."""
        self.sessions += 1
        return self.guidance.turn(f"session-{self.sessions}")

    def said(self) -> tuple[list[Result], Reported | None]:
        """What is published now."""
        results, reported = list[Result](), None
        for message in self.guidance.to_say(f"session-{self.sessions}"):
            body = self._opened(message)
            if message.topic.endswith("/result"):
                results.append(decode_result(body))
            else:
                reported = decode_reported(body)
        return results, reported

    def _opened(self, message: Publish) -> bytes:
        up = self.identity.keys.links.up
        return open_message({up.id: up.key}, message.topic, message.payload)


@pytest.fixture
def desk(home: DeviceHome, town_of_keys: Town) -> Desk:
    desk = Desk(home, town_of_keys)
    desk.connect()
    desk.said()
    return desk


STRANGER = LinkKey("00000000", b"\1" * 32)


@pytest.mark.sentence("W-2")
def test_settings_are_on_trial_until_a_session_that_began_after_them(desk: Desk) -> None:
    desk.settings(1, {"screen.idle_s": 30})
    assert desk.guidance.turn("session-1") is Anew.BIRTH
    assert desk.machine.docs[-1] == {"screen.idle_s": 30}
    _, reported = desk.said()
    assert reported is not None
    assert reported.twin is not None
    assert reported.twin.state is TwinState.PENDING
    assert desk.connect() is Anew.NOTHING
    _, reported = desk.said()
    assert reported is not None
    assert reported.twin is not None
    assert (reported.twin.state, reported.twin.version) == (TwinState.REACHED, Version(1, 1))


@pytest.mark.sentence("W-2")
def test_settings_that_come_with_a_new_session_are_not_reached_by_it(desk: Desk) -> None:
    desk.settings(1, {"screen.idle_s": 30})
    desk.sessions += 1
    assert desk.guidance.turn("session-2") is Anew.BIRTH
    assert desk.guidance.status()["settings"]["state"] == "pending"


@pytest.mark.sentence("W-3")
def test_settings_that_reach_nobody_are_gone_back_from(desk: Desk) -> None:
    desk.settings(1, {"link.brokers": ["127.0.0.1:1"]}, confirm_s=60)
    assert desk.guidance.turn("session-1") is Anew.LINK
    desk.machine.uptime_ms += 59_000
    assert desk.guidance.turn(None) is Anew.NOTHING
    desk.machine.uptime_ms += 2_000
    assert desk.guidance.turn(None) is Anew.LINK
    assert desk.machine.docs[-1] == {}
    desk.connect()
    _, reported = desk.said()
    assert reported is not None
    assert reported.twin is not None
    assert reported.twin.state is TwinState.REVERTED
    desk.settings(1, {"link.brokers": ["127.0.0.1:1"]})
    assert desk.guidance.turn(f"session-{desk.sessions}") is Anew.NOTHING


@pytest.mark.sentence("W-4")
def test_trial_is_on_the_disk_before_anything_follows_from_it(desk: Desk) -> None:
    desk.settings(1, {"screen.idle_s": 30})
    desk.start()  # the power was cut before the settings were put in force
    assert desk.machine.docs[-1] == {"screen.idle_s": 30}
    assert desk.guidance.status()["settings"]["state"] == "pending"
    for _ in range(limits.TRIAL_STARTS_MAX):
        desk.start()
    assert desk.machine.docs[-1] == {}


@pytest.mark.sentence("W-1")
def test_settings_that_are_forged_older_or_impossible_have_no_effect_and_are_told(desk: Desk) -> None:
    desk.settings(5, {"screen.idle_s": 30})
    desk.connect()
    desk.connect()
    applied = list(desk.machine.docs)
    desk.settings(9, {"screen.idle_s": 99}, key=STRANGER)
    desk.settings(4, {"screen.idle_s": 44})
    desk.settings(6, {"screen.idle_s": 1})
    desk.tell(topics.desired(desk.device), b"{}\n")
    assert desk.connect() is Anew.NOTHING
    assert desk.machine.docs == applied
    desk.machine.uptime_ms += 60_000
    _, reported = desk.said()
    assert reported is not None
    assert reported.refused == {"desired:forged": 1, "desired:older": 1, "desired:refused": 2}
    assert reported.twin is not None
    assert (reported.twin.version, reported.twin.state) == (Version(1, 6), TwinState.REVERTED)


def test_settings_of_another_device_have_no_effect(desk: Desk) -> None:
    body = encode_desired(Desired(version=Version(1, 1), doc={}, confirm_s=60))
    topic = topics.desired("bus-8")
    desk.guidance.receive(topics.desired(desk.device), seal_message(desk.hub_key, topic, body), NOW_MS)
    assert desk.guidance.refused == {"desired:forged": 1}


def test_unknown_setting_of_a_newer_hub_is_kept(desk: Desk) -> None:
    desk.settings(1, {"hologram.size": 7})
    desk.connect()
    assert desk.guidance.status()["settings"]["values"] == {"hologram.size": 7}


def test_settings_file_that_is_damaged_counts_as_none(desk: Desk) -> None:
    desk.settings(1, {"screen.idle_s": 30})
    path = desk.home.identity / "twin.json"
    content = bytearray(path.read_bytes())
    content[-10] ^= 4
    path.write_bytes(bytes(content))
    desk.start()
    assert desk.guidance.status()["settings"]["version"] is None
    desk.settings(1, {"screen.idle_s": 30})
    assert desk.guidance.status()["settings"]["state"] == "pending"


@pytest.mark.sentence("W-5")
def test_command_is_done_once_however_often_it_comes(desk: Desk) -> None:
    desk.command("a")
    desk.command("a")
    results, _ = desk.said()
    assert [(r.state, r.was) for r in results] == [
        (CommandState.ACCEPTED, None),
        (CommandState.RUNNING, None),
        (CommandState.DUPLICATE, CommandState.RUNNING),
        (CommandState.DONE, None),
    ]
    desk.start()
    desk.command("a")
    results, _ = desk.said()
    assert [(r.state, r.was) for r in results] == [(CommandState.DUPLICATE, CommandState.DONE)]


@pytest.mark.sentence("W-5")
def test_command_is_not_done_before_the_first_welcome_nor_after_its_end(desk: Desk) -> None:
    desk.command("early", "restart", hub_ms=None)
    assert desk.said()[0] == []
    desk.command("late", "restart", expires_ms=NOW_MS)
    assert [r.state for r in desk.said()[0]] == [CommandState.EXPIRED]
    desk.command("forged", "restart", key=STRANGER)
    assert desk.said()[0] == []
    assert desk.machine.restarts == 0
    assert desk.guidance.refused == {"command:forged": 1}
    desk.command("early", "restart")
    desk.said()
    assert desk.machine.restarts == 1


@pytest.mark.sentence("W-6")
def test_commands_beyond_what_is_remembered_are_not_done(desk: Desk) -> None:
    for n in range(limits.COMMANDS_REMEMBERED):
        desk.command(f"c{n}")
        desk.said()
    desk.command("one-more", "restart")
    (result,) = desk.said()[0]
    assert result.state is CommandState.FAILED
    assert "expired" in result.detail
    desk.command("c0", "restart")
    assert desk.said()[0][0].state is CommandState.DUPLICATE
    assert desk.machine.restarts == 0
    desk.command("later", expires_ms=FAR_MS + 9, hub_ms=FAR_MS + 1)
    assert desk.said()[0][-1].state is CommandState.DONE


@pytest.mark.sentence("W-5")
def test_command_that_a_cut_interrupted_is_not_begun_again(desk: Desk) -> None:
    desk.command("a")  # remembered; the cut comes before it is done
    desk.start()
    desk.command("a")
    (result,) = desk.said()[0]
    assert (result.stands, "started again" in result.detail) == (CommandState.FAILED, True)


def test_command_that_cannot_be_remembered_is_not_done(desk: Desk) -> None:
    (desk.home.identity / ".commands.json.new").mkdir()
    desk.command("a", "restart")
    desk.said()
    assert desk.machine.restarts == 0
    assert desk.guidance.refused == {"command:not_stored": 1}


@pytest.mark.sentence("W-8")
def test_bundle_is_held_whole_and_its_version_never_goes_back(desk: Desk) -> None:
    old, new = desk.made(1, b'{"a":1}'), desk.made(2, b'{"a":2}')
    desk.bundle(new)
    desk.bundle(old)
    desk.start()
    desk.bundle(old)
    ((name, held, body),) = read_shelf(desk.home.identity)
    assert (name, held.notice.version, body) == ("content", Version(1, 2), b'{"a":2}')
    assert desk.guidance.refused == {"bundle:older": 1}


@pytest.mark.sentence("W-8")
def test_bundle_that_is_forged_or_under_another_name_has_no_effect(desk: Desk) -> None:
    stranger = Ed25519PrivateKey.generate()
    desk.bundle(desk.made(1), key=STRANGER)
    desk.bundle(desk.made(1, key=stranger))
    desk.bundle(replace(desk.made(1), version=Version(9, 9)))
    desk.bundle(desk.made(1), name="fares")
    desk.tell(topics.bundle(desk.device, "../x"), encode_notice(desk.made(1)))
    assert read_shelf(desk.home.identity) == []
    assert desk.guidance.refused == {"bundle:forged": 1, "bundle:refused": 4}


@pytest.mark.sentence("W-8")
def test_body_that_was_fetched_is_held_against_what_was_signed(desk: Desk) -> None:
    body = b"x" * (limits.BUNDLE_INLINE_BYTES_MAX + 1)
    desk.bundle(desk.made(1, body))
    ((notice, done),) = desk.postman.waiting
    done(notice, body[:-1] + b"y")
    assert read_shelf(desk.home.identity) == []
    assert desk.guidance.refused == {"bundle:body": 1}
    done(notice, body)
    done(notice, body)
    assert [held.notice.version for _, held, _ in read_shelf(desk.home.identity)] == [Version(1, 1)]


@pytest.mark.sentence("W-12")
def test_bundle_that_the_device_does_not_understand_is_told_and_the_one_before_stays(desk: Desk) -> None:
    good, bad = b'{"subjects":["a"]}', b'{"subjects":["a",7]}'
    desk.bundle(desk.made(1, good, name="deny-list"))
    desk.bundle(desk.made(2, bad, name="deny-list"))
    desk.connect()
    _, reported = desk.said()
    assert reported is not None
    assert reported.bundles["deny-list"].version == Version(1, 1)
    assert reported.refused == {"bundle:refused": 1}
    assert "deny-list: subjects[1] is a text" in reported.why["bundle:refused"]
    long = b'{"subjects":["%s",7]}' % (b"x" * limits.BUNDLE_INLINE_BYTES_MAX)
    desk.bundle(desk.made(3, long, name="deny-list"))
    ((notice, done),) = desk.postman.waiting
    done(notice, long)
    desk.machine.uptime_ms += 10_000
    _, reported = desk.said()
    assert reported is not None
    assert "deny-list: subjects[0] is a text" in reported.why["bundle:body"]
    assert [body for _, _, body in read_shelf(desk.home.identity)] == [good]


@pytest.mark.sentence("W-12")
def test_bundle_that_an_older_device_took_and_this_one_does_not_understand_is_left_and_stays(
    desk: Desk,
) -> None:
    desk.bundle(desk.made(2, b"{}"))
    held = desk.home.identity / "bundles" / "content"
    notice = desk.made(2, b"{}", name="agenda")  # as it was taken when nobody looked into it
    head = b'{"taken_ms":1}\n'
    said = encode_notice(replace(notice, body=None))
    write_kept(held.with_name("agenda"), head + said + b"{}")
    desk.start()
    desk.bundle(desk.made(1, b'{"items":[]}', name="agenda"))
    assert desk.guidance.refused == {"bundle:older": 1}
    desk.bundle(desk.made(3, b'{"items":[]}', name="agenda"))
    assert {name: body for name, _, body in read_shelf(desk.home.identity)}["agenda"] == b'{"items":[]}'


@pytest.mark.sentence("W-17")
def test_name_that_was_retired_is_dropped_and_only_a_newer_bundle_brings_it_back(desk: Desk) -> None:
    first, gone = desk.made(1, b'{"a":1}'), make_retirement("content", Version(1, 2), FAR_MS, [desk.signing])
    desk.bundle(first)
    desk.bundle(gone)
    desk.connect()
    _, reported = desk.said()
    assert reported is not None
    assert reported.bundles == {"content": BundleReport(version=Version(1, 2), state=BundleState.RETIRED)}
    assert (read_shelf(desk.home.identity), desk.guidance.status()["bundles"]) == ([], {})
    desk.start()
    desk.bundle(first)  # somebody recorded it
    assert desk.guidance.refused == {"bundle:older": 1}
    assert read_shelf(desk.home.identity) == []
    desk.bundle(desk.made(3, b'{"a":3}'))
    desk.bundle(gone)
    assert [body for _, _, body in read_shelf(desk.home.identity)] == [b'{"a":3}']


@pytest.mark.sentence("W-17")
def test_body_that_was_on_its_way_when_its_name_was_retired_is_not_taken(desk: Desk) -> None:
    body = b"x" * (limits.BUNDLE_INLINE_BYTES_MAX + 1)
    desk.bundle(desk.made(1, body))
    desk.bundle(make_retirement("content", Version(1, 2), FAR_MS, [desk.signing]))
    ((notice, done),) = desk.postman.waiting
    done(notice, body)
    assert read_shelf(desk.home.identity) == []


def test_what_retires_the_hubs_keys_or_more_names_than_are_remembered_has_no_effect(desk: Desk) -> None:
    keys = HubPublicKeys(
        signing=(desk.signing.public_key().public_bytes_raw(),), sealing=HubSealingKey.generate().public().raw
    )
    desk.bundle(desk.made(1, keys.to_body(), name=HUB_KEYS))
    desk.bundle(make_retirement(HUB_KEYS, Version(1, 2), FAR_MS, [desk.signing]))
    assert [name for name, _, _ in read_shelf(desk.home.identity)] == [HUB_KEYS]
    for n in range(limits.BUNDLES_RETIRED_MAX + 2):
        desk.bundle(make_retirement(f"name-{n}", Version(1, 3), FAR_MS, [desk.signing]))
    assert desk.guidance.refused == {"bundle:refused": 1, "bundle:not_stored": 2}
    desk.connect()
    _, reported = desk.said()
    assert reported is not None  # the hub reads a word that names them all
    assert len(reported.bundles) == 1 + limits.BUNDLES_RETIRED_MAX


@pytest.mark.sentence("W-9")
def test_bundle_that_has_expired_is_kept_and_says_what_is_done_with_it(desk: Desk) -> None:
    desk.bundle(make_notice("deny-list", Version(1, 1), b'{"subjects":[]}', NOW_MS, [desk.signing]))
    found = desk.guidance.status()["bundles"]["deny-list"]
    assert (found["state"], found["after_expiry"]) == ("expired", "limit")


@pytest.mark.sentence("W-8")
def test_hub_keys_that_an_old_key_signed_bring_the_new_one(desk: Desk) -> None:
    new = Ed25519PrivateKey.generate()
    keys = HubPublicKeys(
        signing=(new.public_key().public_bytes_raw(),), sealing=HubSealingKey.generate().public().raw
    )
    desk.bundle(desk.made(1, key=new))
    both = make_notice(HUB_KEYS, Version(1, 2), keys.to_body(), FAR_MS, [new, desk.signing])
    desk.bundle(both)
    desk.start()
    desk.bundle(desk.made(3, key=new))
    desk.bundle(desk.made(4))  # the old key has retired
    held = {name: item.notice.version for name, item, _ in read_shelf(desk.home.identity)}
    assert held == {HUB_KEYS: Version(1, 2), "content": Version(1, 3)}


def test_names_that_somebody_invents_fill_no_disk(desk: Desk) -> None:
    for n in range(limits.BUNDLES_HELD_MAX + 3):
        desk.bundle(desk.made(1, name=f"name-{n}"))
    assert len(read_shelf(desk.home.identity)) == limits.BUNDLES_HELD_MAX
    assert desk.guidance.refused == {"bundle:not_stored": 3}


def test_bodies_that_are_fetched_at_once_fill_no_more_than_the_shelf(desk: Desk) -> None:
    body = b"x" * (limits.BUNDLE_INLINE_BYTES_MAX + 1)
    for n in range(limits.BUNDLES_HELD_MAX + 1):
        desk.bundle(desk.made(1, body, name=f"name-{n}"))
    for notice, done in desk.postman.waiting:
        done(notice, body)
    desk.connect()
    _, reported = desk.said()
    assert reported is not None  # the hub would not read a word that names more
    assert len(reported.bundles) == limits.BUNDLES_HELD_MAX
    assert reported.refused == {"bundle:body": 1}


def test_bundle_that_is_damaged_on_the_disk_is_asked_for_again(desk: Desk, tmp_path: Path) -> None:
    desk.bundle(desk.made(1, b'{"a":1}'))
    path = desk.home.identity / "bundles" / "content"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(bytes(content))
    desk.start()
    desk.connect()
    _, reported = desk.said()
    assert reported is not None
    assert reported.bundles == {}


def test_flood_of_refused_messages_is_not_made_louder(desk: Desk) -> None:
    words = 0
    for _ in range(50):
        desk.settings(1, {}, key=STRANGER)
        words += desk.said()[1] is not None
    assert words <= 1
