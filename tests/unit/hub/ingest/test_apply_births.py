"""Births at the hub: nothing changes on an unconfirmed word, and what is forged has no effect."""

import pytest

from hub.db import tables
from hub.ingest.apply import Incoming
from shared.model.event import Stream
from shared.protocol import limits, topics
from shared.protocol.keys import derive
from shared.protocol.mac import seal_message
from tests.simulation.device import secret_of
from tests.support.street import Kiosk, Street, Written

PAYMENTS, CASES = Stream.PAYMENTS, Stream.CASES
EVERYTHING = (tables.device, tables.device_epoch, tables.inbox, tables.loss_record, tables.quarantine)


@pytest.fixture
def street() -> Street:
    return Street()


@pytest.fixture
def kiosk() -> Kiosk:
    kiosk = Kiosk()
    kiosk.fee()
    kiosk.fee()
    return kiosk


def kinds(street: Street) -> list[tuple[str, str | None]]:
    """The exceptions that wait for a clerk: kind and device."""
    return [(row["kind"], row["device"]) for row in street.rows(tables.exception)]


# ---- the birth that opens a session -----------------------------------------------------------------------


@pytest.mark.sentence("B-2")
@pytest.mark.sentence("B-3")
def test_birth_without_a_session_is_offered_one_and_changes_nothing(street: Street, kiosk: Kiosk) -> None:
    (said,) = street.hear(kiosk.birth())
    assert said.welcome.nonce == "nonce-1"
    assert len(said.welcome.session) == 22
    assert (said.welcome.incarnation, said.welcome.time_ms) == (street.life.value, street.now_ms)
    assert [street.rows(table) for table in EVERYTHING] == [[]] * len(EVERYTHING)


@pytest.mark.sentence("B-3")
def test_birth_with_the_offer_teaches_epochs_and_is_answered_with_every_lane(
    street: Street, kiosk: Kiosk
) -> None:
    kiosk.report()
    ack = street.enter(kiosk)
    assert ack.session == kiosk.session
    assert {stream: s.acked for stream, s in ack.streams.items()} == {PAYMENTS: 0, CASES: 0}
    (payments,) = (row for row in street.rows(tables.device_epoch) if row["stream"] == "payments")
    assert (payments["last"], payments["heard"], payments["position"]) == (2, 2, 0)


@pytest.mark.sentence("B-2")
@pytest.mark.sentence("B-3")
@pytest.mark.parametrize("session", ["never offered", "first offer", "after a minute", "used"])
def test_birth_with_a_session_that_does_not_count_changes_nothing(
    street: Street, kiosk: Kiosk, session: str
) -> None:
    (said,) = street.hear(kiosk.birth())
    offered = said.welcome.session
    match session:
        case "first offer":
            street.hear(kiosk.birth())
        case "after a minute":
            street.now_ms += limits.OFFER_LIFE_MS + 1
        case "used":
            street.hear(Kiosk().birth(offered))
            street.enter(Kiosk())
        case _:
            offered = "made up"
    before = [street.rows(table) for table in EVERYTHING]
    (answer,) = street.hear(kiosk.birth(offered))
    assert answer.welcome.session != offered
    assert [street.rows(table) for table in EVERYTHING] == before


@pytest.mark.sentence("B-3")
def test_birth_that_was_recorded_and_is_replayed_closes_loses_and_fences_nothing(
    street: Street, kiosk: Kiosk
) -> None:
    """The birth of an empty disk, recorded when the device was new, and sent again a year later."""
    recorded = Kiosk()
    (offer,) = street.hear(recorded.birth())
    confirmed = recorded.birth(offer.welcome.session)
    street.hear(confirmed)
    street.enter(kiosk)
    street.hear(*kiosk.frames(PAYMENTS))
    before = [street.rows(table) for table in EVERYTHING]
    street.hear(confirmed, recorded.birth())
    assert [street.rows(table) for table in EVERYTHING] == before
    assert not street.registry.fenced
    (said,) = street.hear(kiosk.frame(PAYMENTS, 3))
    assert said.ack.session == kiosk.session


@pytest.mark.sentence("B-4")
def test_birth_within_the_session_only_adds(street: Street, kiosk: Kiosk) -> None:
    street.enter(kiosk)
    street.hear(*kiosk.frames(PAYMENTS))
    late = Kiosk().birth(kiosk.session)
    kiosk.restart()
    kiosk.fee()
    (said,) = street.hear(kiosk.birth(kiosk.session))
    assert said.ack.streams[PAYMENTS].epoch == kiosk.epochs[PAYMENTS][-1].epoch
    (said,) = street.hear(late)
    assert said.ack.streams[PAYMENTS].epoch == kiosk.epochs[PAYMENTS][-1].epoch
    assert street.rows(tables.loss_record) == []
    assert not street.registry.fenced


@pytest.mark.sentence("B-6")
def test_births_whose_uptime_does_not_rise_raise_an_exception_and_nothing_more(
    street: Street, kiosk: Kiosk
) -> None:
    street.enter(kiosk)
    assert kinds(street) == []
    kiosk.boot = 0
    ack = street.enter(kiosk)
    assert ack.session == kiosk.session
    assert kinds(street) == [("clock_of_births", "kiosk-7")]
    assert not street.registry.fenced


@pytest.mark.sentence("B-8")
def test_birth_that_knows_a_later_hub_makes_it_jump_above_and_tell(street: Street, kiosk: Kiosk) -> None:
    kiosk.incarnation = 40
    (said,) = street.hear(kiosk.birth())
    assert said.welcome.incarnation == street.life.value == 41
    assert kinds(street) == [("hub_behind", "kiosk-7")]
    street.hear(kiosk.birth())
    assert street.life.value == 41
    assert len(kinds(street)) == 1


@pytest.mark.sentence("B-8")
def test_birth_that_claims_an_impossible_hub_uses_up_no_numbers(street: Street, kiosk: Kiosk) -> None:
    """Beyond 2^53 no device could read the hub's answers any more: one liar would silence every device."""
    kiosk.incarnation = 2**53 - 1
    (said,) = street.hear(kiosk.birth())
    assert said.welcome.incarnation == street.life.value == 1


@pytest.mark.sentence("B-9")
def test_welcome_asks_for_a_pause_drawn_below_its_limit(street: Street) -> None:
    street.ingest.hold_s_max = 60
    holds = [street.hear(Kiosk().birth())[0].welcome.hold_s for _ in range(30)]
    assert all(0 <= hold < 60 for hold in holds)
    assert len(set(holds)) > 10


@pytest.mark.sentence("H-12")
def test_epoch_that_a_birth_lists_no_more_is_closed_and_opened_again_line_by_line(
    street: Street, kiosk: Kiosk
) -> None:
    street.enter(kiosk)
    street.hear(kiosk.frame(PAYMENTS, 1, 1))
    lost = kiosk.epochs[PAYMENTS]
    kiosk.epochs[PAYMENTS] = [Written(PAYMENTS, "0000000b", kiosk.name)]
    kiosk.fee()
    street.enter(kiosk)
    (record,) = street.rows(tables.loss_record)
    assert (record["first_seq"], record["last_seq"], record["reason"]) == (2, 2, "gone")
    assert record["possibly_more"]
    kiosk.epochs[PAYMENTS] = [*lost, *kiosk.epochs[PAYMENTS]]
    ack = street.enter(kiosk)
    assert (ack.streams[PAYMENTS].epoch, ack.streams[PAYMENTS].acked) == (lost[0].epoch, 1)
    street.hear(*kiosk.frames(PAYMENTS))
    (record,) = street.rows(tables.loss_record)
    assert (record["found"], record["resolved"]) == (1, True)
    assert len(street.rows(tables.inbox)) == 3


@pytest.mark.sentence("B-4")
def test_device_that_names_ever_new_epochs_within_a_session_is_heard_no_further(
    street: Street, kiosk: Kiosk
) -> None:
    street.enter(kiosk)
    for birth in range(6):
        names = [f"{birth:04x}{n:04x}" for n in range(limits.EPOCHS_LISTED_MAX)]
        kiosk.epochs[PAYMENTS] = [Written(PAYMENTS, name, kiosk.name) for name in names]
        street.hear(kiosk.birth(kiosk.session))
    heard = [row for row in street.rows(tables.device_epoch) if row["stream"] == PAYMENTS]
    assert len(heard) <= 2 * limits.EPOCHS_LISTED_MAX + 1


# ---- what is no word of a device --------------------------------------------------------------------------


@pytest.mark.sentence("T-4")
@pytest.mark.parametrize(
    "forgery", ["flipped", "other topic", "other device's key", "down key", "no MAC", "cut"]
)
def test_message_that_is_forged_has_no_effect_and_no_answer(
    street: Street, kiosk: Kiosk, forgery: str
) -> None:
    street.enter(kiosk)
    before = [street.rows(table) for table in EVERYTHING]
    message = kiosk.frame(PAYMENTS)
    body = message.payload[: message.payload.rindex(b"~")]
    other, own = derive(secret_of("bus-7")).up, derive(secret_of("kiosk-7")).down
    match forgery:
        case "flipped":
            payload = bytes([message.payload[0] ^ 1]) + message.payload[1:]
        case "other topic":
            message = Incoming(topics.up("kiosk-7", CASES), message.payload)
            payload = message.payload
        case "other device's key":
            payload = seal_message(other, message.topic, body)
        case "down key":
            payload = seal_message(own, message.topic, body)
        case "no MAC":
            payload = body
        case _:
            payload = b""
    assert street.hear(Incoming(message.topic, payload)) == []
    assert [street.rows(table) for table in EVERYTHING] == before
    assert kinds(street) == [("forged", "kiosk-7")]


@pytest.mark.sentence("T-4")
def test_message_that_is_forged_is_told_to_a_clerk_once_a_minute_for_each_device_and_cause(
    street: Street, kiosk: Kiosk
) -> None:
    forged = [Incoming(topics.up(name, PAYMENTS), b"no MAC\n") for name in ("kiosk-7", "kiosk-7", "bus-7")]
    malformed = Incoming(kiosk.frame(PAYMENTS).topic, kiosk.frame(PAYMENTS, epoch="?").payload)
    street.hear(*forged, *forged, malformed, malformed)
    assert sorted(kinds(street)) == [("forged", "bus-7"), ("forged", "kiosk-7"), ("malformed", "kiosk-7")]
    assert street.ingest.refused == {"forged": 6, "malformed": 2}
    street.now_ms += 59_999
    street.hear(*forged)
    assert len(kinds(street)) == 3
    street.now_ms += 1
    street.hear(*forged)
    assert len(kinds(street)) == 5


def test_message_of_nobody_that_we_know_fills_no_book(street: Street) -> None:
    for n in range(50):
        street.hear(Incoming(topics.up(f"stranger-{n}", PAYMENTS), b"~"))
        street.hear(Incoming(f"vt/1/{n}/sideways", b"~"))
    assert kinds(street) == [("forged", None), ("malformed", None)]


def test_message_longer_than_any_is_not_even_read(street: Street) -> None:
    street.hear(Incoming(topics.up("kiosk-7", PAYMENTS), bytes(limits.BIRTH_BYTES_MAX + 1)))
    assert kinds(street) == [("oversized", "kiosk-7")]


def test_message_that_ingest_has_no_use_for_is_passed_over(street: Street) -> None:
    key, topic = derive(secret_of("kiosk-7")).up, topics.up("kiosk-7", topics.Verb.DEATH)
    assert street.hear(Incoming(topic, seal_message(key, topic, b'{"v":1}\n'))) == []
    assert kinds(street) == []
