"""A beacon's delivery against the hub's own ingest: whatever is lost, doubled, late or cut."""

from pathlib import Path

import pytest

from beacon_node.firmware import constants as c
from beacon_node.firmware import delivery
from beacon_node.firmware.mac import hkdf, mac_line, opened
from beacon_node.firmware.ring import EPOCHS_MAX, Ring
from beacon_node.firmware.stamps import event_id, rfc3339
from beacon_node.generate import PATH, constants
from hub.db import tables
from shared.model.event import Stream
from shared.model.ids import check_event_id
from shared.protocol import keys, topics
from shared.protocol.acknowledgement import Acknowledgement, StreamAck, encode_acknowledgement
from shared.protocol.birth import decode_birth
from shared.protocol.frame import decode_frame
from shared.protocol.keys import LinkKey, key_id
from shared.protocol.mac import open_message, seal_message
from tests.simulation.device import secret_of
from tests.support.node import NODE, NodeWorld


def test_constants_are_those_of_the_protocol() -> None:
    assert PATH.read_text() == constants(), "Mend with: .venv/bin/python -m beacon_node.generate"


@pytest.mark.sentence("A-2")
@pytest.mark.sentence("B-3")
@pytest.mark.sentence("D-2")
@pytest.mark.parametrize("seed", range(12))
def test_every_line_arrives_once_or_is_accounted_for(tmp_path: Path, seed: int) -> None:
    world = NodeWorld(tmp_path, seed, rough=(0.0, 0.05, 0.2)[seed % 3])
    world.live(260)
    world.drain()
    assert world.waiting() == []
    assert accounted(world) == []
    assert world.hub.registry.ever_fenced == []


def accounted(world: NodeWorld) -> list[str]:
    """What is wrong with what the hub has of what the node said."""
    held = {str(row["event_id"]): row for row in world.hub.rows(tables.inbox)}
    losses = world.hub.rows(tables.loss_record)
    assert world.hub.rows(tables.quarantine) == []
    wrong: list[str] = []
    said = {line.event_id for line in world.said}
    wrong += [f"nobody said {name}" for name in held if name not in said]
    newest = {line.key: number for number, line in enumerate(world.said) if line.stream == "health"}
    for number, line in enumerate(world.said):
        row = held.get(line.event_id)
        if row is not None:
            if (row["epoch"], row["seq"]) != (line.epoch, line.seq):
                wrong.append(f"{line} is elsewhere")
            continue
        is_lost = any(
            loss["epoch"] == line.epoch and loss["first_seq"] <= line.seq <= loss["last_seq"]
            for loss in losses
        )
        is_replaced = line.stream == "health" and newest[line.key] > number
        is_unlisted = line.epoch not in {each[0] for each in world.ring.lanes[line.stream].epochs()}
        if not (is_lost or is_replaced or is_unlisted):
            wrong.append(f"{line} is missing")
    return wrong


@pytest.mark.sentence("S-3")
def test_telemetry_of_a_day_without_a_hub_leaves_the_newest_and_one_gap(tmp_path: Path) -> None:
    world = NodeWorld(tmp_path, 1)
    world.link_down()
    for number in range(24 * 60 * 2):
        world.say("telemetry", "")
        if number % 40 == 0:
            world.say("health", f"k{number % 3}")
        world._now_ms += 30_000  # noqa: SLF001  a day passes
        world.hub.now_ms += 30_000
    world.drain()
    assert world.waiting() == []
    held = [row["seq"] for row in world.hub.rows(tables.inbox) if row["stream"] == "telemetry"]
    (loss,) = [row for row in world.hub.rows(tables.loss_record) if row["stream"] == "telemetry"]
    assert (loss["first_seq"], loss["last_seq"], loss["reason"]) == (1, held[0] - 1, "evicted")
    assert held == list(range(held[0], 24 * 60 * 2 + 1))
    health = [row["seq"] for row in world.hub.rows(tables.inbox) if row["stream"] == "health"]
    assert health[-3:] == [70, 71, 72]


@pytest.mark.sentence("T-4")
def test_forged_and_replayed_words_of_the_hub_have_no_effect(tmp_path: Path) -> None:
    world = NodeWorld(tmp_path, 2)
    world.say("telemetry", "")
    heard: list[tuple[str, bytes]] = []
    hear = world.hear
    for _ in range(12):
        for topic, payload in world.session.tick(world.uptime_ms):
            for answer in world.hub.answers(topic, payload):
                heard.append(answer)
                hear(*answer)
        world.step()
    assert world.session.state == delivery.STREAMING
    assert world.waiting() == []
    before = (world.session.session, world.ring.lanes["telemetry"].epochs())
    topic, payload = heard[-1]
    for wrong in (payload[:-1], payload.replace(b'"v"', b'"w"'), b"", b"{}", payload[:40], payload + b"x"):
        hear(topic, wrong)
    hear("vt/1/other/down/ack", payload)
    assert world.refused == 7
    for each in heard:  # all that was ever said, again
        hear(*each)
        assert (world.session.session, world.ring.lanes["telemetry"].epochs()) == before
    foreign = keys.derive(bytes(32)).down
    hear(topic, seal_message(foreign, topic, b'{"v":1}\n'))
    assert world.refused == 8


def ack_of(world: NodeWorld, n: int, acked: int, *, epoch: str = "", session: str = "") -> tuple[str, bytes]:
    """A word of the hub about `telemetry`."""
    stands = StreamAck(epoch=epoch or world.ring.epoch, acked=acked, head=bytes(8), credit=800)
    word = Acknowledgement(
        incarnation=world.hub.life.value,
        n=n,
        session=session or world.session.session,
        streams={Stream.TELEMETRY: stands},
        time_ms=world.hub.now_ms,
    )
    topic = topics.ack(NODE)
    return topic, seal_message(world.hub.registry.down_key(NODE), topic, encode_acknowledgement(word))


def streaming(tmp_path: Path, lines: int) -> NodeWorld:
    """A node in session, whose lines the hub has."""
    world = NodeWorld(tmp_path, 9)
    for _ in range(lines):
        world.say("telemetry", "")
    world.drain()
    assert world.waiting() == []
    return world


@pytest.mark.sentence("A-2")
@pytest.mark.sentence("A-4")
def test_newest_word_of_the_session_counts_and_no_other(tmp_path: Path) -> None:
    world = streaming(tmp_path, 4)
    acked = lambda: world.ring.lanes["telemetry"].epochs()[-1][4]  # noqa: E731  asked after each word
    world.hear(*ack_of(world, 1_000, 2))
    assert acked() == 2
    world.hear(*ack_of(world, 999, 4))
    world.hear(*ack_of(world, 1_001, 4, session="another"))
    assert acked() == 2
    world.drain()  # the hub's own words are older than that one now: births say it anew
    assert world.waiting() == []


@pytest.mark.sentence("A-6")
@pytest.mark.parametrize(("acked", "epoch"), [(5, ""), (1, "ffffffff")])
def test_word_about_what_the_node_does_not_have_leads_to_a_birth(
    tmp_path: Path, acked: int, epoch: str
) -> None:
    world = streaming(tmp_path, 4)
    world.hear(*ack_of(world, 1_000, acked, epoch=epoch))
    assert world.session.state == delivery.BIRTH_SENT
    assert "/up/birth" in world.session.tick(world.uptime_ms)[0][0]


@pytest.mark.sentence("A-6")
def test_hub_that_has_not_heard_of_a_new_epoch_is_told_within_the_session(tmp_path: Path) -> None:
    world = streaming(tmp_path, 2)
    first, session = world.ring.epoch, world.session.session
    world.ring.epoch = "0000000b"
    world.ring.lanes["telemetry"]._open = None  # noqa: SLF001  another epoch, of which the session says nothing
    world.ring.append("telemetry", lambda seq: b'{"seq":%d}' % seq)
    world.session.tick(world.uptime_ms)
    world.hear(*ack_of(world, 1_000, 2, epoch=first))
    (birth,) = [payload for topic, payload in world.session.tick(world.uptime_ms) if topic.endswith("/birth")]
    assert decode_birth(birth[: birth.rindex(b"~")]).session == session
    assert world.session.state == delivery.STREAMING


@pytest.mark.sentence("B-2")
def test_offer_that_was_taken_up_is_not_taken_up_again(tmp_path: Path) -> None:
    world = NodeWorld(tmp_path, 10)
    offers: list[tuple[str, bytes]] = []
    for _ in range(3):
        for topic, payload in world.session.tick(world.uptime_ms):
            for answer in world.hub.answers(topic, payload):
                offers += [answer] if b'"nonce"' in answer[1] else []
                world.hear(*answer)
    assert world.session.state == delivery.STREAMING
    world.hear(*ack_of(world, 1_000, 9))  # nonsense: it begins anew, with the nonce of the connection
    world.session.tick(world.uptime_ms)
    assert world.session.state == delivery.BIRTH_SENT
    world.hear(*offers[0])
    assert world.session.state == delivery.BIRTH_SENT


@pytest.mark.sentence("B-7")
def test_node_that_nobody_answers_backs_off_and_goes_on_taking_lines(tmp_path: Path) -> None:
    world = NodeWorld(tmp_path, 3, rough=1.0)
    births = 0
    for _ in range(3_000):
        world._now_ms += 1_000  # noqa: SLF001  time passes
        births += len(world.session.tick(world.uptime_ms))
    assert not world.session.recognised
    assert 3 < births < 60
    world.say("telemetry", "")
    world.rough = 0.0
    for _ in range(2_000):
        world.step()
    assert world.waiting() == []


@pytest.mark.sentence("L-6")
def test_frame_stays_within_a_microcontrollers_limits(tmp_path: Path) -> None:
    world = NodeWorld(tmp_path, 4)
    for _ in range(50):
        world.say("telemetry", "")
    frames = 0
    for _ in range(40):
        for topic, payload in world.session.tick(world.uptime_ms):
            if topic == topics.up(NODE, "telemetry"):  # pyright: ignore[reportArgumentType]  a stream by its name
                key = hkdf_key()
                frame = decode_frame(open_message({key.id: key.key}, topic, payload))
                assert len(payload) <= c.MICRO_FRAME_BYTES_MAX
                assert len(frame.lines) <= c.MICRO_FRAME_LINES_MAX
                frames += 1
            for answer in world.hub.answers(topic, payload):
                world.hear(*answer)
        world._now_ms += 100  # noqa: SLF001  time passes
    assert frames >= 3
    assert world.waiting() == []


def hkdf_key() -> LinkKey:
    """The key under which the node speaks."""
    return keys.derive(secret_of(NODE)).up


@pytest.mark.sentence("S-3")
def test_health_keeps_the_newest_of_each_key(tmp_path: Path) -> None:
    world = NodeWorld(tmp_path, 5)
    world.link_down()
    for number in range(400):
        world.say("health", "rare" if number == 3 else f"k{number % 3}")
    world.drain()
    kept = {line.event_id: line for line in world.said}
    held = [kept[str(row["event_id"])] for row in world.hub.rows(tables.inbox)]
    assert [line.seq for line in held if line.key == "rare"] == [4]
    assert {line.seq for line in held} >= {398, 399, 400}
    assert len(held) < 100
    assert world.hub.rows(tables.loss_record) == []


@pytest.mark.sentence("L-9")
def test_damaged_line_is_a_gap_and_what_follows_goes_on(tmp_path: Path) -> None:
    world = NodeWorld(tmp_path, 6)
    world.link_down()
    for _ in range(9):
        world.say("telemetry", "")
    (segment,) = (tmp_path / "ring" / "telemetry").iterdir()
    raw = bytearray(segment.read_bytes())
    raw[raw.index(b'"seq":4') + 30] ^= 1
    segment.write_bytes(raw)
    world.start()
    world.drain()
    assert world.waiting() == []
    assert [row["seq"] for row in world.hub.rows(tables.inbox)] == [1, 2, 3, 5, 6, 7, 8, 9]
    (loss,) = world.hub.rows(tables.loss_record)
    assert (loss["first_seq"], loss["last_seq"], loss["reason"]) == (4, 4, "corrupt")


@pytest.mark.sentence("L-9")
@pytest.mark.parametrize(
    "spoilt", [b'"gap_to":x', b'"gap_to":0', b'"gap_to":9999', b'"rea\xffon"', b'"head":"00']
)
def test_gap_that_is_damaged_is_a_gap_and_the_node_starts(tmp_path: Path, spoilt: bytes) -> None:
    world = NodeWorld(tmp_path, 9)
    world.link_down()
    for number in range(120):
        world.say("health", f"k{number % 3}")
    with_gap = [each for each in (tmp_path / "ring" / "health").iterdir() if b"gap_to" in each.read_bytes()]
    raw = with_gap[0].read_bytes()
    member = spoilt.partition(b":")[0][:4]
    at = raw.index(member, raw.index(b'"gap_to"'))
    with_gap[0].write_bytes(raw[:at] + spoilt + raw[at + len(spoilt) :])
    world.start()
    world.drain()
    assert world.waiting() == []
    assert max(row["seq"] for row in world.hub.rows(tables.inbox)) == 120
    assert world.hub.rows(tables.quarantine) == []
    (loss,) = world.hub.rows(tables.loss_record)
    assert (loss["first_seq"], loss["reason"]) == (1, "evicted")  # nothing whole was left of that segment


@pytest.mark.sentence("L-2")
def test_starts_without_a_hub_keep_so_many_epochs_and_no_more(tmp_path: Path) -> None:
    world = NodeWorld(tmp_path, 7)
    for _ in range(EPOCHS_MAX + 5):
        world.link_down()
        world.say("telemetry", "")
        world.start()
        world.link_down()
    assert len(world.ring.lanes["telemetry"].epochs()) == EPOCHS_MAX
    world.drain()
    assert world.waiting() == []
    assert len(world.hub.rows(tables.inbox)) == EPOCHS_MAX


def test_file_that_is_no_segment_is_passed_over(tmp_path: Path) -> None:
    world = NodeWorld(tmp_path, 8)
    world.say("telemetry", "")
    folder = tmp_path / "ring" / "telemetry"
    for name, content in (("new", b"half"), ("00000009.0000000a.00000001", b"\xff\xff"), ("x.y.z", b"")):
        (folder / name).write_bytes(content)
    ring = Ring(str(tmp_path / "ring"), NODE, "0000000b", 9_000, 9_000)
    assert [each[2] for each in ring.lanes["telemetry"].epochs()] == [1]


@pytest.mark.sentence("T-3")
def test_mac_line_is_the_hubs_and_no_other_key_opens_it() -> None:
    key = hkdf(bytes(32), b"vt1 up")
    link = LinkKey(key_id(key), key)
    message = b'{"v":1}\n' + mac_line(key, "a/topic", b'{"v":1}', b"\n")
    assert message == seal_message(link, "a/topic", b'{"v":1}\n')
    assert opened(key, "a/topic", message) == b'{"v":1}\n'
    assert opened(key, "another", message) is None
    assert opened(bytes(32), "a/topic", message) is None


def test_event_id_and_instant_are_what_the_hub_reads() -> None:
    assert check_event_id(event_id(1_795_293_730_123, bytes(range(10))))
    assert rfc3339(1_795_293_730_123) == "2026-11-21T20:42:10Z"
    assert rfc3339(1_709_164_800_000) == "2024-02-29T00:00:00Z"
    assert rfc3339(0) == "1970-01-01T00:00:00Z"
